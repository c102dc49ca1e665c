"""Precision and recall of the grounding check on real chats with swapped entities.

    python benchmarks/grounding_real.py --data DIALOGUES.jsonl [--quick] [--errors N]

DIALOGUES.jsonl holds one {"id": ..., "messages": [{"role", "content"}]} a line, here Taskmaster-4
(google-research-datasets/Taskmaster, TM-4-2024, CC-BY-4.0): orders in a coffee shop. A case is an
assistant's turn (the answer) after the turns before it (the source), twice: as it was, with every
entity in the source; and with one entity swapped for another of its kind that is not there.

Three wordings. "found": the capitalised drink or person, or the number, that a real turn repeats.
"noted": a real turn whose entities are not in the turns before it, after notes that hold it in
lower case. "added": because chats about coffee have few dates and no ids, a sentence with an
entity is appended to a customer's turn and one that repeats it, often written differently, to the
answer. The choice of turns and the swaps use no code or word list of the checked module.

    recall     share of the swapped answers in which the swap is reported
    precision  reported swaps / (reported swaps + answers, swapped or not, with a false report)
    clean      share of real turns without a digit, a number word or a capitalised word inside a
               sentence for which anything is reported; all of these reports are false

Dialogues are halved by their id. The detector was mended on one half ("seen"); the figures are
those of the other ("held out"), the table shows both. Each half has sentences, names and forms of
its own, see `grounding_wordings.py`. --errors prints failures of the seen half.
"""

import argparse
import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from grounding_wordings import SEEN, UNSEEN, Wordings, weekday_name

from tunesmith.data.grounding import Entity, ungrounded

KINDS = ("name", "date", "number", "id")


class Case(NamedTuple):
    """An answer that its source supports, and the same with one entity that it does not."""

    kind: str
    wording: str
    source: str
    answer: str
    swapped: str
    swap: str


class Counts:
    """Outcomes of the cases of one kind."""

    def __init__(self) -> None:
        self.cases = self.caught = self.false = 0

    @property
    def recall(self) -> float:
        return self.caught / self.cases if self.cases else float("nan")

    @property
    def precision(self) -> float:
        reported = self.caught + self.false
        return self.caught / reported if reported else float("nan")

    def __add__(self, other: "Counts") -> "Counts":
        both = Counts()
        both.cases, both.caught = self.cases + other.cases, self.caught + other.caught
        both.false = self.false + other.false
        return both


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="chats, one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="every tenth dialogue")
    parser.add_argument("--errors", type=int, default=0, help="failures to print of each kind")
    options = parser.parse_args()
    if not options.data.is_file():
        parser.error(f"{options.data} is not there; it is part of the benchmark's input only")
    result = figures(options.data, quick=options.quick, errors=options.errors)
    print(json.dumps({"name": "grounding_real", "figures": result}))


def figures(data: Path, *, quick: bool = False, errors: int = 0) -> dict[str, float]:
    """Print a table and return the figures of the held-out half."""
    dialogues = [json.loads(line) for line in data.read_text().splitlines()]
    dialogues = dialogues[:: 10 if quick else 1]
    result: dict[str, float] = {}
    print(f"{'half':10}{'kind':8}{'wording':9}{'n':>6}{'recall':>9}{'precision':>11}")
    for half in ("seen", "held out"):
        mine = [dialogue for dialogue in dialogues if half_of(dialogue["id"]) == half]
        counts: dict[tuple[str, str], Counts] = {}
        for case in cases(mine, SEEN if half == "seen" else UNSEEN):
            kept = counts.setdefault((case.kind, case.wording), Counts())
            problem = judge(case, kept)
            if problem and half == "seen" and kept.cases - kept.caught + kept.false <= errors:
                print(f"  {case.kind} {problem}\n    {case.source!r}\n    {case.swapped!r}")
        result = tabulate(half, counts)
        n, flagged = clean_turns(mine, errors if half == "seen" else 0)
        print(f"{half:10}clean turns {n}, reported {flagged}")
        result["clean_reported"] = round(flagged / n, 4) if n else float("nan")
    return result


