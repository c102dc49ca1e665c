"""The fence: which rows come too near to rows that must stay unseen by training.

| kind | a row is behind the fence when |
|---|---|
| group | it shares its group with a fenced row |
| row | the whole of it is a near copy of a fenced row |
| input | its input is a near copy of a fenced row's |
| overlap | it holds at least a share of the runs of 8 words of a fenced row, or of its input |

Near copies are as in `near_duplicates`, runs of words as in `ngrams`. Each row is judged by
itself, so rows stream past the fence in batches, and only the fenced rows are held.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from tunesmith.data.comparing.near_duplicates import Known
from tunesmith.data.comparing.ngrams import SIZE, KnownGrams
from tunesmith.data.comparing.row_texts import asked, whole
from tunesmith.records import Example

Kind = Literal["group", "row", "input", "overlap"]

_BATCH_ROWS = 4096


class Fenced(NamedTuple):
    """What the fence needs of a row that must stay unseen."""

    source: str
    group_id: str
    whole: str
    asked: str


class Leak(NamedTuple):
    """How near a row comes to a fenced one: `share` is the similarity or the overlap, or 1."""

    kind: Kind
    source: str
    share: float

    def __str__(self) -> str:
        """Say it in the words of a dropped row's detail."""
        if self.kind == "group":
            return f"same group as {self.source}"
        if self.kind == "overlap":
            return f"holds {self.share:.0%} of the runs of {SIZE} words of {self.source}"
        return f"near copy of {self.kind} {self.source}"


def fenced(row: Example) -> Fenced:
    """Return what the fence needs of a row."""
    return Fenced(row.source, row.group_id, whole(row), asked(row))


class Fence:
    """Fenced rows, ready to be compared with others.

    Args:
        rows: The rows that must stay unseen.
        threshold: Jaccard similarity of word 3-grams from which rows are near copies, 0.5 to 1.
        overlap: Share of a fenced row's runs of words from which a row holds it, above 0 up to 1.
    """

    def __init__(self, rows: Sequence[Fenced], threshold: float, overlap: float) -> None:
        self._rows = rows
        self._groups: dict[str, Fenced] = {}
        for row in rows:
            self._groups.setdefault(row.group_id, row)
        self._near: tuple[tuple[Kind, Known], ...] = (
            ("row", Known([row.whole for row in rows], threshold)),
            ("input", Known([row.asked for row in rows], threshold)),
        )
        # A label's text is its input as well: looked for once.
        parts = dict.fromkeys((at, text) for at, row in enumerate(rows) for text in row[2:])
        self._parts = [at for at, _ in parts]
        groups = [rows[at].group_id for at in self._parts]
        self._grams = KnownGrams([text for _, text in parts], groups, overlap)

    def leaks(self, rows: Sequence[Example]) -> list[Leak | None]:
        """Return for each row the first kind, in the order of the table, that it leaks by."""
        if not self._rows:
            return [None] * len(rows)
        texts = {"row": [whole(row) for row in rows], "input": [asked(row) for row in rows]}
        found: list[Leak | None] = [
            Leak("group", self._groups[row.group_id].source, 1.0)
            if row.group_id in self._groups
            else None
            for row in rows
        ]
        for kind, known in self._near:
            for at, near in enumerate(known.nearest(texts[kind])):
                # A row without input is no near copy of every other such row.
                if near is not None and found[at] is None and texts[kind][at].strip():
                    found[at] = Leak(kind, self._rows[near[0]].source, near[1])
        most: dict[int, tuple[float, int]] = {}
        for at, part, share in self._grams.held(texts["row"]):
            most[at] = max(most.get(at, (0.0, 0)), (share, -self._parts[part]))
        for at, (share, negative) in most.items():
            if found[at] is None:
                found[at] = Leak("overlap", self._rows[-negative].source, share)
        return found


def leaks(
    rows: Iterable[Example], fences: Iterable[Example], threshold: float, overlap: float
) -> Iterator[tuple[Example, Leak]]:
    """Yield the rows that come too near to a fenced one, and how, in order.

    Args:
        rows: Streamed: any number of them.
        fences: The rows that must stay unseen; held.
        threshold: See `Fence`.
        overlap: See `Fence`.
    """
    fence = Fence([fenced(row) for row in fences], threshold, overlap)
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH_ROWS)):
        for row, leak in zip(batch, fence.leaks(batch), strict=True):
            if leak is not None:
                yield row, leak
