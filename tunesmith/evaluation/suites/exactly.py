"""Exact results of counts, kept: they take up to a tenth of a second and the same counts recur."""

import functools
from typing import Protocol

from tunesmith.statistics import Interval


class Compared(Protocol):
    """What two models' counts can tell; hashable, and equal where the counts are."""

    def __hash__(self) -> int:
        """Return a hash of the counts."""

    def interval(self, confidence: float) -> Interval:
        """Return the interval for the difference."""

    def p_above(self, bound: float) -> float:
        """Return the p-value of `difference <= bound`."""

    def p_below(self, bound: float) -> float:
        """Return the p-value of `difference >= bound`."""


@functools.lru_cache(maxsize=4096)
def interval_of(comparison: Compared, confidence: float) -> Interval:
    """Return the interval of a comparison."""
    return comparison.interval(confidence)


@functools.lru_cache(maxsize=4096)
def p_below(comparison: Compared, bound: float) -> float:
    """Return the p-value of `difference >= bound`."""
    return comparison.p_below(bound)


@functools.lru_cache(maxsize=4096)
def p_above(comparison: Compared, bound: float) -> float:
    """Return the p-value of `difference <= bound`."""
    return comparison.p_above(bound)
