"""Find rows that answer the same input in ways that cannot both be right.

Two inputs are the same when their content words are, in order: letter case, punctuation, small
words ("the", "please") and their order of politeness do not matter; a number, a name or a "not"
does. Inputs that are merely similar are not compared: most that differ in one content word are
about another order, day or person, and their answers differ rightly. For labels the whole text
counts.

| rows | contradict when |
|---|---|
| label | the text is the same, the label is not |
| preference | following "better than" over the pairs of one prompt leads in a circle; A over B \
with B over C is a ranking and is none |
| chat | the answers are little alike (word 3-grams, below `alike`) and one says yes where the \
other says no, or both give amounts of one unit, or dates, and neither's contain the other's, or \
both are a name or label of a word or two and share none |

Of chats, only yes and no count where the input asks for anything that fits ("give me a number",
"write a program"; see `asking`), and numbers without a unit only where it asks for an amount. Code
in an answer is left out: two programs for one task hold other numbers and both work.

Chats are judged by rules of thumb all the same, so they are best flagged and read, not dropped;
see `benchmarks/contradictions.py` for how often they are right. English, as the entities are;
elsewhere amounts with a unit, equal inputs and labels still work.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

from tunesmith.data.comparing.asking import asks
from tunesmith.data.comparing.near_duplicates import similarity
from tunesmith.data.comparing.small_words import SMALL
from tunesmith.data.entities import find_all
from tunesmith.data.entities.code import code_spans
from tunesmith.data.entities.dates import FoundDate
from tunesmith.data.entities.numbers import FoundNumber
from tunesmith.data.normal_text import encode, normalise

Kind = Literal["chat", "preference", "label"]

ALIKE = 0.9
"""Similarity of answers from which they are taken to say the same. On planted contradictions a
lower one finds fewer and is right no more often: the facts decide."""

_YES_OR_NO = re.compile(
    r"\W*(?:(?P<yes>yes|yeah|yep|yup|sure|certainly|absolutely|definitely)|(?P<no>no|nope|nah|never)"
    r"|(?P<not>not\s(?:really|at\sall|any\s?more|any\slonger|yet)))\b(?:\s(?P<after>not)\b)?"
    r"(?=\s*(?:[^\w\s]|$)|\s(?:i|you|he|she|it|we|they|that|this|there|the|your|my)\b"
    r")",
    re.IGNORECASE,
)
"""A yes or no that stands by itself, as "sure thing" and "no problem" do not, and are none."""
_MAY_HOLD_FACTS = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty"
    r"|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|dozen|once|twice"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.IGNORECASE,
)
_UNITS = {"": "numbers", "date": "dates", "s": "times", "month": "times", "%": "percentages"}
"""What the amounts of a unit are called; of any other, amounts."""
_FEW_WORDS = 2
_COMPARED = 32
"""Earlier answers that each is compared with: enough to find one that contradicts it, and a
prompt that stands in a data set ten thousand times stays cheap."""


class Answer(NamedTuple):
    """One answer to an input: the rows' number, and what it says.

    `rejected` is the worse answer of a preference. For a label, `text` is the label. `turn` is the
    last turn of a chat's input, which is all that is needed of equal inputs.
    """

    row: int
    text: str
    rejected: str = ""
    turn: str = ""


class Contradiction(NamedTuple):
    """Two rows that contradict each other, and in what.

    `why` reads on with "of" and the other row, and quotes nothing but labels: in records it
    outlives both rows.
    """

    row: int
    other: int
    why: str


def input_key(text: str, kind: Kind) -> bytes:
    """Return 16 bytes that are equal for inputs that ask the same; see the module's notes."""
    normal = normalise(text)
    if kind != "label":
        normal = " ".join(word for word in normal.split(" ") if word not in SMALL) or normal
    return blake2b(encode(f"{kind} {normal}"), digest_size=16).digest()


