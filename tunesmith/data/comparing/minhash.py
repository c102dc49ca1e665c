"""MinHash signatures of texts, and how to cut them into bands.

The share of equal values in two signatures estimates the Jaccard similarity of the texts' sets
of word 3-grams; texts with an equal band are candidates for a comparison. Every constant is
fixed and every hash defined down to the bit, so a signature is the same in every process, on
every platform and with every release of the libraries.

Methods: A. Broder, "On the resemblance and containment of documents", 1997; banding as in
J. Leskovec, A. Rajaraman, J. Ullman, "Mining of Massive Datasets", section 3.4.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SHINGLE = 3
"""Words in a shingle."""
PERMUTATIONS = 128
LOWEST_THRESHOLD = 0.5
"""Below it bands would be so narrow that unrelated texts become candidates."""

_BAND_RECALL = 0.995
_LEAST_POWERS = 1 << 19

Signatures = NDArray[np.uint32]
Hashes = NDArray[np.uint64]
Positions = NDArray[np.intp]


@lru_cache(maxsize=64)
def banding(threshold: float) -> tuple[int, int]:
    """Choose how a signature is cut into bands: how many, and how many values each.

    The widest bands, hence the fewest needless candidates, that still propose 99.5 % of the
    pairs whose similarity is the threshold: 21 bands of 6 for 0.8.

    Raises:
        ValueError: The threshold is not from 0.5 to 1.0.
    """
    if not LOWEST_THRESHOLD <= threshold <= 1.0:
        raise ValueError(f"similarity threshold {threshold}; expected {LOWEST_THRESHOLD} to 1.0")
    for rows in range(PERMUTATIONS, 1, -1):
        bands = PERMUTATIONS // rows
        if 1 - (1 - threshold**rows) ** bands >= _BAND_RECALL:
            break
    return bands, rows


def signatures(pieces: Sequence[bytes], permutations: int) -> Signatures:
    """Return one MinHash signature per normalised text in UTF-8, as rows of 32-bit values.

    Defined so that any other implementation can give the same values, modulo 2**64. A shingle
    hashes to `mix(sum(TABLE[byte] * BASE**i))` over its bytes, i counted from its start; x is
    the upper half of that. Column p is the minimum of `MULTIPLIERS[p] * x + OFFSETS[p]` modulo
    2**32 over the shingles.

    Args:
        pieces: At least one, as for `shingle_hashes`.
        permutations: How many values per signature, 1 to 128.
    """
    hashes, firsts = shingle_hashes(pieces)
    upper = (hashes >> np.uint64(32)).astype(np.uint32)
    result = np.empty((permutations, len(pieces)), dtype=np.uint32)
    permuted = np.empty_like(upper)
    for index in range(permutations):
        np.multiply(upper, MULTIPLIERS[index], out=permuted)
        np.add(permuted, OFFSETS[index], out=permuted)
        np.minimum.reduceat(permuted, firsts, out=result[index])
    return result.T


def band_keys(values: Signatures, band: int, rows: int) -> Hashes:
    """Return a key per signature that is equal wherever all values of the band are equal.

    Unequal bands may share a key by chance: whoever groups by it compares the values again.
    """
    keys = np.zeros(len(values), dtype=np.uint64)
    for column in range(band * rows, (band + 1) * rows):
        keys = _mix(keys ^ values[:, column].astype(np.uint64))
    return keys


def shingle_hashes(pieces: Sequence[bytes]) -> tuple[Hashes, Positions]:
    """Return the 64-bit hashes of all shingles, piece after piece, and where each piece's begin.

    Args:
        pieces: At least one. Words are what single spaces separate; no line feed may occur.
    """
    codes = np.frombuffer(b"\n".join(pieces) + b"\n", dtype=np.uint8)
    last = codes == ord("\n")
    word_ends = np.flatnonzero(last | (codes == ord(" ")))
    word_starts = np.concatenate(([0], word_ends[:-1] + 1))
    last_words = np.flatnonzero(last[word_ends])
    words = np.diff(last_words, prepend=-1)
    opens = np.flatnonzero(_opens_shingle(last_words, words))
    closes = np.minimum(opens + SHINGLE - 1, np.repeat(last_words, words)[opens])
    # A shingle is a span of bytes, so its polynomial is a difference of prefix sums, moved to
    # exponent 0 by the inverse power of its start.
    powers, inverses = _powers(max(_LEAST_POWERS, 1 << len(codes).bit_length()))
    prefix = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(TABLE[codes] * powers[: len(codes)], out=prefix[1:])
    start = word_starts[opens]
    hashes = _mix((prefix[word_ends[closes]] - prefix[start]) * inverses[start])
    counts = np.maximum(words - SHINGLE + 1, 1)
    return hashes, np.cumsum(counts) - counts


def gram_hashes(pieces: Sequence[bytes], size: int) -> tuple[Hashes, Positions]:
    """Return the 64-bit hashes of all runs of `size` words, and the piece that each is of.

    A run hashes to `mix(h)`, its lowest bit set, where h starts at 0 and becomes
    `h * GRAM_BASE + hash` for each word; a word hashes as a shingle does, before mixing. So no
    hash is 0. Pieces of fewer words have none.

    Args:
        pieces: As for `shingle_hashes`.
        size: Words in a run, at least 1.
    """
    codes = np.frombuffer(b"\n".join(pieces) + b"\n", dtype=np.uint8)
    ends = np.flatnonzero((codes == ord("\n")) | (codes == ord(" ")))
    starts = np.concatenate(([0], ends[:-1] + 1))
    powers, inverses = _powers(max(_LEAST_POWERS, 1 << len(codes).bit_length()))
    prefix = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(TABLE[codes] * powers[: len(codes)], out=prefix[1:])
    words = (prefix[ends] - prefix[starts]) * inverses[starts]
    piece = np.cumsum(codes[ends] == ord("\n"))
    piece[codes[ends] == ord("\n")] -= 1
    count = max(len(words) - size + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(size):
        hashes = hashes * GRAM_BASE + words[place : place + count]
    whole = piece[:count] == piece[size - 1 : size - 1 + count]
    return _mix(hashes[whole]) | np.uint64(1), piece[:count][whole]


def _opens_shingle(last_words: Positions, words: Positions) -> NDArray[np.bool_]:
    """Mark the words that open a shingle: two more follow, or it opens the whole text."""
    opens = np.ones(int(last_words[-1]) + 1, dtype=bool)
    for back in range(SHINGLE - 1):
        opens[np.maximum(last_words - back, 0)] = False
    opens[last_words - words + 1] = True
    return opens


def _mix(values: Hashes) -> Hashes:
    """Spread every bit of 64-bit values over all others (the finaliser of splitmix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _constants(seed: int, count: int) -> Hashes:
    """Return fixed odd 64-bit numbers that no release of a random generator can change."""
    seeds = np.uint64(seed) + np.arange(count, dtype=np.uint64)
    return _mix(_mix(seeds)) | np.uint64(1)


@lru_cache(maxsize=1)
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Return the powers of BASE and of its inverse modulo 2**64 with exponents below `count`."""
    inverse = np.uint64(pow(int(BASE), -1, 1 << 64))
    both = []
    for factor in (BASE, inverse):
        factors = np.full(count, factor)
        factors[0] = 1
        both.append(np.multiply.accumulate(factors))
    return both[0], both[1]


TABLE = _constants(1 << 32, 256)
BASE = _constants(2 << 32, 1)[0]
GRAM_BASE = _constants(5 << 32, 1)[0]
MULTIPLIERS = (_constants(3 << 32, PERMUTATIONS) >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
OFFSETS = (_constants(4 << 32, PERMUTATIONS) >> np.uint64(32)).astype(np.uint32)