def half_of(dialogue_id: str) -> str:
    return "seen" if hashlib.sha256(dialogue_id.encode()).digest()[0] < 128 else "held out"


def judge(case: Case, counts: Counts) -> str:
    """Count the outcome of a case; return what was wrong with it, or nothing."""
    reports = ungrounded(case.swapped, case.source)
    caught = any(overlaps(report, case.swap) for report in reports)
    false = [report for report in reports if not overlaps(report, case.swap)]
    untrue = [report.text for report in (*false, *ungrounded(case.answer, case.source))]
    counts.cases += 1
    counts.caught += caught
    counts.false += bool(untrue)
    if untrue:
        return f"false {untrue}"
    return "" if caught else f"missed {case.swap!r}"


def overlaps(report: Entity, swap: str) -> bool:
    """Whether a report is about the swapped text, whatever its kind."""
    return report.text in swap or swap in report.text


def tabulate(half: str, counts: dict[tuple[str, str], Counts]) -> dict[str, float]:
    figures = {}
    for kind in KINDS:
        total = Counts()
        for (its_kind, wording), part in sorted(counts.items()):
            if its_kind == kind:
                row(half, kind, wording, part)
                total = total + part
        row(half, kind, "all", total)
        figures[f"precision.{kind}"] = round(total.precision, 4)
        figures[f"recall.{kind}"] = round(total.recall, 4)
        figures[f"n.{kind}"] = total.cases
    return figures


def row(half: str, kind: str, wording: str, counts: Counts) -> None:
    rates = f"{counts.recall:>9.3f}{counts.precision:>11.3f}"
    print(f"{half:10}{kind:8}{wording:9}{counts.cases:>6}{rates}")


def cases(dialogues: Sequence[dict], sets: Sequence[Wordings]) -> Iterator[Case]:
    """Make the found cases and, for each dialogue with a plain answer, one added case."""
    for dialogue in dialogues:
        rng = random.Random(dialogue["id"])
        for source, answer in turns(dialogue):
            wording = "found"
            if not supported(source, answer):
                source, wording = f"{source}\nnotes: {answer.lower()}", "noted"
            yield from real_name(source, answer, wording, rng)
            yield from real_number(source, answer, wording, rng)
        source, answer = last_turn(dialogue)
        if answer and supported(source, answer):
            yield added(source, answer, rng.choice(sets), rng)


def turns(dialogue: dict) -> Iterator[tuple[str, str]]:
    """Yield (the turns before, the turn) for each turn of the assistant."""
    before: list[str] = []
    for message in dialogue["messages"]:
        if message["role"] == "assistant" and before:
            yield "\n".join(before), message["content"]
        before.append(message["content"])


def last_turn(dialogue: dict) -> tuple[str, str]:
    return list(turns(dialogue))[-1] if len(dialogue["messages"]) > 1 else ("", "")


_NUMBER_WORDS_TEXT = """
two three four five six seven eight nine ten eleven twelve
"""
NUMBER_WORDS = _NUMBER_WORDS_TEXT.split()
DIGITS_OR_WORDS = re.compile(rf"\d+|\b(?:{'|'.join(NUMBER_WORDS)})\b", re.IGNORECASE)
INNER_CAPITAL = re.compile(r"(?<=[A-Za-z,'’] )[A-Z][A-Za-z]+|(?<=[a-z,'’] ['\"])[A-Z][a-z]+")
_NOT_NAMES_TEXT = """
I Ok OK Okay Ill Is It Your You Please Thank Could What Hi Bar Coffee Correct Sure The
"""
NOT_NAMES = frozenset(_NOT_NAMES_TEXT.split())
"""Capitalised words that real turns hold inside a sentence and that name nothing (by hand)."""


def supported(source: str, answer: str) -> bool:
    """Whether each number and capitalised word of a real turn stands in the source as it is."""
    there = {word.lower() for word in re.findall(r"[A-Za-z]+|\d+", source)}
    stated = DIGITS_OR_WORDS.findall(answer)
    stated += [word for word in INNER_CAPITAL.findall(answer) if word not in NOT_NAMES]
    return all(word.lower() in there for word in stated)


