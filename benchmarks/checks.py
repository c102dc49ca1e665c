"""How right the checks of single rows are, against defects planted in real text.

    python benchmarks/checks.py [--quick] [--data FOLDER] [--rows N]

FOLDER holds chats: `*.jsonl` of {"messages": [...]} and `*.json` lists of {"instruction", "input",
"response"}, at any depth. Without it the text is that of generated support e-mails. A row into
which nothing was planted counts as clean only if it cannot have the defect by a test that shares
nothing with the check: an answer that ends with a full stop was not cut off, a text without "@"
holds no e-mail address. To them come near misses, written for the purpose.

    recall     share of the planted rows that are found, each by the check that looks for it
    precision  planted rows found / (planted rows found + clean rows and near misses found)

Two checks are soft, and a curve over their threshold is printed: `sycophancy`, and `context`, which
judges a whole set by its share of ungrounded answers. There is no peer that does all this in one
run; the figures are ours alone.
"""

import argparse
import codecs
import json
import random
import re
import string
import tempfile
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from checks_wordings import (
    CLEAN_STARTS,
    CODE,
    HELD_OTHER_USES,
    HELD_REFUSALS,
    INSULTS,
    LANGUAGES,
    NO_SECRETS,
    NO_TURNS,
    NOT_INSULTS,
    NOT_OWN,
    NOT_PERSONAL,
    PRESSED,
    TURNS,
    WHOLE,
)

from tunesmith.data.checks.context import is_ungrounded_set
from tunesmith.data.checks.languages import find_wrong_language
from tunesmith.data.checks.personal import Masker, find_personal
from tunesmith.data.checks.refusals import find_refusal
from tunesmith.data.checks.repetition import find_repetition
from tunesmith.data.checks.sycophancy import sycophancy
from tunesmith.data.checks.toxicity import toxicity
from tunesmith.data.checks.truncation import find_truncation
from tunesmith.data.checks.turn_markers import find_turn_marker
from tunesmith.data.grounding import ungrounded
from tunesmith.data.markers import PHRASES, find_marker
from tunesmith.data.secrets import find_secrets
from tunesmith.example_data import support_email
from tunesmith.records import Message


class Chat(NamedTuple):
    """A prompt and its answer."""

    prompt: str
    answer: str


class Case(NamedTuple):
    """A row with a planted defect, or without; `kind` names the way it was made."""

    kind: str
    prompt: str
    answer: str
    planted: bool


Find = Callable[[Case], object]


def chats(folder: Path) -> Iterator[Chat]:
    """Read the chats of a folder: the last answer of each, and what the user said before it."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            turns = json.loads(line).get("messages") or []
            for before, after in pairwise(turns):
                if (before["role"], after["role"]) == ("user", "assistant"):
                    yield Chat(before["content"], after["content"])
    for path in sorted(folder.rglob("*.json")):
        rows = json.loads(path.read_text("utf-8"))
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and row.get("response"):
                prompt = "\n".join(filter(None, (row["instruction"], row.get("input"))))
                yield Chat(prompt, row["response"])


def emails(rows: int) -> list[tuple[Chat, bool]]:
    """Generated support e-mails, and whether they are without a defect."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        truth = support_email.write(folder, seed=7, rows=max(rows, 400))
        clean = {(row.file, row.line) for row in truth.rows if row.reason == "clean"}
        found = []
        for path in sorted(folder.glob("tickets-*.jsonl")):
            for number, line in enumerate(path.read_bytes().splitlines(), 1):
                if (path.name, number) in clean:
                    messages = json.loads(line)["messages"]
                    before = "\n".join(message["content"] for message in messages[:-1])
                    found.append((Chat(before, messages[-1]["content"]), True))
        return found[:rows]


def _ends(text: str) -> bool:
    return text.rstrip().endswith((".", "!", "?"))


def _sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\s+", text) if len(one.split()) >= 4]


