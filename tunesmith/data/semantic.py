"""Rows that say nearly the same in other words: counted and shown, never dropped.

A row is encoded by the mean of its tokens' vectors, those that the base model begins with: centred,
of equal length, weighted by how rare a token is, without the direction that all rows share, in 256
dimensions. That is the sentence embedding of Arora et al., "A Simple but Tough-to-Beat Baseline for
Sentence Embeddings" (ICLR 2017), with two changes that did better on real questions: vectors made
alike as by Mu and Viswanath, "All-but-the-Top" (ICLR 2018), and inverse document frequency in the
place of a/(a+p). Two rows are semantic near-copies when the cosine of their encodings reaches a
threshold.

No threshold fits every data set, so each calibrates its own. Copies are planted: of some rows, the
frequent tokens that make up half of the data set are exchanged for one another, and every eighth of
the rest for any token. (Their order is left: this encoder sees none.) The threshold is what half of
the planted copies reach, or the 0.99 quantile of pairs taken at random if that is higher.

Limits: little is seen of what a negation, a number or the order of words does, so what is shown is
to be read, never to be acted on alone. Rewordings are found, free paraphrases seldom. Of long rows
the beginning is read.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunesmith.data.comparing.row_texts import whole
from tunesmith.data.normal_text import normalise
from tunesmith.records import Example
from tunesmith.sampling import fraction

LARGEST = 20_000
"""Rows that are compared, about, where there are more: each with each other."""
FEWEST = 50
"""Rows under which nothing is compared."""
PLANTED = 500
"""Copies that are planted."""
LONGEST = 4_000
"""Characters of a row that are read."""
DIMENSIONS = 256
EXAMPLES = 20

_FOUND = 0.5
_NULL = 0.99  # and no higher: in a small set with many copies, 1 random pair in 200 is one
_NULL_PAIRS = 200_000
_FREQUENT = 0.5
_EXCHANGED = 1 / 8
_LEAST = 0.5
"""The lowest threshold: less alike is no copy, whatever was planted."""
_BLOCK = 512
_NOTHING = 1e-4
"""A length under which a vector is only the noise that is left of what all rows share."""

Vectors = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Gives tokens their vectors, one a row."""
_Floats = NDArray[np.float32]
_Tokens = NDArray[np.int32]


class Bags(NamedTuple):
    """The tokens of some rows, one after the other."""

    row_ids: list[str]
    sources: list[str]
    lengths: list[int]
    tokens: _Tokens


@dataclass(frozen=True)
class ReadBags:
    """Reads the tokens of batches of rows.

    Attributes:
        tokenizer: The content of the base's `tokenizer.json`.
        rows: How many rows there are in all; of more than `LARGEST`, about so many are read,
            chosen by a hash of their ids.
    """

    tokenizer: str
    rows: int

    def __call__(self, rows: list[Example]) -> Bags:
        """Read the rows."""
        share = LARGEST / max(self.rows, 1)
        chosen = [row for row in rows if fraction(row.row_id, "semantic") < share]
        # The same word is another token after a space than without: here one always stands.
        texts = [f" {normalise(whole(row)[:LONGEST])}" for row in chosen]
        encoded = _load(self.tokenizer).encode_batch_fast(texts, add_special_tokens=False)
        ids = [item.ids for item in encoded]
        return Bags(
            [row.row_id for row in chosen],
            [row.source for row in chosen],
            [len(item) for item in ids],
            np.array([token for item in ids for token in item], np.int32),
        )


