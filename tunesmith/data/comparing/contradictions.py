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
both are a word or two and share none |

The last row is a rule of thumb: two jokes about one topic hold different numbers. So chats are
best flagged and read, not dropped; see `benchmarks/contradictions.py` for how often it is right.
English, as the entities are; elsewhere digits, equal inputs and labels still work.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

from tunesmith.data.comparing.near_duplicates import similarity
from tunesmith.data.entities import find_all
from tunesmith.data.entities.dates import FoundDate
from tunesmith.data.entities.numbers import FoundNumber
from tunesmith.data.normal_text import encode, normalise

Kind = Literal["chat", "preference", "label"]

ALIKE = 0.9
"""Similarity of answers from which they are taken to say the same. On planted contradictions a
lower one finds fewer and is right no more often: the facts decide."""

_SMALL_WORDS = """
a an the this that these those there here it its is are was were be been am do does did can could
would will shall should may might must have has had i you we they he she me my your our us them
their his her him to of in on at for from by with about as and or so if then than but just also
please kindly thanks thank hi hello hey dear let lets s t m re ve d ll some any
"""
_SMALL = frozenset(_SMALL_WORDS.split())
_YES = frozenset({"yes", "yeah", "yep", "yup", "sure", "certainly", "absolutely", "definitely"})
_NO = frozenset({"no", "nope", "nah", "never"})
_MAY_HOLD_FACTS = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty"
    r"|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|dozen|once|twice"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 2
_COMPARED = 32
"""Earlier answers that each is compared with: enough to find one that contradicts it, and a
prompt that stands in a data set ten thousand times stays cheap."""


class Answer(NamedTuple):
    """One answer to an input: the rows' number, and what it says.

    `rejected` is the worse answer of a preference. For a label, `text` is the label.
    """

    row: int
    text: str
    rejected: str = ""


class Contradiction(NamedTuple):
    """Two rows that contradict each other: the later, the earlier, and in what."""

    row: int
    other: int
    why: str


def input_key(text: str, kind: Kind) -> bytes:
    """Return 16 bytes that are equal for inputs that ask the same; see the module's notes."""
    normal = normalise(text)
    if kind != "label":
        normal = " ".join(word for word in normal.split(" ") if word not in _SMALL) or normal
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
    partners: dict[int, Answer] = {}
    for number, answer in enumerate(firsts):
        for earlier in reversed(firsts[max(number - _COMPARED, 0) : number]):
            if judge(answer.text, earlier.text, alike):
                partners[answer.row] = earlier
                partners.setdefault(earlier.row, answer)
    found = [
        Contradiction(row, partner.row, judge(answer.text, partner.text, alike))
        for answer in firsts
        if (partner := partners.get(answer.row))
        for row in copies[normalise(answer.text)]
    ]
    yield from sorted(found)


def _other_label(label: str, other: str, _alike: float) -> str:
    return f"label {label!r} against {other!r}"


def incompatible(answer: str, other: str, alike: float = ALIKE) -> str:
    """Say in what two answers to one question cannot both be right; empty if they can."""
    if similarity(answer, other) >= alike:
        return ""
    one, two = _facts(answer), _facts(other)
    if one.polarity * two.polarity < 0:
        return "yes against no"
    for unit in sorted(one.amounts.keys() & two.amounts.keys()):
        ours, theirs = one.amounts[unit], two.amounts[unit]
        if not (ours.keys() <= theirs.keys() or theirs.keys() <= ours.keys()):
            mine, yours = _outside(ours, theirs), _outside(theirs, ours)
            return f"{mine!r} against {yours!r}"
    if one.words and two.words and not one.words & two.words:
        return f"{answer.strip()!r} against {other.strip()!r}"
    return ""


class _Facts(NamedTuple):
    polarity: int
    amounts: dict[str, dict[str, str]]
    words: frozenset[str]


def _outside(amounts: dict[str, str], others: dict[str, str]) -> str:
    """Return the first amount that is not among others, as written."""
    return next(text for normal, text in amounts.items() if normal not in others)


@lru_cache(maxsize=4096)
def _facts(answer: str) -> _Facts:
    words = normalise(answer).split(" ")
    content = frozenset(word for word in words if word not in _SMALL)
    few = content if len(words) <= _FEW_WORDS and any(map(str.isalnum, words[0])) else frozenset()
    return _Facts(_polarity(words), _amounts(answer), few)


def _polarity(words: list[str]) -> int:
    """Return 1 for a yes, -1 for a no, 0 for neither, by the first words."""
    if words[0] in _YES:
        return -1 if words[1:2] == ["not"] else 1
    return -1 if words[0] in _NO else 0


def _amounts(answer: str) -> dict[str, dict[str, str]]:
    """Return numbers and dates by unit: as written, under a form that is the same for all ways."""
    found: dict[str, dict[str, str]] = {}
    if _MAY_HOLD_FACTS.search(answer):
        for one in find_all(answer):
            if isinstance(one, FoundNumber) and not one.ordinal:
                found.setdefault(one.unit, {})[one.normal] = one.text
            elif isinstance(one, FoundDate):
                found.setdefault("date", {})["|".join(map(str, one.readings))] = one.text
    return found


def _circles(answers: Sequence[Answer]) -> Iterator[Contradiction]:
    """Find the preferences that lie on a circle: their worse answer leads back to the better."""
    better: dict[str, list[tuple[str, int]]] = {}
    edges = [(row, normalise(good), normalise(bad)) for row, good, bad in answers]
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
            yield Contradiction(
                row, seen[good], "the better answer of one is the worse of the other"
            )
