"""The test and validation rows of a data set, which its training rows must not repeat.

`dedup` makes sure that they do not, and `mix` looks again at every row that goes in. A training
row repeats a held out one when it has its group, its text, or is a copy of it as `families` has
it: near as a whole, and differing in nothing but edits.

Two figures tell what is no copy and still makes a test easier than it looks. They are reported,
since neither is wrong by itself: customers ask the same things, and texts of one trade share
phrases.

| figure | share of the held out rows |
|---|---|
| same_input | whose input stands in training, with whatever answer |
| half_held | half or more of whose rare runs of 8 words one training row holds; of `SAMPLED` rows \
at most |

Held are about 1 kB for each held out row, and their texts in a file.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tunesmith.data.comparing.contradictions import input_key
from tunesmith.data.comparing.differing import difference, row_parts
from tunesmith.data.comparing.near_duplicates import Known
from tunesmith.data.comparing.ngrams import KnownGrams
from tunesmith.data.comparing.row_texts import asked, whole
from tunesmith.data.comparing.sketches import Collection, kind_of, sketch
from tunesmith.data.comparing.spooled_texts import SpooledTexts
from tunesmith.data.normal_text import normalise
from tunesmith.records import Example

SAMPLED = 2_000
"""Held out rows whose runs of words are looked for."""

_HELD = 0.5
_MOST = 16
"""Held out texts of one template that a row is compared with in a band."""


class HeldOut:
    """Rows that training must not repeat.

    Args:
        sides: The rows by the name of their side.
        threshold: Jaccard similarity of word 3-grams from which texts are near, 0.5 to 1.
        folder: For the texts; whoever made it removes it.
    """

    def __init__(
        self, sides: Mapping[str, Iterable[Example]], threshold: float, folder: Path
    ) -> None:
        self._texts, self._facts = SpooledTexts(folder / "texts"), SpooledTexts(folder / "facts")
        self._rows = Collection(self._texts, self._facts)
        self._groups: dict[str, str] = {}
        self._sides: list[tuple[int, str]] = []
        self._inputs: dict[bytes, int] = {}
        for name, rows in sides.items():
            self._sides.append((len(self._rows), name))
            for row in rows:
                one = sketch(row)
                self._rows.add([one])
                self._groups.setdefault(row.group_id, name)
                self._inputs[one.key] = self._inputs.get(one.key, 0) + 1
        self._near = Known(self._texts, threshold, _MOST)
        step = max(len(self._rows) // SAMPLED, 1)
        self._sampled = range(0, len(self._rows), step)[:SAMPLED]
        self._grams = KnownGrams(
            [self._texts[at] for at in self._sampled],
            [self._rows.group_id(at) for at in self._sampled],
            _HELD,
        )
        self._seen_inputs: set[bytes] = set()
        self._half_held: set[int] = set()

    def repeats(self, rows: Sequence[Example]) -> list[str]:
        """Say of each row how it repeats a held out one; empty where it does not."""
        texts = [whole(row) for row in rows]
        found = [self._group(row) for row in rows]

        def same(at: int, known: int) -> bool:
            return normalise(texts[at]) == normalise(self._texts[known])

        def copies(at: int, known: int) -> bool:
            return same(at, known) or not difference(row_parts(rows[at]), self._rows.parts(known))

        for at, near in enumerate(self._near.nearest(texts, copies)):
            if near is not None:
                how = "the same text stands in" if same(at, near[0]) else "near copy of a row of"
                found[at] = f"{how} {self._side(near[0])}: {self._rows.source(near[0])}"
        for row in rows:
            key = input_key(asked(row), kind_of(row))
            if key in self._inputs:
                self._seen_inputs.add(key)
        self._half_held.update(each.known for each in self._grams.held(texts))
        return found

    def figures(self) -> dict[str, Any]:
        """Return what of the held out rows the rows looked at so far hold."""
        count = max(len(self._rows), 1)
        seen = sum(self._inputs[key] for key in self._seen_inputs)
        return {
            "rows": len(self._rows),
            "same_input": round(seen / count, 4),
            "half_held": round(len(self._half_held) / max(len(self._sampled), 1), 4),
        }

    def close(self) -> None:
        """Close the files."""
        self._texts.close()
        self._facts.close()

    def _group(self, row: Example) -> str:
        side = self._groups.get(row.group_id)
        return f"its group stands in {side}" if side else ""

    def _side(self, at: int) -> str:
        return [name for begin, name in self._sides if begin <= at][-1]