def clean_turns(dialogues: Sequence[dict], errors: int) -> tuple[int, int]:
    """Count real turns that state nothing, and those of them with a report."""
    seen = flagged = 0
    for dialogue in dialogues:
        for source, answer in turns(dialogue):
            inner = [word for word in INNER_CAPITAL.findall(answer) if word not in NOT_NAMES]
            if inner or DIGITS_OR_WORDS.search(answer):
                continue
            seen += 1
            reports = ungrounded(answer, source)
            flagged += bool(reports)
            if reports and flagged <= errors:
                print(f"  clean {[report.text for report in reports]} {answer!r}")
    return seen, flagged


def real_name(source: str, answer: str, wording: str, rng: random.Random) -> Iterator[Case]:
    """Swap a capitalised word inside a sentence that the source holds too."""
    for match in INNER_CAPITAL.finditer(answer):
        name = match.group()
        if name in NOT_NAMES or name in LOOSE or not re.search(rf"(?i)\b{name}\b", source):
            continue
        pool = SEEN[0].first_names if name in CUSTOMERS else DRINKS
        other = pick(rng, pool, source + answer)
        yield Case("name", wording, source, answer, replace(answer, match, other), other)
        return


_LOOSE_TEXT = """
Tea Milk Sauce Cold Black Hot Drink Latte Lattes Chocolate Free Sugar
"""
_DRINKS_TEXT = """
Mocha Americano Cappuccino Cortado Matcha Steamer Chai Macchiato Frappuccino Rooibos Oolong
Darjeeling Affogato Doppio Hibiscus Chamomile Lavender Pumpkin
"""
DRINKS = _DRINKS_TEXT.split()
CUSTOMERS = frozenset(("Bob", "Dan", "Julia", "Giselle", "Nate", "Joe", "Chloe", "Jack", "James"))
"""People that real turns name."""
LOOSE = frozenset(_LOOSE_TEXT.split())
"""Parts of a drink's name that are no name when swapped alone."""


def real_number(source: str, answer: str, wording: str, rng: random.Random) -> Iterator[Case]:
    """Swap a number that the source holds too."""
    for match in DIGITS_OR_WORDS.finditer(answer):
        word = match.group().lower()
        if not re.search(rf"(?i)\b{word}\b", source):
            continue
        pool = NUMBER_WORDS[1:] if word.isalpha() else [str(n) for n in range(3, 60)]
        other = pick(rng, pool, source + answer)
        yield Case("number", wording, source, answer, replace(answer, match, other), other)
        return


def replace(text: str, match: re.Match[str], other: str) -> str:
    return text[: match.start()] + other + text[match.end() :]


def pick(rng: random.Random, pool: Sequence[str], text: str) -> str:
    """Draw something of which no word is in the text."""
    words = set(re.findall(r"\w+", text.lower()))
    while True:
        drawn = rng.choice(pool)
        if words.isdisjoint(re.findall(r"\w+", drawn.lower())):
            return drawn


def added(source: str, answer: str, words: Wordings, rng: random.Random) -> Case:
    """Append a sentence with an entity to a customer's turn and one that repeats it to the answer.

    Half of the time the source gets a sentence with entities of another kind too.
    """
    kind = rng.choice(KINDS)
    told, kept, swap, changed = MAKERS[kind](rng, source + answer, words)
    parts = source.split("\n")
    parts[0] += " " + told
    if rng.random() < 0.5:
        make = MAKERS[rng.choice([k for k in KINDS if k != kind])]
        parts[-1] += " " + make(rng, source, words)[0]
    first = rng.random() < 0.3
    good, bad = ((f"{s} {answer}" if first else f"{answer} {s}") for s in (kept, changed))
    return Case(kind, "added", "\n".join(parts), good, bad, swap)


Told = tuple[str, str, str, str]
"""Sentence for the source, sentence for the answer, the swapped text, the swapped sentence."""


def tell(
    rng: random.Random, wordings: Sequence[tuple[str, str]], said: str, kept: str, other: str
) -> Told:
    there, here = rng.choice(wordings)
    return there.format(said), here.format(kept), other, here.format(other)


