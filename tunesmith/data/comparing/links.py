"""Put rows that ask the same into one group, so that a test question is not seen in training.

Rows with one input and different answers are no copies, and need not contradict each other. All
stay, and the group of the later ones becomes the group of the first, as far as that can be without
moving a row that stood before:

- A group that begins with such a row follows, and all its later rows with it.
- A group that was there before stays where it is. What a user calls one group (a customer, a
  thread) is kept together first; an input that then stands in two groups is counted.
- An input of fewer than three content words ("hi there", "yes, please") says nothing, and links
  nothing.
- A group takes in five others, or one in a hundred of the groups so far if that is more. Where
  each customer begins with one and the same question, they would all be one group else, and
  that group on one side.

Inputs are the same when their content words are (`contradictions.input_key`), or when one is an
edit of the other in rows that are near copies but for their answers (`families`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunesmith.data.comparing.sketches import Collection
from tunesmith.data.comparing.small_words import SMALL
from tunesmith.data.normal_text import normalise

LEAST_WORDS = 3
"""Content words of an input that says what a row is about."""
LEAST_JOINED = 5
SHARE_JOINED = 100
"""A group takes in one other for so many groups so far, and `LEAST_JOINED` at least."""

Pair = tuple[int, int]


class Links(NamedTuple):
    """Which rows go into which group.

    `rows` move to the groups of the rows at the same place in `to`. `groups` is how many groups
    were taken in, and `apart` how many times one input still stands in two.
    """

    rows: NDArray[np.intp]
    to: NDArray[np.intp]
    groups: int
    apart: int


def links(
    collection: Collection, firsts: Sequence[int], fenced: Sequence[int], also: Iterable[Pair]
) -> Links:
    """Find the groups that take in others.

    Args:
        collection: The rows, in order.
        firsts: For each row the first of its family, whose group is the family's.
        fenced: The rows that leak through the fence: they stand on no side, and link nothing.
        also: Pairs of a row and an earlier one that ask the same, besides those of equal inputs.
    """
    first = np.asarray(firsts, dtype=np.intp)
    groups = collection.groups()[first] if len(first) else np.zeros(0, dtype=np.uint64)
    outside = np.zeros(len(first), dtype=bool)
    outside[list(fenced)] = True
    outside = outside[first]
    inside = np.flatnonzero(~outside)
    names, begins, numbers = np.unique(groups[inside], return_index=True, return_inverse=True)
    # Groups are numbered by the rows that they begin with.
    begins = inside[begins]
    group = np.full(len(first), -1, dtype=np.intp)
    group[inside] = numbers
    joining = _Joining(begins, len(names))
    pairs = [*_same_inputs(collection, group), *(pair for pair in also if _both(pair, group))]
    for at, other in sorted(pairs):
        joining.join(int(group[at]), int(group[other]), at)
    taken = np.array(sorted(joining.into), dtype=np.intp)
    to = np.array([begins[joining.root(each)] for each in taken.tolist()], dtype=np.intp)
    rows = np.flatnonzero(np.isin(group, taken))
    places = np.searchsorted(taken, group[rows])
    return Links(rows, to[places] if len(rows) else rows, len(taken), joining.apart)


class _Joining:
    """Groups, each in itself or taken in by an earlier one."""

    def __init__(self, begins: NDArray[np.intp], count: int) -> None:
        self._begins, self._ordered = begins, np.sort(begins)
        self._took = np.zeros(count, dtype=np.intp)
        self.into: dict[int, int] = {}
        self.apart = 0

    def root(self, group: int) -> int:
        """Return the group that a group ended in."""
        return self.into.get(group, group)

    def join(self, group: int, other: int, at: int) -> None:
        """Let a group follow another if it begins at this row, and the other has room."""
        mine, theirs = self.root(group), self.root(other)
        if mine == theirs:
            return
        so_far = int(np.searchsorted(self._ordered, at))
        room = max(LEAST_JOINED, so_far // SHARE_JOINED)
        if group in self.into or self._begins[group] != at or self._took[theirs] >= room:
            self.apart += 1
            return
        self.into[group] = theirs
        self._took[theirs] += 1


def _both(pair: Pair, group: NDArray[np.intp]) -> bool:
    return bool(group[pair[0]] >= 0 and group[pair[1]] >= 0)


def _same_inputs(collection: Collection, group: NDArray[np.intp]) -> Iterator[Pair]:
    """Yield each row with the first that asks the same, where their groups differ."""
    for positions in collection.same_inputs():
        within = [at for at in positions if group[at] >= 0]
        if len(set(group[within].tolist())) < 2:
            continue
        words = normalise(collection.question(within[0])).split(" ")
        if sum(word not in SMALL for word in words) >= LEAST_WORDS:
            yield from ((at, within[0]) for at in within[1:] if group[at] != group[within[0]])
