"""Metrics on a scale: the mean difference of two models, or one model's mean.

The test is Gaffke's (2005, Three test statistics for a nonparametric one-sided hypothesis on the
mean of a nonnegative variable, Mathematical Methods of Statistics 14:451-467). A worst possible
value is added to the values, all are weighted at random, the weights being spread evenly over all
that add up to one, and the share of weighted means at or below a bound is the p-value of a mean
below it. It never errs more often than it says, for any number of independent values and any
distribution of them within their range (Vlassis and Thomas 2026, An Exact Distribution-Free Test
for Means of Nonnegative Random Variables, arXiv:2607.08415), and as the values get many it claims
as much as the normal limit does (Ming, Ramdas, Shen, Wang and Waudby-Smith 2026,
arXiv:2607.18661). The worst value stands for the harm that is too rare to be in the sample, which
no bootstrap knows of; of values that are yes or no, the limits are those of Clopper and Pearson.

Values of one group may depend on each other in any way: whole groups are weighted, and what is
added is a group that is worst throughout. It is as large as the group of the average row, which is
covered by the theorem where groups have one size, and by simulation (`benchmarks/gate.py`) else.

The range is 0 to 1 for each model where all values lie in it, else as observed: then the theorem
does not cover it. Under 100 pairs or 40 groups nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunesmith.statistics.intervals import (
    Interval,
    TooFewPairs,
    check_alpha,
    check_pairs,
    group_numbers,
    one_sided,
)

Floats = NDArray[np.float64]

FEWEST_PAIRS = 100
FEWEST_CLUSTERS = 40
DRAWS = 9_999
_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class MeanComparison:
    """A mean difference with what it may be in truth.

    Attributes:
        n: Pairs.
        clusters: Groups that the pairs come from.
        estimate: The treated model's mean minus the control's.
        standard_error: Of the estimate, robust to dependence within groups.
        method: Name of the method, for reports.
        lowest: The least that the difference can be, then its weighted means with the worst group
            added, sorted.
        highest: Its weighted means with the best group added, sorted, then the most it can be.
    """

    n: int
    clusters: int
    estimate: float
    standard_error: float
    method: str
    lowest: Floats = field(repr=False)
    highest: Floats = field(repr=False)

    def interval(self, confidence: float) -> Interval:
        """Return the interval for the difference; each side errs at most half of the rest."""
        alpha = one_sided(confidence)
        return Interval(
            estimate=self.estimate,
            low=self._low(alpha),
            high=float(self.highest[-1 - self._outside(alpha)]),
            confidence=confidence,
            n=self.n,
            clusters=self.clusters,
            method=self.method,
        )

    def p_above(self, bound: float) -> float:
        """Return the one-sided p-value of `difference <= bound` against `difference > bound`.

        A `bound` of 0 asks whether the treated model is better; `-margin`, whether it is not
        worse by `margin` or more. The bound is on the metric's scale.
        """
        reached = int(np.searchsorted(self.lowest, bound, side="right"))
        return max(1, reached) / len(self.lowest)

    def p_below(self, bound: float) -> float:
        """Return the one-sided p-value of `difference >= bound` against `difference < bound`.

        A `bound` of 0 asks whether the treated model is worse.
        """
        reached = len(self.highest) - int(np.searchsorted(self.highest, bound, side="left"))
        return max(1, reached) / len(self.highest)

    def smallest_effect(self, alpha: float, power: float = 0.8) -> float:
        """Return the smallest gain that so many pairs, so scattered, show with that power."""
        return self._reach(alpha, power)

    def smallest_margin(self, alpha: float, power: float = 0.8) -> float:
        """Return the smallest margin within which they show an equal model, with that power."""
        return self._reach(alpha, power)

    def pairs_needed(self, bound: float, alpha: float, power: float = 0.8) -> int | None:
        """Return about how many pairs like these would show a difference above `bound`.

        The observed difference is taken for the true one. None stands where it isn't above the
        bound: more pairs would then not show what isn't there.
        """
        gap = self.estimate - bound
        if gap <= 0.0:
            return None
        scatter = self._reach(alpha, power) - self._unseen(alpha)
        # With m pairs the scatter is worth sqrt(n / m) of this, and the worst group n / m.
        unseen = max(self._unseen(alpha), 1e-12)
        root = (math.sqrt(scatter**2 + 4.0 * unseen * gap) - scatter) / (2.0 * unseen)
        return math.ceil(self.n / root**2)

    def _outside(self, alpha: float) -> int:
        return math.floor(alpha * len(self.lowest) + 1e-9)

    def _low(self, alpha: float) -> float:
        return float(self.lowest[self._outside(alpha)])

    def _reach(self, alpha: float, power: float) -> float:
        """Return how far from a bound a difference must lie to be seen above it."""
        check_alpha(alpha)
        scatter = (_normal(1.0 - alpha) + _normal(power)) * self.standard_error
        return min(scatter + self._unseen(alpha), -float(self.lowest[0]))

    def _unseen(self, alpha: float) -> float:
        """Return how much farther the lower limit lies than the scatter of the pairs explains."""
        explained = _normal(1.0 - alpha) * self.standard_error
        return max(0.0, self.estimate - self._low(alpha) - explained)


def compare_means(
    treated: Sequence[float],
    control: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    seed: int,
) -> MeanComparison:
    """Compare two models' values for the same inputs, in the same order.

    Args:
        treated: The treated model's (the candidate's) values.
        control: The values of what it is compared with.
        groups: The group of each input; none if every input stands alone.
        seed: Of the weights: the same values and seed give the same result.

    Raises:
        TooFewPairs: Under 100 pairs, or under 40 groups.
        ValueError: Lengths differ, a value isn't finite, or there are no pairs.
    """
    check_pairs(treated, control)
    numbers = group_numbers(groups, len(treated))
    ours, theirs = _finite(treated, "treated"), _finite(control, "control")
    span = _range(np.concatenate([ours, theirs]))
    reach = span.high - span.low
    return _weigh(ours - theirs, numbers, _Range(-reach, reach, span.known), seed)


def paired_mean(
    treated: Sequence[float],
    control: Sequence[float],
    confidence: float,
    groups: Sequence[str] | None = None,
    *,
    seed: int,
) -> Interval:
    """Return the interval for treated minus control; see `compare_means`."""
    return compare_means(treated, control, groups, seed=seed).interval(confidence)


def mean_interval(
    values: Sequence[float],
    confidence: float,
    groups: Sequence[str] | None = None,
    *,
    seed: int,
) -> Interval:
    """Return the interval for one model's mean, with the same conditions as `compare_means`."""
    numbers = group_numbers(groups, len(values))
    found = _finite(values, "given")
    return _weigh(found, numbers, _range(found), seed).interval(confidence)


