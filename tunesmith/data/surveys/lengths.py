"""Lengths in tokens: exact counts, from which any quantile can be read.

Bins for comparing two data sets are powers of two: lengths of texts are spread over orders of
magnitude (Herdan, "Type-token Mathematics", 1960, on their log-normal form).
"""

from collections import Counter
from typing import Any

from tunesmith.data.surveys import Seen

_QUANTILES = (("p05", 0.05), ("median", 0.5), ("p95", 0.95), ("p99", 0.99))


class Lengths:
    """Tokens of prompts and of answers."""

    def __init__(self) -> None:
        self.prompt: Counter[int] = Counter()
        self.answer: Counter[int] = Counter()

    def add(self, seen: Seen) -> None:
        """Count a row."""
        self.prompt[seen.tokens.prompt] += 1
        self.answer[seen.tokens.answer] += 1

    def merge(self, other: "Lengths") -> None:
        """Add what another process counted."""
        self.prompt.update(other.prompt)
        self.answer.update(other.answer)

    def document(self) -> dict[str, Any]:
        """Return quantiles, mean and bins of both."""
        return {"prompt": _describe(self.prompt), "answer": _describe(self.answer)}

    def warnings(self) -> list[str]:
        """Return none: what is too long for the base is `score`'s to say."""
        return []


def _describe(counts: Counter[int]) -> dict[str, Any]:
    rows = counts.total()
    if not rows:
        return {}
    ordered = sorted(counts.items())
    bins: Counter[str] = Counter()
    for length, count in ordered:
        bins[str(length.bit_length())] += count
    return {
        "smallest": ordered[0][0],
        **{name: _quantile(ordered, share * rows) for name, share in _QUANTILES},
        "largest": ordered[-1][0],
        "mean": round(sum(length * count for length, count in ordered) / rows, 1),
        "bins": dict(sorted(bins.items(), key=lambda item: int(item[0]))),
    }


def _quantile(ordered: list[tuple[int, int]], position: float) -> int:
    """Return the shortest length that at least so many rows do not exceed."""
    passed = 0
    for length, count in ordered:
        passed += count
        if passed >= position:
            return length
    return ordered[-1][0]