def name_told(rng: random.Random, text: str, words: Wordings) -> Told:
    """A person, a company, a product or a place, whole in the source and often shorter here."""
    if rng.random() < 0.6:
        first, last = pick(rng, words.first_names, text), pick(rng, words.last_names, text)
        whole = f"{first} {last}"
        other = pick(rng, words.first_names, f"{text} {whole}")
        other_last = pick(rng, words.last_names, f"{text} {whole} {other}")
        title, form = rng.choice(words.honorifics), rng.randrange(4)
        if form == 0:
            return tell(rng, words.person, whole, f"{title} {last}", f"{title} {other_last}")
        if form == 1:
            return tell(rng, words.person, whole, whole, f"{other} {other_last}")
        if form == 2:
            said = first.upper() if rng.random() < 0.2 else first
            return tell(rng, words.person, said, first, other)
        return tell(rng, words.person, whole, first, other)
    sentences, pool = rng.choice(words.things)
    name = pick(rng, pool, text)
    said = name.lower() if rng.random() < 0.2 else name
    return tell(rng, sentences, said, name, pick(rng, pool, f"{text} {name}"))


def date_told(rng: random.Random, text: str, words: Wordings) -> Told:
    """A day, a weekday or a time, written in one way there and mostly in another way here."""
    if rng.random() < 0.25:
        hour, minute = rng.randrange(7, 21), rng.choice((0, 15, 30, 45))
        other = (hour - 7 + rng.randrange(1, 14)) % 14 + 7
        if other % 12 == hour % 12:
            other = (other + 1 - 7) % 14 + 7
        form, same = rng.choice(words.clocks), rng.choice(words.clocks)
        return tell(rng, words.at_time, form(hour, minute), same(hour, minute), same(other, minute))
    day = date(2026, 1, 1) + timedelta(rng.randrange(360))
    while True:
        other_day = day + timedelta(rng.choice((-30, -8, -3, -1, 1, 2, 5, 11, 45, 100)))
        crossed = (other_day.month, other_day.day) == (day.day, day.month)
        if not crossed and other_day.weekday() != day.weekday():
            break
    if rng.random() < 0.6:
        form = rng.choice(words.full_dates)
        here = rng.choice([*words.full_dates, *words.part_dates, weekday_name])
    else:
        form, here = rng.choice(words.part_dates), rng.choice(words.part_dates)
    return tell(rng, words.on_date, form(day), here(day), here(other_day))


def number_told(rng: random.Random, text: str, words: Wordings) -> Told:
    """A count, an amount of money, a share or a duration, in digits or in words."""
    taken = {int(n) for n in re.findall(r"\d+", text)} | {1, 2}
    measure = rng.choice(words.measures)
    values = [n for n in range(measure.low, measure.high, measure.step) if n not in taken]
    value, other = rng.sample(values, 2)
    here = rng.choice(measure.forms)
    said = rng.choice(measure.forms)(value)
    return tell(rng, measure.sentences, said, here(value), here(other))


def id_told(rng: random.Random, text: str, words: Wordings) -> Told:
    """A code, a serial or phone number or an address; a swap changes a few characters or all."""
    kind = rng.choice(words.identifiers)
    value = kind.make(rng)
    other = nudge(rng, value) if kind.near and rng.random() < 0.5 else kind.make(rng)
    while other == value:
        other = kind.make(rng)
    said = value
    if kind.loose and rng.random() < 0.3:
        said = value.lower() if rng.random() < 0.5 else value.replace("-", " ").upper()
    return tell(rng, kind.sentences, said, value, other)


def nudge(rng: random.Random, value: str) -> str:
    """Change one or two digits."""
    places = [i for i, c in enumerate(value) if c.isdigit()]
    changed = list(value)
    for place in rng.sample(places, k=min(len(places), rng.choice((1, 2)))):
        changed[place] = rng.choice([d for d in "0123456789" if d != value[place]])
    return "".join(changed)


MAKERS = {"name": name_told, "date": date_told, "number": number_told, "id": id_told}

if __name__ == "__main__":
    main()
