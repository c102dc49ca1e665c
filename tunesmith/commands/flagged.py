"""Kept rows that checks found something in: how many, which, and what was found.

A row keeps only the names of its flags. What was found is found again, in the few rows that are
shown; a check of several rows together, and one that has masked what it found, leave the name.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tunesmith.artifacts import Base, Examples
from tunesmith.data.checks.row import look
from tunesmith.data.tokenizer import tokenizer
from tunesmith.records import Example
from tunesmith.sampling import Largest, fraction
from tunesmith.stages.score import ScoreParams, check
from tunesmith.store import Store

_SALT = "inspect"


class Flagged(NamedTuple):
    """The kept rows of a data set, by what was found in them."""

    counts: dict[str, int]
    """Rows by flag, the most frequent first."""
    rows: dict[str, list[Example]]
    """Some of each flag."""
    lowest: list[Example]
    """The kept rows of the lowest quality, where that is below 1."""
    by_source: dict[str, tuple[str, ...]]
    """The flags of every flagged row."""


def flagged(store: Store, ref: Examples | None, rows: int) -> Flagged:
    """Look through kept rows.

    Args:
        store: Where they are.
        ref: The rows; there is nothing to see without.
        rows: How many to keep of each flag; the same ones every time, and among more of them.
    """
    counts: Counter[str] = Counter()
    samples: dict[str, Largest[Example]] = {}
    lowest: Largest[Example] = Largest(max(rows, 1))
    by_source: dict[str, tuple[str, ...]] = {}
    for row in () if ref is None else store.rows(ref, Example):
        place = fraction(row.source, _SALT)
        if row.flags:
            by_source[row.source] = row.flags
        counts.update(row.flags)
        for name in row.flags:
            samples.setdefault(name, Largest(max(rows, 1))).add((place, row.source), row)
        if row.quality is not None and row.quality < 1:
            lowest.add((-row.quality + place * 1e-9, row.source), row)
    return Flagged(
        dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        {name: found.items()[:rows] for name, found in samples.items()},
        lowest.items()[:rows],
        by_source,
    )


class Evidence:
    """Tells again what the checks of `score` find in a row that they flagged."""

    def __init__(self, store: Store, base: Base | None, params: ScoreParams) -> None:
        self._store, self._base, self._params = store, base, params

    def __call__(self, row: Example) -> Iterator[tuple[str, str]]:
        """Yield each flag of a row with what was found; empty where it cannot be told again."""
        found: dict[str, str] = {}
        if row.flags and self._base is not None:
            path = self._store.path(self._base) / "tokenizer.json"
            tokens = tokenizer(path.read_text("utf-8"))
            for piece in look(row, self._params.checks, tokens):
                found |= piece.drops | piece.flags
            if "context" in row.flags:
                found["context"] = check(row, self._params, tokens).get("grounding", "")
        for name in row.flags:
            yield name, found.get(name, "")