@lru_cache(maxsize=1)
def _load(tokenizer: str) -> Any:
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_str(tokenizer)
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def semantic_copies(found: Iterable[Bags], vectors: Vectors) -> dict[str, Any]:
    """Return how many rows have a semantic near-copy, and some of the pairs, as JSON values.

    Neither the order of the rows nor how they were divided into batches makes a difference.

    Args:
        found: What `ReadBags` read of all rows.
        vectors: Gives the vectors that the base begins with; zeros where it has none.

    Returns:
        `compared`: how many rows. Unless these are fewer than `FEWEST`, also `rows`, those with a
        near-copy; their `share`; the `threshold`; `planted_found`, the share of planted copies
        that reach it; the `null_quantile` of rows at random; and `examples` of pairs with ids,
        sources and cosine, no row in two, spread evenly from the nearest pair to the farthest.
        Among rows that were sampled the share is less than among all: both of a pair must be.
    """
    rows = _joined(found)
    count = len(rows.row_ids)
    if count < FEWEST or not len(rows.tokens):
        return {"compared": count}
    encoder = _Encoder(_matrix(rows.lengths, rows.tokens), vectors)
    originals, copies = planted(rows)
    reached = np.einsum("ij,ij->i", encoder.encoded[originals], encoder(copies))
    null = _null_quantile(encoder.encoded)
    threshold = round(max(float(np.quantile(reached, 1 - _FOUND)), null, _LEAST), 4)
    best, partner = nearest(encoder.encoded)
    near = np.flatnonzero(best >= threshold)
    return {
        "compared": count,
        "rows": len(near),
        "share": round(len(near) / count, 4),
        "threshold": threshold,
        "planted_found": round(float(np.mean(reached >= threshold)), 4),
        "null_quantile": round(null, 4),
        "examples": [
            {
                "rows": [rows.row_ids[at], rows.row_ids[partner[at]]],
                "sources": [rows.sources[at], rows.sources[partner[at]]],
                "cosine": round(float(best[at]), 4),
            }
            for at in _spread(_pairs(near, best, partner))
        ],
    }


def nearest(encoded: _Floats) -> tuple[_Floats, NDArray[np.int64]]:
    """Return the cosine of each row with the nearest other one, and which that is.

    Exact, by products of blocks: 0.13 billion pairs a second and core, in some 40 MB.

    Args:
        encoded: Rows of length 1.
    """
    count = len(encoded)
    best, partner = np.full(count, -2.0, np.float32), np.zeros(count, np.int64)
    wide = 16 * _BLOCK
    for top in range(0, count, _BLOCK):
        for left in range(top, count, wide):
            block = encoded[top : top + _BLOCK] @ encoded[left : left + wide].T
            if left == top:
                np.fill_diagonal(block, -2.0)
            _take(best, partner, block, top, left)
            _take(best, partner, block.T, left, top)
    return best, partner


def _take(
    best: _Floats, partner: NDArray[np.int64], block: _Floats, start: int, other: int
) -> None:
    """Note for the rows of a block where it holds what is nearer than all before."""
    found = block.argmax(axis=1)
    cosines = block[np.arange(len(block)), found]
    better = np.flatnonzero(cosines > best[start : start + len(block)])
    best[start + better] = cosines[better]
    partner[start + better] = found[better] + other


def _pairs(near: NDArray[np.int64], best: _Floats, partner: NDArray[np.int64]) -> list[int]:
    """Return the rows that stand for pairs, the nearest first, each row in one pair only."""
    seen: set[int] = set()
    chosen = []
    for at in sorted(near.tolist(), key=lambda at: (-best[at], at)):
        if at not in seen and int(partner[at]) not in seen:
            seen.update((at, int(partner[at])))
            chosen.append(at)
    return chosen


def _spread(ranked: list[int]) -> list[int]:
    if len(ranked) <= EXAMPLES:
        return ranked
    step = (len(ranked) - 1) / (EXAMPLES - 1)
    return [ranked[round(number * step)] for number in range(EXAMPLES)]


def _joined(found: Iterable[Bags]) -> Bags:
    """Return all bags as one, in the order of the rows' ids."""
    bags = list(found)
    row_ids = [name for bag in bags for name in bag.row_ids]
    sources = [source for bag in bags for source in bag.sources]
    lengths = [length for bag in bags for length in bag.lengths]
    tokens = np.concatenate([np.zeros(0, np.int32), *(bag.tokens for bag in bags)])
    bounds = list(pairwise(np.cumsum([0, *lengths]).tolist()))
    order = sorted(range(len(row_ids)), key=lambda at: (row_ids[at], sources[at]))
    parts = [tokens[slice(*bounds[at])] for at in order]
    return Bags(
        [row_ids[at] for at in order],
        [sources[at] for at in order],
        [lengths[at] for at in order],
        np.concatenate([np.zeros(0, np.int32), *parts]),
    )


