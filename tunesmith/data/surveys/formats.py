"""Format homogeneity: a model that only ever sees one form forgets the others.

Fine-tuning specialises on the form of the answers before it learns their content, and what it
then lacks is every other form: Wang et al., "Two-stage LLM Fine-tuning with Less Specialization
and More Generalization" (ICLR 2024), call it format specialisation. Many recipes want one form
and say so; the warning then tells that replay is what keeps the rest.
"""

import re
from collections import Counter
from typing import Any

from tunesmith.data.surveys import Seen, per_cent

LOCKED = 0.8
"""Share of answers with one skeleton, or one opening, from which the form is locked in."""
FEWEST = 50
"""Sampled rows under which a share says little."""
SHARED = 5
"""Rows that must have the same words before an account quotes them."""
PLAIN = "text"
OPENING_WORDS = 3
_TOP = 5
_MARKS = (
    (re.compile(r"\s*(?:[-*•]|\d+[.)])\s+"), "item"),
    (re.compile(r"#{1,6}\s"), "heading"),
    (re.compile(r"\s*```"), "code"),
    (re.compile(r"\s*\|.*\|\s*$"), "table"),
    (re.compile(r"\s*[\[{]"), "json"),
    (re.compile(r"\s*<\w"), "tag"),
)
_KEY = re.compile(r"([^\W\d_][\w ]{0,24}):(?:\s|$)")


def skeleton(answer: str) -> str:
    """Return the form of an answer: what kind of line follows which, without their words.

    Lines that open with a key and a colon keep the key; repeated kinds count once.
    """
    kinds: list[str] = []
    for line in answer.split("\n"):
        kind = _kind(line) if line.strip() else ""
        if not kinds or kinds[-1] != kind:
            kinds.append(kind)
    return " / ".join(kinds[:40]).strip()


def _kind(line: str) -> str:
    for pattern, name in _MARKS:
        if pattern.match(line):
            return name
    key = _KEY.match(line)
    return f"{key[1]}:" if key else PLAIN


def _told(form: str) -> str:
    """Return a skeleton as a person reads it, without its blank lines."""
    return ", ".join(kind for kind in form.split(" / ") if kind.strip())[:120]


class Formats:
    """How many answers share one form."""

    def __init__(self) -> None:
        self.rows = 0
        self.skeletons: Counter[str] = Counter()
        self.openings: Counter[str] = Counter()

    def add(self, seen: Seen) -> None:
        """Count a row, if it is sampled."""
        if not seen.sampled:
            return
        answer = seen.row.answer
        self.rows += 1
        self.skeletons[skeleton(answer)] += 1
        words = answer.lower().split(maxsplit=OPENING_WORDS)[:OPENING_WORDS]
        if len(words) == OPENING_WORDS:
            self.openings[" ".join(words)[:80]] += 1

    def merge(self, other: "Formats") -> None:
        """Add what another process counted."""
        self.rows += other.rows
        self.skeletons.update(other.skeletons)
        self.openings.update(other.openings)

    def document(self) -> dict[str, Any]:
        """Return the most frequent forms and openings with their shares."""
        return {
            "rows": self.rows,
            "skeletons": self._top(self.skeletons),
            "openings": self._top(self.openings),
            "distinct_skeletons": len(self.skeletons),
        }

    def _top(self, counts: Counter[str]) -> list[dict[str, Any]]:
        # What few rows share may quote one of them.
        return [
            {"form": form, "share": round(count / self.rows, 4)}
            for form, count in self._ranked(counts)[:_TOP]
            if count >= SHARED
        ]

    def warnings(self) -> list[str]:
        """Warn of one form, or one opening, for nearly all answers.

        Plain lines of text are no form, and a label is no opening.
        """
        if self.rows < FEWEST:
            return []
        told = []
        (form, count), *_ = self._ranked(self.skeletons)
        if set(form.split(" / ")) - {PLAIN, ""} and count >= LOCKED * self.rows:
            told.append(
                f"format lock-in: {per_cent(count / self.rows)} of the answers have the same form, "
                f"line by line: {_told(form)}. The model will find it hard to answer in any other; "
                "if other forms are wanted too, add rows that have them, or mix.replay"
            )
        openings = self._ranked(self.openings)
        if openings and openings[0][1] >= LOCKED * self.rows:
            words, count = openings[0]
            told.append(
                f"format lock-in: {per_cent(count / self.rows)} of the answers open with {words!r}"
            )
        return told

    def _ranked(self, counts: Counter[str]) -> list[tuple[str, int]]:
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
