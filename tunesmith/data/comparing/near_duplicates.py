"""Find texts that are copies of one another but for small edits.

Two texts are near copies when the Jaccard similarity of their sets of word 3-grams reaches a
threshold. Every pair that is reported was compared exactly, on its words. MinHash only proposes
the pairs to compare, so it can miss one (about 0.5 % at most of the pairs that lie right at the
threshold, fewer above it) but never invent one. With 3-grams one changed word touches three
shingles: a threshold of 0.8 means about 2.5 % of the words edited, 0.7 about 5 %.

Method: A. Broder, "On the resemblance and containment of documents", 1997.

What comes out depends on the texts as a set, not on their order, the process or the platform:
hash constants are fixed, and clusters are the connected components of the graph of near copies
(single linkage). A chain a~b~c puts a and c into one cluster even where a and c alone are less
similar than the threshold. That is wanted: a fence between training and test rows must hold
along every link of such a chain.

Limits: a word is a run of letters, digits and underscores, as in `re`. Scripts that are written
without spaces become few long words, for which little but equality is found, and combining
vowel signs are not seen. Memory besides the texts: 0.7 kB per text, and up to 150 MB of sets held
for comparison. Time grows with the number of texts, but for texts that are all just below the
threshold of one another it grows with the number of such pairs.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tunesmith.data.comparing.minhash import (
    SHINGLE,
    Hashes,
    Positions,
    band_keys,
    banding,
    shingle_hashes,
)
from tunesmith.data.comparing.signed_texts import SignedTexts, cut, kernels
from tunesmith.data.normal_text import encode, normalise

# A candidate whose estimated similarity lies this many standard deviations below the threshold
# is not compared: costs under one pair in a thousand, saves most comparisons among texts that
# share a template.
_DOUBT = 3.5

_PAIRS = 1 << 14
_LARGE_BUCKET = 32
# With so many candidates for one text, bounding their similarity first costs less than
# comparing the sets of words.
_MANY = 8
_MARK_BITS = 18
_HELD_SHINGLES = 1 << 18
_HELD_MARKS = 1 << 24
_HELD_CODES = 1 << 25

_Shingles = frozenset[tuple[str, ...]]
_Marks = NDArray[np.uint32]
_Value = TypeVar("_Value", bound=Sized)


def similarity(text: str, other: str) -> float:
    """Return the exact Jaccard similarity of two texts' shingles, from 0.0 to 1.0.

    A shingle is three words in a row; a text of fewer words is one shingle as it stands, so a
    text of one or two words, or none, is similar only to its equal.
    """
    return _jaccard(_shingles(normalise(text)), _shingles(normalise(other)))


def cluster(texts: Sequence[str], threshold: float) -> list[int]:
    """Give every text the number of its cluster of near copies.

    Args:
        texts: Read in order once, and again by position for the texts that get compared.
        threshold: Jaccard similarity from which two texts are near copies, 0.5 to 1.0.

    Returns:
        One number per text. Clusters are numbered from 0 in the order of their first member; a
        text without near copies is a cluster of its own.

    Raises:
        ValueError: The threshold is out of range.
    """
    return list(map(int, Clusters(texts, threshold).numbers))


def matches(texts: Sequence[str], against: Sequence[str], threshold: float) -> list[int | None]:
    """Find for every text its nearest near copy in another collection.

    Args:
        texts: The texts to look for.
        against: The collection to look in, for instance a test set that must stay unseen.
        threshold: Jaccard similarity from which two texts are near copies, 0.5 to 1.0.

    Returns:
        One entry per text: the position in `against` of the most similar near copy, the lowest
        such position among equals, or None where nothing reaches the threshold.

    Raises:
        ValueError: The threshold is out of range.
    """
    return [found and found[0] for found in Known(against, threshold).nearest(texts)]


class Clusters:
    """Texts in clusters of near copies, and how similar any two of them are.

    Args:
        texts: Read in order once, and again by position for the texts that get compared.
        threshold: Jaccard similarity from which two texts are near copies, 0.5 to 1.0.

    Attributes:
        numbers: The cluster of every text, as `cluster` gives it.

    Raises:
        ValueError: The threshold is out of range.
    """

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        bands, rows = banding(threshold)
        corpus = _Corpus(texts, bands * rows)
        forest = _Forest(len(corpus.firsts))
        comparison = _Comparison(corpus, corpus, rows, threshold)
        for band in range(bands):
            for left, right in _bucket_pairs(band_keys(corpus.signatures, band, rows), forest):
                roots = forest.roots
                apart = roots[left] != roots[right]
                for one, others in comparison.candidates(left[apart], right[apart], band):
                    for other, _ in comparison.plausible(one, others):
                        if forest.find(one) == forest.find(other):
                            continue
                        if comparison.similarity(one, other) >= threshold:
                            forest.join(one, other)
        # The lowest of the distinct texts in a set is its root, and the first to occur.
        self.numbers = np.unique(forest.roots, return_inverse=True)[1][corpus.numbers]
        corpus.forget_signatures()
        self._corpus, self._comparison = corpus, comparison

    def similarity(self, one: int, other: int) -> float:
        """Return the exact Jaccard similarity of the texts at two positions."""
        left, right = self._corpus.numbers[[one, other]].tolist()
        return 1.0 if left == right else self._comparison.similarity(left, right)

    def text(self, position: int) -> int:
        """Return a number that is the same for texts that are equal once normalised."""
        return int(self._corpus.numbers[position])

    def same(self, one: int, other: int) -> bool:
        """Whether two texts are equal once normalised."""
        return self.text(one) == self.text(other)


class Known:
    """A collection to look other texts up in, such as a test set that must stay unseen.

    Args:
        texts: Kept, and read by position for the texts that get compared.
        threshold: Jaccard similarity from which two texts are near copies, 0.5 to 1.0.
        most: Texts that each is compared with at most in a band, where thousands of known ones
            share a template; all by default.

    Raises:
        ValueError: The threshold is out of range.
    """

    def __init__(self, texts: Sequence[str], threshold: float, most: int | None = None) -> None:
        self._most = most
        self._bands, self._rows = banding(threshold)
        self._threshold = threshold
        self._corpus = _Corpus(texts, self._bands * self._rows)
        self._sorted = []
        for band in range(self._bands):
            keys = band_keys(self._corpus.signatures, band, self._rows)
            order = np.argsort(keys, kind="stable")
            self._sorted.append((keys[order], order))

    def nearest(
        self, texts: Sequence[str], accept: Callable[[int, int], bool] | None = None
    ) -> list[tuple[int, float] | None]:
        """Return for every text where its most similar near copy stands, and how similar it is.

        The lowest position among equals; None where nothing reaches the threshold.

        Args:
            texts: To look for.
            accept: Told the position of a text and that of a known one which is near it, says
                whether to take it for a copy; all of them by default. Equal texts are one here.
        """
        if not len(self._corpus.firsts):
            return [None] * len(texts)
        wanted = _Corpus(texts, self._bands * self._rows)
        comparison = _Comparison(wanted, self._corpus, self._rows, self._threshold)
        best: dict[int, tuple[float, int]] = {}
        for band, (ordered, order) in enumerate(self._sorted):
            keys = band_keys(wanted.signatures, band, self._rows)
            for left, right in _join(keys, ordered, order, self._most):
                for one, others in comparison.candidates(left, right, band):
                    for other, bound in comparison.plausible(one, others):
                        # Distinct texts are numbered by first position: a lower one is earlier.
                        if one in best and (bound, -other) < best[one]:
                            continue
                        rank = comparison.similarity(one, other), -other
                        if rank[0] < self._threshold or rank < best.get(one, rank):
                            continue
                        if accept is None or accept(*self._places(wanted, one, other)):
                            best[one] = rank
        firsts = self._corpus.firsts
        found = {one: (int(firsts[-other]), value) for one, (value, other) in best.items()}
        return [found.get(number) for number in wanted.numbers.tolist()]

    def _places(self, wanted: "_Corpus", one: int, other: int) -> tuple[int, int]:
        return int(wanted.firsts[one]), int(self._corpus.firsts[other])


class _Held(Generic[_Value]):
    """Values that were made once, up to a total size; the oldest are dropped for new ones."""

    def __init__(self, capacity: int, make: Callable[[int], _Value]) -> None:
        self._room = capacity
        self._make = make
        self._values: dict[int, _Value] = {}

    def __getitem__(self, number: int) -> _Value:
        if number in self._values:
            return self._values[number]
        value = self._make(number)
        self._room -= len(value)
        while self._room < 0 and self._values:
            self._room += len(self._values.pop(next(iter(self._values))))
        self._values[number] = value
        return value


class _Corpus(SignedTexts):
    """Signed texts that can be compared, exactly or in short.

    Normalised texts are not kept but made again for the few that are compared.
    """

    def __init__(self, texts: Sequence[str], permutations: int) -> None:
        super().__init__(texts, permutations)
        self._texts = texts
        self.shingles = _Held(_HELD_SHINGLES, self._shingles)
        """The words of every shingle of a distinct text."""
        self.codes = _Held(_HELD_CODES, self._codes)
        """The bytes of a distinct normalised text."""
        self.marks = _Held(_HELD_MARKS, self._marks)
        """A short hash of every distinct shingle of a distinct text, repeated where equal."""

    def _normal(self, number: int) -> str:
        return normalise(self._texts[self.firsts[number]])

    def _shingles(self, number: int) -> _Shingles:
        return _shingles(self._normal(number))

    def _codes(self, number: int) -> NDArray[np.uint8]:
        return np.frombuffer(encode(self._normal(number)), dtype=np.uint8)

    def _marks(self, number: int) -> _Marks:
        pieces = cut(encode(self._normal(number)))
        hashes = np.concatenate([shingle_hashes([piece])[0] for piece in pieces])
        return (np.unique(hashes) >> np.uint64(64 - _MARK_BITS)).astype(np.uint32)


class _Forest:
    """Disjoint sets of the numbers below `size` (union-find; the lowest number is the root)."""

    def __init__(self, size: int) -> None:
        self._parents: NDArray[np.intp] = np.arange(size)

    @property
    def roots(self) -> NDArray[np.intp]:
        """The root of every number."""
        parents = self._parents
        while not np.array_equal(parents, above := parents[parents]):
            parents = above
        self._parents = parents
        return parents

    def find(self, number: int) -> int:
        """Return the root of one number."""
        parents = self._parents
        while (parent := int(parents[number])) != number:
            parents[number] = parents[parent]
            number = parent
        return number

    def join(self, number: int, other: int) -> None:
        """Make one set of the sets that hold two numbers."""
        low, high = sorted((self.find(number), self.find(other)))
        self._parents[high] = low


class _Comparison:
    """Compares texts of two collections, which may be one, in steps of rising cost."""

    def __init__(self, left: _Corpus, right: _Corpus, rows: int, threshold: float) -> None:
        self._left, self._right = left, right
        self._rows, self._threshold = rows, threshold
        self._compiled = kernels()
        size = left.signatures.shape[1]
        spread = math.sqrt(threshold * (1 - threshold) * size)
        self._needed = math.floor(threshold * size - _DOUBT * spread)
        self._marked = np.zeros(1 << _MARK_BITS, dtype=bool)

    def candidates(
        self, left: Positions, right: Positions, band: int
    ) -> Iterator[tuple[int, Positions]]:
        """Yield a left text with the right ones it meets in this band first, if they look alike.

        Pairs come ordered by their left text.
        """
        equal = self._left.signatures[left] == self._right.signatures[right]
        alike = np.flatnonzero(np.count_nonzero(equal, axis=1) >= self._needed)
        # A pair that met in an earlier band was judged there.
        before = equal[alike, : band * self._rows]
        met = np.logical_and.reduce([before[:, row :: self._rows] for row in range(self._rows)])
        alike = alike[~met.any(axis=1)]
        left, right = left[alike], right[alike]
        starts = np.flatnonzero(np.diff(left, prepend=-1))
        for start, others in zip(starts, np.split(right, starts[1:]), strict=False):
            yield int(left[start]), others

    def plausible(self, one: int, others: Positions) -> Iterable[tuple[int, float]]:
        """Return the others that may reach the threshold, each with an upper bound.

        Marks that meet by chance only raise a bound, so no pair above the threshold is lost.
        """
        if len(others) < _MANY:
            return ((int(other), 1.0) for other in others)
        own = self._left.marks[one]
        marks = [self._right.marks[other] for other in others.tolist()]
        sizes = np.array([len(each) for each in marks])
        self._marked[own] = True
        met = self._marked[np.concatenate(marks)]
        self._marked[own] = False
        shared = np.minimum(np.add.reduceat(met, np.cumsum(sizes) - sizes, dtype=np.intp), len(own))
        bounds = shared / (len(own) + sizes - shared)
        reached = bounds >= self._threshold
        return zip(others[reached].tolist(), bounds[reached].tolist(), strict=True)

    def similarity(self, one: int, other: int) -> float:
        """Return the exact similarity of a left and a right text."""
        if self._compiled is not None:
            shared, together = self._compiled.overlap(
                self._left.codes[one], self._right.codes[other]
            )
            return float(shared / together)
        return _jaccard(self._left.shingles[one], self._right.shingles[other])


def _bucket_pairs(keys: Hashes, forest: _Forest) -> Iterator[tuple[Positions, Positions]]:
    """Yield the pairs with equal keys whose sets differ, in chunks.

    Joins made after one chunk shorten the next. In a large bucket every member meets the first
    one before any other: that unites thousands of mutual copies without meeting all pairs.
    """
    members = np.argsort(keys, kind="stable")
    begins, ends = _runs(keys[members])
    repeated = ends - begins > 1
    members, keys = members[repeated], keys[members][repeated]
    begins, ends = _runs(keys)
    large = np.flatnonzero(ends - begins >= _LARGE_BUCKET)
    for start in range(0, len(large), _PAIRS):
        some = large[start : start + _PAIRS]
        yield members[begins[some]], members[some]
    # Sorted by set within its bucket, a member's partners are those after its own set.
    roots = forest.roots[members]
    order = np.lexsort((roots, begins))
    members = members[order]
    _, set_ends = _runs(begins, roots[order])
    for left, right in _expand(set_ends, ends - set_ends):
        yield members[left], members[right]


def _join(
    keys: Hashes, ordered: Hashes, order: Positions, most: int | None
) -> Iterator[tuple[Positions, Positions]]:
    """Yield the positions of equal keys among `keys` and the sorted ones, in chunks."""
    begins = np.searchsorted(ordered, keys, side="left")
    ends = np.searchsorted(ordered, keys, side="right")
    if most is not None:
        ends = np.minimum(ends, begins + most)
    for left, right in _expand(begins, ends - begins):
        yield left, order[right]


def _runs(*columns: NDArray[Any]) -> tuple[Positions, Positions]:
    """Return for every position where the run of equal rows around it begins and ends."""
    size = len(columns[0])
    changed = np.ones(size, dtype=bool)
    changed[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    starts = np.flatnonzero(changed)
    lengths = np.diff(starts, append=size)
    begins = np.repeat(starts, lengths)
    return begins, begins + np.repeat(lengths, lengths)


def _expand(begins: Positions, counts: Positions) -> Iterator[tuple[Positions, Positions]]:
    """Yield (position, begin), (position, begin + 1), ... `counts` times each, in chunks."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, total, _PAIRS):
        index = np.arange(start, min(start + _PAIRS, total))
        position = np.searchsorted(ends, index, side="right")
        yield position, begins[position] + index - (ends - counts)[position]


def _shingles(normal: str) -> _Shingles:
    words = normal.split(" ")
    if len(words) < SHINGLE:
        return frozenset([tuple(words)])
    return frozenset(zip(*(words[start:] for start in range(SHINGLE)), strict=False))


def _jaccard(one: _Shingles, other: _Shingles) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
