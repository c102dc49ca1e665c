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
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tunesmith.data.minhash import (
    SHINGLE,
    Hashes,
    Positions,
    Signatures,
    band_keys,
    banding,
    shingle_hashes,
    signatures,
)

# A candidate whose estimated similarity lies this many standard deviations below the threshold
# is not compared: costs under one pair in a thousand, saves most comparisons among texts that
# share a template.
_DOUBT = 3.5

_CHUNK_BYTES = 1 << 18
_PIECE_WORDS = 1 << 15
_PAIRS = 1 << 14
_LARGE_BUCKET = 32
# With so many candidates for one text, bounding their similarity first costs less than
# comparing the sets of words.
_MANY = 8
_MARK_BITS = 18
_HELD_SHINGLES = 1 << 18
_HELD_MARKS = 1 << 24

_WORD = re.compile(r"\w+")
_ASCII_WORDS = bytes(
    ord(chr(code).lower()) if chr(code).isalnum() or code == ord("_") else ord(" ")
    for code in range(128)
).ljust(256, b" ")

_Shingles = frozenset[tuple[str, ...]]
_Marks = NDArray[np.uint32]
_Value = TypeVar("_Value", bound=Sized)


def normalise(text: str) -> str:
    """Return what counts as the same text: its words in lower case, one space apart.

    Compatibility forms are folded (Unicode NFKC, once more after lower-casing, which can leave
    letters that compose). A text without any word, such as a lone emoji, is its symbols instead,
    so that two different ones stay different; blank texts are all the empty text. Normalising
    twice changes nothing.
    """
    if text.isascii():  # the same result as below, ten times faster
        normal = b" ".join(text.encode().translate(_ASCII_WORDS).split()).decode()
    else:
        normal = " ".join(_WORD.findall(_fold(text)))
    return normal or " ".join(_fold(text).split())


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
    numbers: dict[int, int] = {}
    return [
        numbers.setdefault(root, len(numbers)) for root in forest.roots[corpus.numbers].tolist()
    ]


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
    bands, rows = banding(threshold)
    wanted, known = _Corpus(texts, bands * rows), _Corpus(against, bands * rows)
    comparison = _Comparison(wanted, known, rows, threshold)
    best: dict[int, tuple[float, int]] = {}
    for band in range(bands):
        keys = (band_keys(corpus.signatures, band, rows) for corpus in (wanted, known))
        for left, right in _join(*keys):
            for one, others in comparison.candidates(left, right, band):
                for other, bound in comparison.plausible(one, others):
                    # Distinct texts are numbered by first position: a lower number is earlier.
                    if one in best and (bound, -other) < best[one]:
                        continue
                    rank = comparison.similarity(one, other), -other
                    if rank[0] >= threshold:
                        best[one] = max(best.get(one, rank), rank)
    nearest = {number: known.firsts[-negative] for number, (_, negative) in best.items()}
    return [nearest.get(number) for number in wanted.numbers.tolist()]


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


class _Corpus:
    """The distinct normalised texts of a collection and their signatures.

    Equal texts are one from here on, so thousands of copies of one text cost nothing later.
    Normalised texts are not kept but made again for the few that are compared.
    """

    def __init__(self, texts: Sequence[str], permutations: int) -> None:
        self._texts = texts
        self.firsts: list[int] = []
        """Position in `texts` of each distinct text."""
        self.numbers = np.empty(len(texts), dtype=np.intp)
        """Which distinct text each text is."""
        self.shingles = _Held(_HELD_SHINGLES, self._shingles)
        """The words of every shingle of a distinct text."""
        self.marks = _Held(_HELD_MARKS, self._marks)
        """A short hash of every distinct shingle of a distinct text, repeated where equal."""
        values = np.full((len(texts), permutations), np.iinfo(np.uint32).max, dtype=np.uint32)
        for numbers, pieces in _chunks(self._distinct()):
            # The pieces of a long text stand together: their minimum is the whole's.
            starts = np.flatnonzero(np.diff(numbers, prepend=-1))
            found = np.minimum.reduceat(signatures(pieces, permutations), starts, axis=0)
            values[numbers[starts]] = np.minimum(values[numbers[starts]], found)
        self.signatures: Signatures = values[: len(self.firsts)]

    def _shingles(self, number: int) -> _Shingles:
        return _shingles(normalise(self._texts[self.firsts[number]]))

    def _marks(self, number: int) -> _Marks:
        normal = _encode(normalise(self._texts[self.firsts[number]]))
        hashes = np.concatenate([shingle_hashes([piece])[0] for piece in _pieces(normal)])
        return (np.unique(hashes) >> np.uint64(64 - _MARK_BITS)).astype(np.uint32)

    def _distinct(self) -> Iterator[tuple[int, bytes]]:
        seen: dict[bytes, int] = {}
        for position, text in enumerate(self._texts):
            normal = _encode(normalise(text))
            digest = blake2b(normal, digest_size=16).digest()
            number = seen.setdefault(digest, len(seen))
            self.numbers[position] = number
            if number == len(self.firsts):
                self.firsts.append(position)
                yield number, normal


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


def _join(left_keys: Hashes, right_keys: Hashes) -> Iterator[tuple[Positions, Positions]]:
    """Yield the pairs of a left and a right position with equal keys, in chunks."""
    order = np.argsort(right_keys, kind="stable")
    ordered = right_keys[order]
    begins = np.searchsorted(ordered, left_keys, side="left")
    ends = np.searchsorted(ordered, left_keys, side="right")
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


def _chunks(distinct: Iterable[tuple[int, bytes]]) -> Iterator[tuple[Positions, list[bytes]]]:
    """Gather numbered texts, long ones in pieces, until their size makes a batch."""
    numbers: list[int] = []
    pieces: list[bytes] = []
    size = 0
    for number, normal in distinct:
        for piece in _pieces(normal):
            numbers.append(number)
            pieces.append(piece)
            size += len(piece)
            if size >= _CHUNK_BYTES:
                yield np.array(numbers), pieces
                numbers, pieces, size = [], [], 0
    if pieces:
        yield np.array(numbers), pieces


def _pieces(normal: bytes) -> Iterator[bytes]:
    """Cut a long text so that every shingle lies whole in one piece."""
    if len(normal) < _CHUNK_BYTES:
        yield normal
        return
    words = normal.split(b" ")
    for start in range(0, max(len(words) - SHINGLE + 1, 1), _PIECE_WORDS):
        yield b" ".join(words[start : start + _PIECE_WORDS + SHINGLE - 1])


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _encode(normal: str) -> bytes:
    return normal.encode("utf-8", "surrogatepass")  # a str may hold a lone surrogate


def _shingles(normal: str) -> _Shingles:
    words = normal.split(" ")
    if len(words) < SHINGLE:
        return frozenset([tuple(words)])
    return frozenset(zip(*(words[start:] for start in range(SHINGLE)), strict=False))


def _jaccard(one: _Shingles, other: _Shingles) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
