"""Answers that repeat themselves, as a model caught in a loop does.

The formulas are those of the Gopher repetition filters (Rae et al., "Scaling Language Models",
2021, table A1): the share of lines that repeat an earlier line, of words inside repeated n-grams,
and of words in the most frequent short n-gram. That paper's thresholds are for web pages and flag
about one good chat answer in eight, because code and lists repeat; the ones here are higher, and
leave a margin to the most repetitive of some thousand good answers. Shares count words, not
characters, which lets an answer with enough different words pass unread.
"""

import re
from collections import Counter
from itertools import pairwise
from typing import NamedTuple


class Repetition(NamedTuple):
    """How much of a text repeats, each 0 to 1."""

    lines: float
    """Share of the words that lie in a line of three words or more that stands earlier already."""
    phrases: float
    """Share of the words that lie in a 5-gram that stands earlier already."""
    top: float
    """Share of the words that the most frequent 2-gram covers, after its first place."""


PHRASE = 5
MOST_PAIRS = 0.5
"""Share that one pair of words may make; of good answers the most was 0.39."""
FEWEST_WORDS = 20
"""Words below which nothing is judged: "ha ha ha" may be meant."""
_LONG_WORD = 24
_RUN = re.compile(r"([^\s\-=_*#.~+|/\\0])\1{24,}")
_WORDS_ALIKE = re.compile(r"([^\W\d]{2,12})\1{11,}")


def measure_repetition(answer: str) -> Repetition:
    """Measure how much of an answer repeats; 0 everywhere where it is too short to tell."""
    words = answer.lower().split()
    if len(words) < FEWEST_WORDS:
        return Repetition(0.0, 0.0, 0.0)
    return Repetition(_copied(answer, len(words)), _repeated(words), _most_frequent(words))


def find_repetition(answer: str, most_lines: float, most_phrases: float) -> str | None:
    """Return what an answer repeats beyond the shares that are allowed, or None."""
    words = answer.lower().split()
    run = _run(answer) if words and max(map(len, words)) >= _LONG_WORD else None
    if run:
        return f"{run.group(1)!r} stands {len(run.group()) // len(run.group(1))} times in a row"
    if len(words) < FEWEST_WORDS:
        return None
    # A word that repeats is not a new one, so new words bound what can be repeated.
    if 1 - len(set(words)) / len(words) <= min(most_lines, most_phrases, MOST_PAIRS):
        return None
    found = measure_repetition(answer)
    if found.lines > most_lines:
        return f"{found.lines:.0%} of it is lines that stand earlier already"
    if found.phrases > most_phrases:
        return f"{found.phrases:.0%} of its words repeat an earlier phrase"
    if found.top > MOST_PAIRS:
        return f"one pair of words makes {found.top:.0%} of it"
    return None


def _run(answer: str) -> re.Match[str] | None:
    return _RUN.search(answer) or _WORDS_ALIKE.search(answer)


def _copied(answer: str, words: int) -> float:
    seen: set[str] = set()
    copied = 0
    for line in answer.lower().splitlines():
        line = line.strip()
        if line in seen:
            copied += len(line.split())
        elif line.count(" ") >= 2:
            seen.add(line)
    return copied / words


def _repeated(words: list[str]) -> float:
    """Share of the words that lie in an n-gram of `PHRASE` words that stands earlier already."""
    seen: set[tuple[str, ...]] = set()
    covered = 0
    end = 0  # words before this place are counted
    for start in range(len(words) - PHRASE + 1):
        phrase = tuple(words[start : start + PHRASE])
        if phrase in seen:
            covered += start + PHRASE - max(end, start)
            end = start + PHRASE
        else:
            seen.add(phrase)
    return covered / len(words)


def _most_frequent(words: list[str]) -> float:
    pairs = Counter(pairwise(words))
    return min(1.0, 2 * (max(pairs.values()) - 1) / len(words))
