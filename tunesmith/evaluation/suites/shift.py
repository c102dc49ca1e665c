"""Does what was gained on the task carry over to inputs unlike those of training?

Measured: by how much the candidate's gain over the base shrinks from ordinary inputs to unlike
ones, as a difference of rates between -1 and 1; higher is better and 0 says that all of it carries
over. Two kinds of unlike inputs are asked:

- `unlike training`: the third of the test rows with most words and pairs of words that no training
  input has. Tests within and out of the training distribution are told apart so in Koh et al.,
  "WILDS: A Benchmark of in-the-Wild Distribution Shifts", 2021 (arXiv 2012.07421).
- `disturbed`: the same test rows with slips of the keyboard in ordinary words and a courtesy around
  them, a change that leaves the answer as it was (Ribeiro et al., "Beyond Accuracy: Behavioral
  Testing of NLP models with CheckList", 2020, arXiv 2005.04118). Facts keep their spelling.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tunesmith.data.entities import find_all
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.evaluation.suites import tasks
from tunesmith.evaluation.suites.asking import Question, last_request, with_request
from tunesmith.records import Example
from tunesmith.sampling import fraction

NAME = "shift"
DISTURBED = "disturbed"

_WORD = re.compile(r"\w+")
_PLAIN = re.compile(r"\b[a-z]{5,}\b")
_SLIPS = 0.25
"""Share of the longer plain words that get a slip."""


def features(text: str) -> set[str]:
    """Return the words of a text and its pairs of neighbouring words, in lower case."""
    words = _WORD.findall(text.casefold())
    return {*words, *(f"{one} {two}" for one, two in pairwise(words))}


class Novelty:
    """How much of some inputs no training input has.

    Training rows only pass by; what is kept is as large as the inputs that are compared.

    Args:
        rows: What is compared with training.
    """

    def __init__(self, rows: Iterable[Example]) -> None:
        self._own = {row.row_id: features(_last(row)) for row in rows}
        self._unseen = set().union(*self._own.values()) if self._own else set()

    def see(self, row: Example) -> None:
        """Take in a training row."""
        if self._unseen:
            self._unseen -= features(_last(row))

    def share(self, row: Example) -> float:
        """Return the share of an input's words and pairs that were not seen, 0 to 1."""
        own = self._own[row.row_id]
        return len(own & self._unseen) / len(own) if own else 0.0


def _last(row: Example) -> str:
    return row.prompt[-1].content if row.prompt else ""


def divide(rows: Sequence[Example], novelty: Novelty) -> tuple[list[Example], list[Example]]:
    """Return the two thirds of some rows that are most like training, and the other third.

    Where nothing is unlike training, or all is alike unlike it, there is no other third.
    """
    ranked = sorted(rows, key=lambda row: (novelty.share(row), row.row_id))
    at = len(ranked) - len(ranked) // 3
    if not ranked or novelty.share(ranked[0]) == novelty.share(ranked[-1]):
        return list(ranked), []
    return ranked[:at], ranked[at:]


def disturb(text: str) -> str:
    """Return a text with swapped letters in some plain words, and a courtesy around it."""
    facts = [(one.start, one.start + len(one.text)) for one in find_all(text)]

    def slip(match: re.Match[str]) -> str:
        word = match.group()
        inside = any(start < match.end() and match.start() < end for start, end in facts)
        if inside or fraction(f"{match.start()} {word}", NAME) >= _SLIPS:
            return word
        return word[0] + word[2] + word[1] + word[3:]

    return f"hello, hope all is well\n\n{_PLAIN.sub(slip, text)}\n\nthanks a lot"


def ask(
    test: Sequence[Example], count: int, metrics: Sequence[str], settings: MetricParams
) -> list[Question]:
    """Return up to `count` disturbed questions, of rows that are asked as they stand too."""
    found: list[Question] = []
    for row in test:
        text = last_request(row)
        if text is None or len(found) == count:
            continue
        messages = with_request(row, disturb(text))
        found.append(tasks.question(row, NAME, DISTURBED, messages, metrics, settings))
    return found