def contradictions(
    answers: Sequence[Answer], kind: Kind, alike: float = ALIKE
) -> Iterator[Contradiction]:
    """Find the answers to one input that contradict another, each once with the first such.

    Args:
        answers: Of rows with the same `input_key`, in order.
        kind: Of all of them.
        alike: Similarity of two chat answers from which they are taken to say the same, 0 to 1.
    """
    if kind == "preference":
        yield from _circles(answers)
        return
    # One row for each different answer: its copies contradict whatever it does.
    copies: dict[str, list[int]] = {}
    firsts: list[Answer] = []
    for answer in answers:
        normal = normalise(answer.text)
        if normal not in copies:
            firsts.append(answer)
        copies.setdefault(normal, []).append(answer.row)
    judge = _other_label if kind == "label" else incompatible
    turn = answers[0].turn if answers else ""  # one for all, so that it is mutual
    partners: dict[int, Answer] = {}
    for number, answer in enumerate(firsts):
        for earlier in reversed(firsts[max(number - _COMPARED, 0) : number]):
            if judge(turn, answer.text, earlier.text, alike):
                partners[answer.row] = earlier
                partners.setdefault(earlier.row, answer)
    found = [
        Contradiction(row, partner.row, judge(turn, answer.text, partner.text, alike))
        for answer in firsts
        if (partner := partners.get(answer.row))
        for row in copies[normalise(answer.text)]
    ]
    yield from sorted(found)


def _other_label(_turn: str, label: str, other: str, _alike: float) -> str:
    return f"label {label!r} against {other!r}"


def incompatible(turn: str, answer: str, other: str, alike: float = ALIKE) -> str:
    """Say in what two answers to one turn cannot both be right; empty if they can."""
    if similarity(answer, other) >= alike:
        return ""
    one, two = _facts(answer), _facts(other)
    if one.polarity * two.polarity < 0:
        return "yes against no"
    asked = asks(turn)
    if asked == "anything":
        return ""
    for unit in sorted(one.amounts.keys() & two.amounts.keys()):
        ours, theirs = one.amounts[unit], two.amounts[unit]
        if not unit and asked != "amount":
            continue
        if not (ours <= theirs or theirs <= ours):
            return f"{_UNITS.get(unit, 'amounts')} against those"
    if one.words and two.words and not one.words & two.words:
        return "short answer against that"
    return ""


class _Facts(NamedTuple):
    polarity: int
    amounts: dict[str, set[str]]
    words: frozenset[str]


@lru_cache(maxsize=4096)
def _facts(answer: str) -> _Facts:
    words = normalise(answer).split(" ")
    content = frozenset(word for word in words if word not in SMALL)
    few = len(words) <= _FEW_WORDS and any(map(str.isalnum, words[0]))
    polarity = _polarity(answer)
    named = few and not polarity and not answer.rstrip().endswith((".", "!", "?", ")"))
    return _Facts(polarity, _amounts(_prose(answer)), content if named else frozenset())


def _polarity(answer: str) -> int:
    """Return 1 for a yes, -1 for a no, 0 for neither, by the first words."""
    match = _YES_OR_NO.match(answer)
    if match is None:
        return 0
    return 1 if match["yes"] and not match["after"] else -1


def _prose(answer: str) -> str:
    """Return the answer without its code."""
    kept, end = [], 0
    for start, stop in code_spans(answer):
        kept.append(answer[end:start])
        end = max(end, stop)
    return " ".join([*kept, answer[end:]])


def _amounts(answer: str) -> dict[str, set[str]]:
    """Return numbers and dates by unit, in a form that is the same for all ways to write them."""
    found: dict[str, set[str]] = {}
    if _MAY_HOLD_FACTS.search(answer):
        for one in find_all(answer):
            if isinstance(one, FoundNumber) and not one.ordinal:
                found.setdefault(one.unit, set()).add(one.normal)
            elif isinstance(one, FoundDate):
                found.setdefault("date", set()).add("|".join(map(str, one.readings)))
    return found


def _circles(answers: Sequence[Answer]) -> Iterator[Contradiction]:
    """Find the preferences that lie on a circle: their worse answer leads back to the better."""
    better: dict[str, list[tuple[str, int]]] = {}
    edges = [(one.row, normalise(one.text), normalise(one.rejected)) for one in answers]
    for row, good, bad in edges:
        better.setdefault(good, []).append((bad, row))
    for row, good, bad in edges:
        # Breadth first from the worse answer; the first step towards the better is the partner.
        seen: dict[str, int] = {}
        queue = [(worse, first) for worse, first in better.get(bad, ())]
        while queue and good not in seen:
            answer, first = queue.pop(0)
            if answer not in seen:
                seen[answer] = first
                queue.extend((worse, first) for worse, _ in better.get(answer, ()))
        if good in seen and good != bad:
            yield Contradiction(row, seen[good], "the better answer is the worse")
