"""Distance between two samples of texts, and whether it is more than chance.

The distance is the maximum mean discrepancy with a Gaussian kernel of median width (Gretton et
al., "A Kernel Two-Sample Test", JMLR 2012) on hashed words (Weinberger et al., "Feature Hashing
for Large Scale Multitask Learning", ICML 2009), each text's counts as square roots of shares. A
bare distance says nothing: it is judged by the 0.95 quantile of the same distance when the texts
are dealt to the two samples at random. It sees topics; of a shift in a tenth of the texts it sees
little.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tunesmith.data.normal_text import normalise

FEATURES = 2048
LARGEST = 1_000
"""Texts of a sample at most: both together take some 60 MB and half a second."""
FEWEST = 50
"""Texts under which nothing is tested."""
PERMUTATIONS = 200
QUANTILE = 0.95


def distance(texts: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    """Return the distance of two samples, its no-shift quantile, and its p-value.

    Args:
        texts: `FEWEST` to `LARGEST` texts.
        others: As many, or others.

    Raises:
        ValueError: when there are too few of either.
    """
    if min(len(texts), len(others)) < FEWEST:
        raise ValueError(f"{len(texts)} and {len(others)} texts; expected at least {FEWEST} each")
    kernel = _kernel(np.array([_features(text) for text in (*texts, *others)]))
    weights = np.full(len(kernel), -1.0 / len(others))
    weights[: len(texts)] = 1.0 / len(texts)
    dealt = np.random.default_rng(0)
    columns = np.stack([weights, *(dealt.permutation(weights) for _ in range(PERMUTATIONS))], 1)
    squares = np.einsum("ij,ij->j", columns, kernel @ columns)
    distances = np.sqrt(np.maximum(squares, 0.0))
    measured, chance = float(distances[0]), distances[1:]
    quantile = float(np.quantile(chance, QUANTILE))
    return {
        "distance": round(measured, 6),
        "no_shift_quantile": round(quantile, 6),
        "p": round(float(1 + np.sum(chance >= measured)) / (1 + PERMUTATIONS), 4),
        "shifted": measured > quantile,
        "texts": [len(texts), len(others)],
    }


def _features(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    counts = np.zeros(FEATURES)
    for word in normalise(text).split():
        counts[zlib.crc32(word.encode("utf-8", "surrogatepass")) % FEATURES] += 1.0
    return np.asarray(np.sqrt(counts / max(counts.sum(), 1.0)))


def _kernel(
    features: np.ndarray[Any, np.dtype[np.float64]],
) -> np.ndarray[Any, np.dtype[np.float64]]:
    norms = np.einsum("ij,ij->i", features, features)
    squares = np.maximum(norms[:, None] + norms[None, :] - 2.0 * features @ features.T, 0.0)
    apart = squares[np.triu_indices(len(features), 1)]
    width = float(np.median(apart)) or 1.0
    return np.asarray(np.exp(-squares / width))
