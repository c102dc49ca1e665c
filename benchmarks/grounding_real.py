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
answer. Wordings, swaps and the choice of turns are this file's own; it uses no code or word list
of the checked module, but one person wrote both: "found" and "clean" are the stricter figures.

    recall     share of the swapped answers in which the swap is reported
    precision  reported swaps / (reported swaps + answers, swapped or not, with a false report)
    clean      share of real turns without a digit, a number word or a capitalised word inside a
               sentence for which anything is reported; all of these reports are false

Dialogues are halved by their id. The detector was developed on one half ("seen"); the figures are
those of the other ("held out"), the table shows both. --errors prints failures of the seen half.
"""

import argparse
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

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
    figures = run(options.data, quick=options.quick, errors=options.errors)
    print(json.dumps({"name": "grounding_real", "figures": figures}))


def run(data: Path, *, quick: bool = False, errors: int = 0) -> dict[str, float]:
    """Print a table and return the figures of the held-out half."""
    dialogues = [json.loads(line) for line in data.read_text().splitlines()]
    dialogues = dialogues[:: 10 if quick else 1]
    figures: dict[str, float] = {}
    print(f"{'half':10}{'kind':8}{'wording':9}{'n':>6}{'recall':>9}{'precision':>11}")
    for half in ("seen", "held out"):
        mine = [dialogue for dialogue in dialogues if half_of(dialogue["id"]) == half]
        counts: dict[tuple[str, str], Counts] = {}
        for case in cases(mine):
            kept = counts.setdefault((case.kind, case.wording), Counts())
            problem = judge(case, kept)
            if problem and half == "seen" and kept.cases - kept.caught + kept.false <= errors:
                print(f"  {case.kind} {problem}\n    {case.source!r}\n    {case.swapped!r}")
        figures = tabulate(half, counts)
        n, flagged = clean_turns(mine, errors if half == "seen" else 0)
        print(f"{half:10}clean turns {n}, reported {flagged}")
        figures["clean_reported"] = round(flagged / n, 4) if n else float("nan")
    return figures


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


def cases(dialogues: Sequence[dict]) -> Iterator[Case]:
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
            yield added(source, answer, rng)


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
        pool = FIRST_NAMES if name in FIRST_NAMES else DRINKS
        other = pick(rng, pool, source + answer)
        yield Case("name", wording, source, answer, replace(answer, match, other), other)
        return


_LOOSE_TEXT = """
Tea Milk Sauce Cold Black Hot Drink Latte Lattes Chocolate Free Sugar
"""
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


def added(source: str, answer: str, rng: random.Random) -> Case:
    """Append a sentence with an entity to a customer's turn and one that repeats it to the answer.

    Half of the time the source gets a sentence with entities of another kind too.
    """
    kind = rng.choice(KINDS)
    told, kept, swap, changed = MAKERS[kind](rng, source + answer)
    parts = source.split("\n")
    parts[0] += " " + told
    if rng.random() < 0.5:
        parts[-1] += " " + MAKERS[rng.choice([k for k in KINDS if k != kind])](rng, source)[0]
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


def name_told(rng: random.Random, text: str) -> Told:
    """A person, a company, a product or a place, whole in the source and often shorter here."""
    if rng.random() < 0.6:
        first, last = pick(rng, FIRST_NAMES, text), pick(rng, LAST_NAMES, text)
        other = pick(rng, FIRST_NAMES, text + first + " " + last)
        other_last = pick(rng, LAST_NAMES, f"{text} {first} {last}")
        whole = f"{first} {last}"
        form = rng.randrange(4)
        if form == 0:
            return tell(rng, PERSON, whole, f"Ms {last}", f"Ms {other_last}")
        if form == 1:
            return tell(rng, PERSON, whole, whole, f"{other} {other_last}")
        if form == 2:
            return tell(rng, PERSON, first.upper() if rng.random() < 0.2 else first, first, other)
        return tell(rng, PERSON, whole, first, other)
    wordings, pool = rng.choice(((COMPANY, COMPANIES), (PLACE, PLACES), (PRODUCT, PRODUCTS)))
    name = pick(rng, pool, text)
    said = name.lower() if rng.random() < 0.2 else name
    return tell(rng, wordings, said, name, pick(rng, pool, text + " " + name))


def date_told(rng: random.Random, text: str) -> Told:
    """A day, a weekday or a time, written in one way there and mostly in another way here."""
    if rng.random() < 0.25:
        hour, minute = rng.randrange(7, 21), rng.choice((0, 15, 30, 45))
        other = (hour - 7 + rng.randrange(1, 14)) % 14 + 7
        if other % 12 == hour % 12:
            other = (other + 1 - 7) % 14 + 7
        form, same = rng.choice(CLOCKS), rng.choice(CLOCKS)
        return tell(rng, AT_TIME, form(hour, minute), same(hour, minute), same(other, minute))
    day = date(2026, 1, 1) + timedelta(rng.randrange(360))
    while True:
        other_day = day + timedelta(rng.choice((-30, -8, -3, -1, 1, 2, 5, 11, 45, 100)))
        crossed = (other_day.month, other_day.day) == (day.day, day.month)
        if not crossed and other_day.weekday() != day.weekday():
            break
    if rng.random() < 0.6:
        form, here = rng.choice(FULL_DATES), rng.choice(FULL_DATES + PART_DATES + [weekday_name])
    else:
        form, here = rng.choice(PART_DATES), rng.choice(PART_DATES)
    return tell(rng, ON_DATE, form(day), here(day), here(other_day))


def number_told(rng: random.Random, text: str) -> Told:
    """A count, an amount of money, a share or a duration, in digits or in words."""
    taken = {int(n) for n in re.findall(r"\d+", text)}
    kind = rng.randrange(4)
    low, high = ((2, 20), (3, 95), (5, 80), (3, 50))[kind]
    value = rng.choice([n for n in range(low, high) if n not in taken])
    other = rng.choice([n for n in range(low, high) if n not in taken | {value, 1, 2}])
    if kind == 0:
        forms: list[Callable[[int], str]] = [str, in_words]
        wordings = COUNT
    elif kind == 1:
        forms, wordings = MONEY_FORMS, MONEY
        if rng.random() < 0.3:
            forms, value, other = BIG_FORMS, value * 100, other * 100
    elif kind == 2:
        forms = [lambda n: f"{n}%", lambda n: f"{n} percent", lambda n: f"{in_words(n)} percent"]
        wordings = SHARE
    else:
        forms = [lambda n: f"{n} minutes", lambda n: f"{in_words(n)} minutes", lambda n: f"{n} min"]
        wordings = DURATION
    here = rng.choice(forms)
    return tell(rng, wordings, rng.choice(forms)(value), here(value), here(other))


def id_told(rng: random.Random, text: str) -> Told:
    """A code, a serial or phone number or an address; a swap changes a few characters or all."""
    make, wordings = rng.choice(
        ((order_code, ORDER), (serial, ORDER), (plain_digits, ORDER), (phone, PHONE),
         (email, EMAIL), (tracking, ORDER), (card_end, CARD))
    )  # fmt: skip
    value = make(rng)
    near = rng.random() < 0.5 and make not in (email, card_end)
    other = nudge(rng, value) if near else make(rng)
    while other == value:
        other = make(rng)
    said = value
    if make in (order_code, serial) and rng.random() < 0.3:
        said = value.lower() if rng.random() < 0.5 else value.replace("-", " ").upper()
    return tell(rng, wordings, said, value, other)


def nudge(rng: random.Random, value: str) -> str:
    """Change one or two digits."""
    places = [i for i, c in enumerate(value) if c.isdigit()]
    changed = list(value)
    for place in rng.sample(places, k=min(len(places), rng.choice((1, 2)))):
        changed[place] = rng.choice([d for d in "0123456789" if d != value[place]])
    return "".join(changed)


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("123456789") for _ in range(count))


def letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(count))


def order_code(rng: random.Random) -> str:
    prefix = rng.choice(("TK", "ORD", "INV", "CB", "REF", "RMA", "LOY"))
    return f"{prefix}{rng.choice(('-', '', '_', '-2026-'))}{digits(rng, rng.choice((4, 5, 6)))}"


def serial(rng: random.Random) -> str:
    return f"{letters(rng, 1)}{digits(rng, 2)}-{letters(rng, 2)}{digits(rng, 3)}-{digits(rng, 2)}"


def plain_digits(rng: random.Random) -> str:
    return rng.choice(("", "#")) + digits(rng, rng.choice((4, 5, 6, 8)))


def phone(rng: random.Random) -> str:
    form = rng.choice(("555-{}-{}", "(020) {} {}", "+44 20 7{} {}", "0171 {} {}"))
    return form.format(digits(rng, 3), digits(rng, 4))


def email(rng: random.Random) -> str:
    user = f"{rng.choice(FIRST_NAMES)}.{rng.choice(LAST_NAMES)}".lower()
    host = rng.choice(("example.com", "post.example.org", "mail.example.net"))
    return f"{user.replace(chr(39), '')}{rng.choice(('', '7', '88'))}@{host}"


def tracking(rng: random.Random) -> str:
    return f"1Z{letters(rng, 3)}{digits(rng, 10)}"


def card_end(rng: random.Random) -> str:
    return digits(rng, 4)


def in_words(number: int) -> str:
    """Write a number below a hundred in words."""
    if number < 20:
        return SMALL[number]
    tens, ones = divmod(number, 10)
    return TENS[tens - 2] + (f"-{SMALL[ones]}" if ones else "")


_SMALL_TEXT = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
SMALL = _SMALL_TEXT.split()
_TENS_TEXT = """
twenty thirty forty fifty sixty seventy eighty ninety
"""
TENS = _TENS_TEXT.split()


def ordinal(day: int) -> str:
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def weekday_name(day: date) -> str:
    return f"{day:%A}"


DateForm = Callable[[date], str]
FULL_DATES: list[DateForm] = [
    lambda d: f"{d.day} {d:%B %Y}",
    lambda d: f"{d:%B} {d.day}, {d.year}",
    lambda d: f"{d:%Y-%m-%d}",
    lambda d: f"{d:%d/%m/%Y}",
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: f"{d:%d.%m.%Y}",
    lambda d: f"{d:%A}, {d.day} {d:%B %Y}",
    lambda d: f"the {ordinal(d.day)} of {d:%B %Y}",
    lambda d: f"{d:%a %d %b %Y}",
]
PART_DATES: list[DateForm] = [
    lambda d: f"{d.day} {d:%B}",
    lambda d: f"{d:%B} {ordinal(d.day)}",
    lambda d: f"{d:%b} {d.day}",
    lambda d: f"{ordinal(d.day)} {d:%b}",
    lambda d: f"the {ordinal(d.day)} of {d:%B}",
]
Clock = Callable[[int, int], str]
CLOCKS: list[Clock] = [
    lambda h, m: f"{h:02d}:{m:02d}",
    lambda h, m: f"{(h - 1) % 12 + 1}:{m:02d} {'pm' if h >= 12 else 'am'}",
    lambda h, m: f"{(h - 1) % 12 + 1}{f':{m:02d}' if m else ''}{'pm' if h >= 12 else 'am'}",
    lambda h, m: f"{(h - 1) % 12 + 1}.{m:02d} {'p.m.' if h >= 12 else 'a.m.'}",
]
MONEY_FORMS: list[Callable[[int], str]] = [
    lambda n: f"${n}",
    lambda n: f"${n}.00",
    lambda n: f"{n} dollars",
    lambda n: f"{in_words(n)} dollars",
    lambda n: f"USD {n}",
]
BIG_FORMS: list[Callable[[int], str]] = [
    lambda n: f"${n:,}",
    lambda n: f"${n}",
    lambda n: f"{n:,} dollars",
    lambda n: f"{in_words(n // 100)} hundred dollars",
]

PERSON = (
    ("The name on the order is {}.", "I have the name down as {}."),
    ("It's for {}.", "Thanks, {}!"),
    ("My name is {}, by the way.", "{} will be called at the bar."),
    ("{} will pick it up.", "{} can pick it up at the bar."),
    ("This is {} speaking.", "Enjoy your drink, {}."),
    ("Could you call {} when it is done?", "We will call {} once it is done."),
    ("I'm ordering with {} today.", "Your drink and {}'s will come together."),
    ("Put it on the tab of {}.", "I put it on the tab of {}."),
    ("Last time {} served me.", "{} has noted how you like it."),
)
COMPANY = (
    ("I have a gift card from {}.", "Your {} gift card has been accepted."),
    ("My company, {}, pays for it.", "The bill goes to {}."),
    ("I work at {} around the corner.", "Staff of {} get it at the usual price."),
    ("Do you take points from {}?", "Yes, {} points are welcome here."),
)
PLACE = (
    ("Please bring it to the office in {}.", "It will be brought to {}."),
    ("I drove here all the way from {}.", "I hope the way back to {} is easy."),
    ("Is your shop in {} open too?", "Our shop in {} is open too."),
)
PRODUCT = (
    ("I also want the {} mug from the shelf.", "I have added the {} mug."),
    ("Can it go in my {} cup?", "We will fill your {} cup."),
    ("My {} bottle leaks, can you swap it?", "The {} bottle will be swapped at the bar."),
)
ON_DATE = (
    ("I need it for {}.", "It is booked for {}."),
    ("Can I get the same again on {}?", "The same order is set for {}."),
    ("My free drink runs out on {}.", "You can use your free drink until {}."),
    ("I was here last on {}.", "I see your visit of {} in the list."),
    ("The party is on {}.", "We will have everything ready on {}."),
    ("I bought the card on {}.", "The card bought on {} is still good."),
)
AT_TIME = (
    ("I come in at {}.", "See you at {}."),
    ("Please have it ready by {}.", "We will have it ready by {}."),
    ("The meeting starts at {}.", "It will be there before {}."),
    ("I leave at {} so please hurry.", "You will have it before {}."),
)
COUNT = (
    ("There are {} of us.", "We will set a table for {}."),
    ("Please add {} cookies.", "I have added {} cookies."),
    ("I have {} stamps on my card.", "Your card shows {} stamps."),
    ("Make it {} napkins too.", "You will find {} napkins in the bag."),
)
MONEY = (
    ("I have {} left on my card.", "The card still holds {}."),
    ("The screen says {} in all.", "That comes to {}."),
    ("Last time I was charged {} by mistake.", "We have returned {} to your card."),
    ("My voucher is for {}.", "I took {} off with your voucher."),
)
SHARE = (
    ("The sign says {} off today.", "I have taken {} off."),
    ("I get a staff discount of {}.", "Your discount of {} is in."),
    ("Can you fill it to {}?", "We will fill it to {}."),
)
DURATION = (
    ("I have {} before my train.", "It will be ready within your {}."),
    ("The screen says {}.", "Give us {} at most."),
    ("I was told to wait {}.", "The wait is still {}."),
)
ORDER = (
    ("My last order was {}.", "I repeated order {} for you."),
    ("The reference is {}.", "I found it under {}."),
    ("My receipt says {}.", "The receipt {} has been cancelled."),
    ("It's about number {}.", "We have noted {} for you."),
)
PHONE = (
    ("You can call me on {}.", "We will call {} when it is done."),
    ("Send me a text at {}.", "A text goes to {} in a moment."),
)
EMAIL = (
    ("Please send the receipt to {}.", "The receipt goes to {}."),
    ("My address is {}.", "I have {} as your address."),
)
CARD = (
    ("I pay with the card ending in {}.", "The card ending in {} was charged."),
    ("Charge the one that ends with {}.", "I used the card that ends with {}."),
)
MAKERS = {"name": name_told, "date": date_told, "number": number_told, "id": id_told}

_FIRST_NAMES_TEXT = """
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard
Susan Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty
Anthony Sandra Mark Margaret Donald Ashley Steven Kimberly Paul Emily Andrew Donna Joshua Michelle
Kenneth Carol Kevin Amanda Brian Dorothy George Melissa Timothy Deborah Ronald Stephanie Edward
Rebecca Jason Sharon Jeffrey Laura Ryan Cynthia Jacob Kathleen Gary Amy Nicholas Angela Eric
Shirley Jonathan Anna Grace Rose Will Bill Hope Jack Frank Aisha Wei Yuki Sven Björn Zoë José
Nguyen Priyanka Oluwaseun Ximena Siobhan Dmitri Fatou Ngozi Hiroshi Chiara Anaïs Jürgen Mateusz
Leilani Bob Dan Julia Giselle Nate Joe Chloe Jean Julie Jim
"""
FIRST_NAMES = _FIRST_NAMES_TEXT.split()
_LAST_NAMES_TEXT = """
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez
Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark
Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams
Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts O'Brien MacDonald Müller Håkansson
Ivanov Okonkwo Yamamoto Castellanos Dupont Bianchi
"""
LAST_NAMES = _LAST_NAMES_TEXT.split()
_COMPANIES_TEXT = """
Siemens Vodafone Deloitte Spotify Lufthansa Unilever Starbucks Airbnb Toyota Nestle Walmart
Zalando Accenture Huawei Barclays Ikea Netflix PayPal LinkedIn Target Apple Costco Brightline
Northgate Globex Initech Hooli Umbrella IBM DHL SAP BMW
"""
COMPANIES = _COMPANIES_TEXT.split()
PLACES = [
    "Berlin", "Chicago", "Leeds", "Toronto", "Lagos", "Osaka", "Lisbon", "Dundee", "San Diego",
    "New Orleans", "Buenos Aires", "Rotterdam", "Cardiff", "Wichita", "Baker Street", "Harlow Road",
    "Kings Cross", "Elm Park", "Reykjavik", "São Paulo", "Naples", "Portland", "Bristol", "Phoenix",
]  # fmt: skip
PRODUCTS = [
    "Thermos", "Contigo", "Hydroflask", "Stanley", "Yeti", "Zojirushi", "Keepcup", "Bodum",
    "Nimbus", "Aurora Pro", "Kinto", "Bialetti", "iCup", "Zephyr X", "Fellow Carter", "Ember",
    "Tefal", "Corkcicle",
]  # fmt: skip
_DRINKS_TEXT = """
Mocha Americano Cappuccino Cortado Matcha Steamer Chai Macchiato Frappuccino Rooibos Oolong
Darjeeling Affogato Doppio Hibiscus Chamomile Lavender Pumpkin
"""
DRINKS = _DRINKS_TEXT.split()

if __name__ == "__main__":
    main()