def planted(rows: Bags) -> tuple[NDArray[np.int64], Any]:
    """Return the rows of which copies are made, and how often each copy holds each token.

    Args:
        rows: At least one, with at least one token, in the order of their ids, which are hashes:
            those that stand at even distances are a sample.
    """
    counts = np.bincount(rows.tokens)
    ranked = np.argsort(-counts, kind="stable")
    held = np.cumsum(counts[ranked])
    frequent = np.zeros(len(counts), bool)
    frequent[ranked[: 1 + np.searchsorted(held, _FREQUENT * len(rows.tokens))]] = True
    often = frequent[rows.tokens]

    at = np.unique(np.linspace(0, len(rows.row_ids) - 1, PLANTED).astype(np.int64))
    ends = np.cumsum(rows.lengths)
    lengths = np.asarray(rows.lengths)[at]
    said = np.concatenate([rows.tokens[ends[row] - rows.lengths[row] : ends[row]] for row in at])
    draw = np.random.default_rng(0)
    # Drawn from the texts themselves, so that each comes as often as it does there.
    exchanged = np.where(
        frequent[said],
        draw.choice(rows.tokens[often], len(said)),
        np.where(draw.random(len(said)) < _EXCHANGED, draw.choice(rows.tokens, len(said)), said),
    )
    return at, _matrix(lengths.tolist(), exchanged)


class _Encoder:
    """Turns bags of tokens into vectors of length 1; fitted to the rows themselves.

    Args:
        bags: How often each row holds each token.
        vectors: The tokens' vectors.
    """

    def __init__(self, bags: Any, vectors: Vectors) -> None:
        holding = np.bincount(bags.indices, minlength=bags.shape[1])
        self._known = np.flatnonzero(holding)
        table = vectors(self._known)
        self._table = _unit(table - table.mean(axis=0))
        count = bags.shape[0]
        self._rarity = (np.log((1 + count) / (1 + holding[self._known])) + 1).astype(np.float32)
        means = self._means(bags)
        # The directions in which the rows differ most, but for the first, which they share.
        _, directions = np.linalg.eigh(means.T @ means)
        self._directions = directions[:, ::-1][:, 1 : 1 + DIMENSIONS]
        self.encoded = _unit(means @ self._directions)

    def __call__(self, bags: Any) -> _Floats:
        """Encode other bags, of the same tokens."""
        return _unit(self._means(bags) @ self._directions)

    def _means(self, bags: Any) -> _Floats:
        bags.resize(bags.shape[0], int(self._known[-1]) + 1)
        weights = bags[:, self._known]
        weights.data = (1 + np.log(weights.data)) * self._rarity[weights.indices]
        return _unit(weights @ self._table)


def _unit(rows: _Floats) -> _Floats:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return np.asarray(rows / np.maximum(lengths, _NOTHING)[:, None], np.float32)


def _null_quantile(encoded: _Floats) -> float:
    draw = np.random.default_rng(0)
    one, other = draw.integers(0, len(encoded), (2, _NULL_PAIRS))
    apart = one != other
    cosines = np.concatenate(
        [
            np.einsum("ij,ij->i", encoded[a], encoded[b])
            for a, b in zip(
                np.array_split(one[apart], 20), np.array_split(other[apart], 20), strict=True
            )
        ]
    )
    return float(np.quantile(cosines, _NULL))


def _matrix(lengths: list[int], tokens: _Tokens) -> Any:
    """Return how often each row holds each token, as a sparse matrix."""
    from scipy.sparse import csr_matrix  # loaded late: importing the package stays light

    ends = np.concatenate([[0], np.cumsum(lengths)])
    width = int(tokens.max(initial=0)) + 1
    ones = np.ones(len(tokens), np.float32)
    counts = csr_matrix((ones, tokens, ends), (len(ends) - 1, width), copy=True)
    counts.sum_duplicates()  # in place
    return counts
