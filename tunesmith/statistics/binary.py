"""Yes/no metrics of two models on the same inputs: the difference of their rates.

A comparison of pairs that stand alone is exact (`tunesmith.statistics.exact`). Where several pairs
share a group (a conversation, a family of near-copies), they tell less than as many independent
ones. The counts are then divided by a design effect, the factor by which clustering inflates the
variance of the difference (Obuchowski 1998, Statistics in Medicine 17:1495-1507, estimates it from
the groups' totals), and the same test is applied to what is left, rounded against the claim. The
factor is the largest of three: of the difference, of the wins alone, and of the losses alone. For
where the wins come one by one and the losses by whole groups, a few groups decide whether there
are any losses, and the difference's own factor lets up to 9 % of such candidates pass at 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunesmith.statistics import exact
from tunesmith.statistics import power as planning
from tunesmith.statistics.intervals import Interval, check_pairs, group_numbers, one_sided


@dataclass(frozen=True, slots=True)
class BinaryComparison:
    """Two models' right and wrong answers to the same inputs, counted.

    Attributes:
        n: Pairs.
        clusters: Groups that the pairs come from.
        wins: Pairs that only the treated model got right.
        losses: Pairs that only the control got right.
        design_effect: Pairs that are worth one independent pair; 1 or more.
    """

    n: int
    clusters: int
    wins: int
    losses: int
    design_effect: float = 1.0

    @property
    def estimate(self) -> float:
        """The treated model's rate minus the control's, from -1 to 1."""
        return (self.wins - self.losses) / self.n

    @property
    def discordance(self) -> float:
        """The share of pairs on which the models differ."""
        return (self.wins + self.losses) / self.n

    @property
    def effective_n(self) -> int:
        """How many independent pairs these are worth."""
        return max(1, math.floor(self.n / self.design_effect + 1e-9))

    def interval(self, confidence: float) -> Interval:
        """Return the interval for the difference; each side errs at most half of the rest."""
        alpha = one_sided(confidence)
        low = exact.lower_limit(*_against(self.wins, self.losses, self), alpha)
        high = -exact.lower_limit(*_against(self.losses, self.wins, self), alpha)
        independent = self.design_effect == 1.0
        return Interval(
            estimate=self.estimate,
            low=min(low, self.estimate),
            high=max(high, self.estimate),
            confidence=confidence,
            n=self.n,
            clusters=self.clusters,
            method="exact score" if independent else "exact score, design effect",
        )

    def p_above(self, bound: float) -> float:
        """Return the one-sided p-value of `difference <= bound` against `difference > bound`.

        A `bound` of 0 asks whether the treated model is better; `-margin`, whether it is not
        worse by `margin` or more.

        Raises:
            ValueError: The bound isn't between -1 and 1.
        """
        return exact.p_above(*_against(self.wins, self.losses, self), bound)

    def p_below(self, bound: float) -> float:
        """Return the one-sided p-value of `difference >= bound` against `difference < bound`.

        A `bound` of 0 asks whether the treated model is worse.

        Raises:
            ValueError: The bound isn't between -1 and 1.
        """
        return exact.p_above(*_against(self.losses, self.wins, self), -bound)

    def smallest_effect(self, alpha: float, power: float = 0.8) -> float:
        """Return the smallest gain that so many pairs, so discordant, show with that power."""
        return planning.smallest_effect(self.effective_n, self.discordance, alpha, power)

    def smallest_margin(self, alpha: float, power: float = 0.8) -> float:
        """Return the smallest margin within which they show an equal model, with that power."""
        return planning.smallest_margin(self.effective_n, self.discordance, alpha, power)

    def pairs_needed(self, bound: float, alpha: float, power: float = 0.8) -> int | None:
        """Return about how many pairs like these would show a difference above `bound`.

        The observed difference is taken for the true one. None stands where it isn't above the
        bound: more pairs would then not show what isn't there.
        """
        if self.estimate <= bound:
            return None
        pairs = planning.pairs_needed(bound, self.estimate, self.discordance, alpha, power)
        return math.ceil(pairs * self.design_effect)


def compare_binary(
    treated: Sequence[bool], control: Sequence[bool], groups: Sequence[str] | None = None
) -> BinaryComparison:
    """Count two models' answers to the same inputs, in the same order.

    Args:
        treated: Whether the treated model (the candidate) was right.
        control: Whether the control (what it is compared with) was right.
        groups: The group of each input; none if every input stands alone.

    Raises:
        ValueError: Lengths differ, a value is neither true nor false, or there are no pairs.
    """
    check_pairs(treated, control)
    numbers = group_numbers(groups, len(treated))
    ours, theirs = _zero_one(treated, "treated"), _zero_one(control, "control")
    difference = ours - theirs
    moves = [difference]
    if not theirs.all():  # wins are possible
        moves.append(np.maximum(difference, 0.0))
    if theirs.any():
        moves.append(np.minimum(difference, 0.0))
    return BinaryComparison(
        n=len(treated),
        clusters=int(numbers.max()) + 1,
        wins=int((difference > 0).sum()),
        losses=int((difference < 0).sum()),
        design_effect=max(_design_effect(move, numbers) for move in moves),
    )


def paired_binary(
    treated: Sequence[bool],
    control: Sequence[bool],
    confidence: float,
    groups: Sequence[str] | None = None,
) -> Interval:
    """Return the interval for treated minus control; see `compare_binary`."""
    return compare_binary(treated, control, groups).interval(confidence)


def _zero_one(values: Sequence[bool], side: str) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    odd = np.flatnonzero((numbers != 0.0) & (numbers != 1.0))
    if len(odd):
        raise ValueError(f"{side} value {odd[0]} is {numbers[odd[0]]:g}; expected true or false")
    return numbers


def _design_effect(move: NDArray[np.float64], numbers: NDArray[np.intp]) -> float:
    """Return how many times more the mean of a move varies than with independent pairs.

    The estimate rests on the groups that hold a pair that moved, so it is widened by the variance
    of Student's t with one degree of freedom fewer than these. It never leaves the range from 1
    (independent) to the value at which all pairs of a group move as one; with fewer than four
    such groups, which can't show how pairs move together, that value stands.
    """
    sizes = np.asarray(np.bincount(numbers), dtype=np.float64)
    clusters, n = len(sizes), len(move)
    as_one = float((sizes**2).sum() / n)
    informative = len(np.unique(numbers[move != 0.0]))
    if clusters == n or informative < 4:
        return as_one
    centred = move - move.mean()
    among = float((np.bincount(numbers, weights=centred) ** 2).sum()) * clusters / (clusters - 1)
    within = float((centred**2).sum())
    ratio = among / within if within > 0.0 else as_one
    freedom = informative - 1
    return min(max(1.0, ratio) * freedom / (freedom - 2), as_one)


def _against(gains: int, setbacks: int, whole: BinaryComparison) -> tuple[int, int, int]:
    """Return gains, setbacks and pairs as independent ones, rounded against the gains."""
    n = whole.effective_n
    fewer_setbacks = min(n, math.ceil(setbacks / whole.design_effect - 1e-9))
    fewer_gains = min(n - fewer_setbacks, math.floor(gains / whole.design_effect + 1e-9))
    return fewer_gains, fewer_setbacks, n
