"""Which rows these are, as a sketch that fits into a document.

The ids of rows are digests, so the smallest of them are a random sample that any two data sets
share where they share rows (Beyer et al., "On Synopses for Distinct-Value Estimation under
Multiset Operations", SIGMOD 2007). How many rows of one data set stand in another is read off
two sketches, to about three points in a hundred.
"""

import heapq
from typing import Any

from tunesmith.data.surveys import Seen

SIZE = 1024


class Identities:
    """The smallest ids of all rows."""

    def __init__(self) -> None:
        self.smallest: set[str] = set()
        self._limit = "g"  # above every hexadecimal digit

    def add(self, seen: Seen) -> None:
        """Note a row's id if it is small."""
        self.note(seen.row.row_id)

    def note(self, name: str) -> None:
        """Note an id if it is small."""
        if name < self._limit:
            self.smallest.add(name)
            if len(self.smallest) >= 2 * SIZE:
                self._cut()

    def merge(self, other: "Identities") -> None:
        """Add what another process noted."""
        self.smallest |= other.smallest
        self._cut()

    def _cut(self) -> None:
        if len(self.smallest) > SIZE:
            kept = heapq.nsmallest(SIZE, self.smallest)
            self.smallest, self._limit = set(kept), kept[-1]

    def document(self) -> dict[str, Any]:
        """Return the sketch."""
        self._cut()
        return {"sketch": sorted(self.smallest)}

    def warnings(self) -> list[str]:
        """Return none: one sketch says nothing by itself."""
        return []


def share_in(ours: list[str], theirs: list[str]) -> float | None:
    """Return about which share of our rows stands in their data set, from the two sketches.

    None where the sketches have no common range, as when ours is empty.
    """
    # Of a full sketch only ids up to its largest are known to be there or not.
    known = theirs[-1] if len(theirs) >= SIZE else "g"
    comparable = [name for name in ours if name <= known]
    if not comparable:
        return None
    have = set(theirs)
    return sum(name in have for name in comparable) / len(comparable)