class _Range(NamedTuple):
    """The least and the most that a value can be."""

    low: float
    high: float
    known: bool


def _finite(values: Sequence[float], side: str) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    odd = np.flatnonzero(~np.isfinite(numbers))
    if len(odd):
        raise ValueError(f"{side} value {odd[0]} is {numbers[odd[0]]}; expected a finite number")
    return numbers


def _range(values: Floats) -> _Range:
    """Return 0 to 1 where all values lie within, else what was seen."""
    low, high = float(values.min()), float(values.max())
    known = low >= 0.0 and high <= 1.0
    return _Range(0.0, 1.0, known) if known else _Range(low, high, known)


def _check_enough(n: int, clusters: int) -> None:
    if n < FEWEST_PAIRS:
        raise TooFewPairs(n, FEWEST_PAIRS, "pairs")
    if clusters < FEWEST_CLUSTERS:
        raise TooFewPairs(clusters, FEWEST_CLUSTERS, "groups")


def _weigh(values: Floats, numbers: NDArray[np.intp], span: _Range, seed: int) -> MeanComparison:
    """Estimate the mean and weigh the groups at random, `DRAWS` times."""
    sizes = np.asarray(np.bincount(numbers), dtype=np.float64)
    totals = np.asarray(np.bincount(numbers, weights=values), dtype=np.float64)
    clusters, n = len(sizes), len(values)
    _check_enough(n, clusters)
    added = float((sizes**2).sum()) / n
    generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS_AT_ONCE // clusters)
    worst, best = [np.array([span.low])], [np.array([span.high])]
    for start in range(0, DRAWS, at_once):
        draws = min(at_once, DRAWS - start)
        # Exponential weights over their sum are spread evenly; the sum cancels in the mean.
        weights = generator.standard_exponential((draws, clusters))
        more = added * generator.standard_exponential(draws)
        total, size = (np.einsum("dg,g->d", weights, part) for part in (totals, sizes))
        worst.append((total + more * span.low) / (size + more))
        best.append((total + more * span.high) / (size + more))
    groups = "" if clusters == n else ", by groups"
    return MeanComparison(
        n=n,
        clusters=clusters,
        estimate=float(values.mean()),
        standard_error=_standard_error(totals - sizes * values.mean(), n),
        method=f"Gaffke{groups}" if span.known else f"Gaffke{groups}, range as observed",
        lowest=np.sort(np.concatenate(worst)),
        highest=np.sort(np.concatenate(best)),
    )


def _standard_error(excess: Floats, n: int) -> float:
    """Return the error of a mean from what each group's total exceeds its expected one by."""
    clusters = max(2, len(excess))
    return math.sqrt(float((excess**2).sum()) * clusters / (clusters - 1)) / n


def _normal(probability: float) -> float:
    return NormalDist().inv_cdf(probability)