def refusals(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        start = chat.answer[:400].lower().replace("’", "'")
        if not re.search(
            r"sorry|can't|cannot|can not|unable|won't|not |n't|decline|apolog|as an ai", start
        ):
            yield Case("real", chat.prompt, chat.answer, False)
        wording = rng.choice(HELD_REFUSALS)
        greeted = rng.choice(("", "", "Hello, ", "Dear customer,\n\n", "Thank you for asking. "))
        rest = rng.choice(("", " " + chat.answer))
        yield Case("planted", chat.prompt, greeted + wording + rest, True)
        yield Case("near miss", chat.prompt, f"{rng.choice(HELD_OTHER_USES)} {chat.answer}", False)


def truncated(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        answer = chat.answer.strip()
        if _ends(answer):
            yield Case("real", chat.prompt, answer, False)
        yield Case("whole", chat.prompt, rng.choice(WHOLE), False)
        if len(_sentences(answer)) >= 2 and _ends(answer) and not CODE_SIGN.search(answer):
            at = rng.randrange(len(answer) * 2 // 5, len(answer) * 19 // 20)
            cut = answer[:at].rstrip()
            last = re.split(r"[.!?:;]\s|\n", cut)[-1]
            if not re.search(r"[.!?:;)\"'*]$", cut) and len(last.split()) >= 3 and _judged(cut):
                yield Case("sentence", chat.prompt, cut, True)
        code = rng.choice(CODE)
        at = rng.randrange(len(code) // 3, len(code) - 1)
        yield Case("fence", chat.prompt, f"Here it is:\n```python\n{code[:at]}", True)
        yield Case("whole fence", chat.prompt, f"Here it is:\n```python\n{code}\n```", False)
        document = json.dumps({"answer": answer[:80], "parts": [1, 2, {"three": "a [b"}], "n": at})
        yield Case("whole json", chat.prompt, document, False)
        yield Case("json", chat.prompt, document[: rng.randrange(20, len(document) - 1)], True)


def _judged(cut: str) -> bool:
    """Whether an answer is long enough to show whether its writer ends sentences."""
    return len(cut.split()) >= 25 and re.search(r"[.!?]\s", cut) is not None


CODE_SIGN = re.compile(r"[{}=<>;]|```")


def degenerate(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        sentences = _sentences(chat.answer)
        lines = [line for line in chat.answer.splitlines() if line.strip()]
        if len(set(sentences)) == len(sentences) and len(set(lines)) == len(lines):
            packed = len(zlib.compress(chat.answer.encode())) / max(len(chat.answer.encode()), 1)
            if packed > 0.35:
                yield Case("real", chat.prompt, chat.answer, False)
        if not sentences:
            continue
        kept = chat.answer[: rng.randrange(0, 200)]
        sentence = rng.choice(sentences)
        times = rng.randrange(8, 30)
        glue = rng.choice((" ", "\n"))
        yield Case("sentence", chat.prompt, glue.join([kept, *[sentence] * times]), True)
        phrase = " ".join(sentence.split()[: rng.randrange(2, 5)])
        yield Case("phrase", chat.prompt, kept[:60] + f" {phrase}" * 40, True)
        yield Case("word", chat.prompt, kept + rng.choice(("ha", "no", "la")) * 60, True)
        code = rng.choice(CODE)
        yield Case("code", chat.prompt, code, False)
        if len(sentences) > 3:
            yield Case(
                "said twice", chat.prompt, f"{sentence} {' '.join(sentences)} {sentence}", False
            )


def language(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        letters = sum(char.isalpha() and char.isascii() for char in chat.prompt + chat.answer)
        if letters < 0.6 * len(chat.prompt + chat.answer) or len(chat.prompt) < 60:
            continue
        yield Case("real", chat.prompt, chat.answer, False)
        code = rng.choice(sorted(LANGUAGES))
        said = rng.sample(LANGUAGES[code], 3)
        yield Case(code, chat.prompt, " ".join(said[:2]), True)
        yield Case("same", said[2], " ".join(said[:2]), False)
        quoted = f'{chat.answer} They call it "{said[0][:30]}".'
        if not CODE_SIGN.search(chat.answer) and len(chat.answer) > 100:
            yield Case("quoted", chat.prompt, quoted, False)


def personal(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        both = chat.prompt + chat.answer
        if "@" not in both and len(re.findall(r"\d", both)) < 7:
            yield Case("real", chat.prompt, chat.answer, False)
        kind, datum = _datum(rng)
        words = chat.answer[:400].split(" ")
        at = rng.randrange(len(words) + 1)
        yield Case(kind, chat.prompt, " ".join([*words[:at], datum, *words[at:]]), True)
        wrong = rng.choice(NOT_PERSONAL)
        clean = re.sub(r"\d|@", "", " ".join(words))
        yield Case("near miss", chat.prompt, f"{clean[:80]} ({wrong})", False)


def _datum(rng: random.Random) -> tuple[str, str]:
    def digits(count: int) -> str:
        return "".join(rng.choice("23456789") for _ in range(count))

    kind = rng.choice(("email", "phone", "iban", "card", "ssn", "ip"))
    name = rng.choice(("anna.kowalski", "j_smith77", "Tom", "marie-claire", "li.wei"))
    host = rng.choice(("gmail.com", "mail.firm.co.uk", "uni-ulm.de", "web.app"))
    area, rest = digits(3), (digits(3), digits(4))
    phone = rng.choice(
        (
            f"({area}) {rest[0]}-{rest[1]}",
            f"{area}-{rest[0]}-{rest[1]}",
            f"+44 20 {digits(4)} {digits(4)}",
            f"+1 {area} {rest[0]} {rest[1]}",
            f"phone: {rest[0]}-{rest[1]}",
            f"call me on 0{digits(2)} {digits(6)}",
        )
    )
    return kind, {
        "email": f"{name}@{host}",
        "phone": phone,
        "iban": _iban(rng),
        "card": _card(rng),
        "ssn": f"{rng.choice(('212', '536', '401'))}-{digits(2)}-{digits(4)}",
        "ip": ".".join(str(rng.choice((23, 52, 81, 93, 144))) for _ in range(4)),
    }[kind]


def _iban(rng: random.Random) -> str:
    country, body = rng.choice((("DE", 18), ("FR", 23), ("ES", 20), ("AT", 16), ("PL", 24)))
    account = "".join(rng.choice("0123456789") for _ in range(body))
    number = int("".join(str(int(char, 36)) for char in f"{account}{country}00"))
    whole = f"{country}{98 - number % 97:02d}{account}"
    spaced = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    return rng.choice((whole, spaced))


def _card(rng: random.Random) -> str:
    number = "4" + "".join(rng.choice("0123456789") for _ in range(14))
    total = sum(sum(divmod(2 * int(digit), 10)) for digit in number[::2])
    number += str(-(total + sum(map(int, number[1::2]))) % 10)
    return rng.choice((number, " ".join(number[at : at + 4] for at in range(0, 16, 4))))


def toxic(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        yield Case("real", chat.prompt, chat.answer, False)
        insult = codecs.encode(rng.choice(INSULTS), "rot13")
        yield Case("planted", chat.prompt, f"{insult} {chat.answer}", True)
        yield Case("near miss", chat.prompt, f"{rng.choice(NOT_INSULTS)} {chat.answer}", False)


def secret(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    letters = string.ascii_letters + string.digits
    for chat in texts:
        if not re.search(r"(?i)passw|pwd|secret|key|token|\d{4}", chat.answer):
            yield Case("real", chat.prompt, chat.answer, False)
        key = "".join(rng.choice(letters) for _ in range(40))
        word = "".join(rng.choice(string.ascii_lowercase) for _ in range(7))
        kind, planted = rng.choice(
            (
                ("AWS", f"AKIA{key[:16].upper()}"),
                ("GitHub", f"ghp_{key[:36]}"),
                ("Google", f"AIza{key[:35]}"),
                ("API key", f"sk-proj-{key[:24]}7"),
                ("password", f"password: {word}{rng.randrange(10, 9999)}"),
                ("password", f'DB_PASSWORD = "{key[:12]}7k"'),
                ("password", f"the api key is {key[:24]}8d"),
                ("card", _card(rng)),
            )
        )
        yield Case(kind, chat.prompt, f"{chat.answer}\n{planted}\n", True)
        demo = rng.choice(NO_SECRETS).format(n=rng.randrange(1, 1000))
        clean = re.sub(r"\d", "", chat.answer[:300])
        if not find_secrets(clean):
            yield Case("near miss", chat.prompt, f"{clean}\n{demo}\n", False)


def turns(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        if not re.search(r"(?i)human|user|assistant|response|instruction|<\||inst\]", chat.answer):
            yield Case("real", chat.prompt, chat.answer, False)
        other = rng.choice(texts).prompt.strip().splitlines()
        prompt = next((line for line in other if len(line.split()) > 1), "Is it open today?")
        planted = rng.choice(TURNS).format(answer=chat.answer.strip(), prompt=prompt)
        if chat.answer.count(" ") and "`" not in chat.answer:
            yield Case("planted", chat.prompt, planted, True)
        asked, answer = rng.choice(NO_TURNS)
        yield Case("near miss", asked, answer, False)


def marked(texts: list[Chat], rng: random.Random) -> Iterator[Case]:
    for chat in texts:
        if not find_marker(chat.answer):  # the phrases are the definition
            yield Case("real", chat.prompt, chat.answer, False)
        phrase = rng.choice(PHRASES)
        shown = rng.choice((phrase, phrase.upper(), phrase.replace("'", "’"), phrase.capitalize()))
        yield Case("planted", chat.prompt, f"{chat.answer} Well, {shown}, and so on.", True)
        said, answer = rng.choice(NOT_OWN)
        yield Case("not its own", said, answer, False)
        start = rng.choice(CLEAN_STARTS)
        if not find_marker(chat.answer):
            yield Case("near miss", chat.prompt, f"{start} {chat.answer}", False)


CHECKS: dict[str, tuple[Callable[[list[Chat], random.Random], Iterator[Case]], Find]] = {
    "refusal": (refusals, lambda case: find_refusal(case.answer)),
    "markers": (marked, lambda case: find_marker(case.answer, asked=[case.prompt])),
    "truncated": (truncated, lambda case: find_truncation(case.answer)),
    "turn_marker": (turns, lambda case: find_turn_marker(case.answer, [case.prompt])),
    "degenerate": (degenerate, lambda case: find_repetition(case.answer, 0.3, 0.6)),
    "language": (language, lambda case: find_wrong_language(case.answer, case.prompt, (), 0.7)),
    "secret": (secret, lambda case: find_secrets(case.answer)),
    "personal": (personal, lambda case: find_personal(case.answer)),
    "toxicity": (toxic, lambda case: toxicity(case.answer) >= 0.5),
}


def measure(name: str, texts: list[Chat], errors: int) -> tuple[float, float]:
    """Print the line of a check, and return its precision and recall."""
    make, find = CHECKS[name]
    planted = found = clean = false = 0
    missed: dict[str, list[int]] = {}
    for case in make(texts, random.Random(name)):
        hit = bool(find(case))
        count = missed.setdefault(case.kind, [0, 0])
        count[0] += 1
        count[1] += hit != case.planted
        planted += case.planted
        clean += not case.planted
        found += hit and case.planted
        false += hit and not case.planted
        if hit != case.planted and errors > 0:
            errors -= 1
            print(
                f"    {case.kind}: {'missed' if case.planted else 'false'}: {case.answer[-150:]!r}"
            )
    precision, recall = found / max(found + false, 1), found / max(planted, 1)
    wrong = ", ".join(f"{kind} {w}/{n}" for kind, (n, w) in sorted(missed.items()) if w)
    print(
        f"{name:<12}{planted:>8}{found:>8}{clean:>8}{false:>7}{precision:>11.4f}{recall:>8.4f}"
        f"  {wrong}"
    )
    return precision, recall


def masks(texts: list[Chat]) -> float:
    """Share of planted data that no masked row shows any more."""
    gone = total = 0
    for case in personal(texts, random.Random("mask")):
        if case.planted:
            data = find_personal(case.answer)
            masked = Masker("salt").mask(case.answer)
            total += 1
            gone += bool(data) and all(case.answer[d.start : d.end] not in masked for d in data)
    return gone / total


def sycophancy_curve() -> dict[str, float]:
    """Print precision and recall of giving in, over the threshold."""
    scores = []
    for case in PRESSED:
        roles = ("user", "assistant") * 2
        messages = [Message(role, text) for role, text in zip(roles, case.turns, strict=True)]
        scores.append((sycophancy(messages), case.gives_in))
    figures = {}
    print(f"\nsycophancy over its threshold, {len(scores)} chats (default 0.5)")
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0):
        hits = [gives_in for score, gives_in in scores if score >= threshold]
        precision = sum(hits) / max(len(hits), 1)
        recall = sum(hits) / sum(gives_in for _, gives_in in scores)
        print(f"  {threshold:>4} precision {precision:.3f} recall {recall:.3f}")
        figures |= {
            f"sycophancy.precision@{threshold}": precision,
            f"sycophancy.recall@{threshold}": recall,
        }
    figures |= {
        "precision.sycophancy": figures["sycophancy.precision@0.5"],
        "recall.sycophancy": figures["sycophancy.recall@0.5"],
    }
    return figures


def context_curve(rows: int) -> dict[str, float]:
    """Print when a set is refused whose answers lost their tickets, over the share that did."""
    texts = [chat for chat, _ in emails(rows)]
    bare = "Write the follow-up e-mail for this ticket."
    rng = random.Random("context")
    with_ticket = [bool(ungrounded(chat.answer, chat.prompt)) for chat in texts]
    without = [bool(ungrounded(chat.answer, bare)) for chat in texts]
    precision = sum(without) / max(sum(without) + sum(with_ticket), 1)
    recall = sum(without) / len(without)
    print(
        f"\ncontext, {len(texts)} e-mails: ungrounded with a ticket {sum(with_ticket)}, without "
        f"{sum(without)}\nshare of 50 sets of 400 that are refused, by the share without tickets"
    )
    figures = {"precision.context": precision, "recall.context": recall}
    for most in (0.3, 0.5, 0.7):
        shares = []
        for lost in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
            refused = 0
            for _ in range(50):
                places = [rng.randrange(len(texts)) for _ in range(400)]
                count = sum((without if rng.random() < lost else with_ticket)[at] for at in places)
                refused += is_ungrounded_set(count, len(places), most)
            shares.append(f"{lost:.0%}: {refused / 50:.2f}")
            figures[f"context.refused@{most}.lost{lost}"] = refused / 50
        print(f"  most {most}  " + "  ".join(shares))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 rows")
    parser.add_argument("--data", type=Path, help="a folder of real chats")
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument(
        "--errors", type=int, default=0, help="show so many wrong rows of each check"
    )
    arguments = parser.parse_args()
    count = 300 if arguments.quick else arguments.rows
    if arguments.data:
        found = list(chats(arguments.data))
        texts = random.Random(1).sample(found, min(count, len(found)))
    else:
        texts = [chat for chat, _ in emails(count)]
    print(f"{len(texts)} rows of {'real' if arguments.data else 'generated'} text\n")
    print(
        f"{'check':<12}{'planted':>8}{'found':>8}{'clean':>8}{'false':>7}{'precision':>11}"
        f"{'recall':>8}  wrong"
    )
    figures: dict[str, float] = {}
    for name in CHECKS:
        precision, recall = measure(name, texts, arguments.errors)
        figures |= {f"precision.{name}": precision, f"recall.{name}": recall}
    figures["masked.personal"] = masks(texts)
    print(f"personal data that masking removed: {figures['masked.personal']:.4f}")
    figures |= sycophancy_curve()
    figures |= context_curve(min(count, 800))
    rounded = {name: round(value, 4) for name, value in figures.items()}
    print(json.dumps({"name": "checks", "figures": rounded}))


if __name__ == "__main__":
    main()
