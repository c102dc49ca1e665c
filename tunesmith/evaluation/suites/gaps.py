"""How a gain shrinks from one kind of inputs to another: a difference of two paired differences.

The candidate's gain over the base is measured on each kind, paired and exact. The interval of
their difference is made of both intervals by the method of variance estimates recovery (Zou and
Donner 2008, Statistics in Medicine 27:1693-1702), which keeps the exact intervals' asymmetry and
holds with no discordant pair. Where both kinds are the same rows, disturbed and not, their gains
move together and the interval is wider than it need be.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from tunesmith.evaluation.suites.exactly import interval_of
from tunesmith.statistics import BinaryComparison, Interval

_FEWEST, _MOST = 1e-6, 0.49
_STEPS = 8
"""Halvings of the p-value's logarithm: it is found within 6 %, rounded up."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The gain on unlike inputs minus that on ordinary ones, from -2 to 2.

    Attributes:
        ordinary: Candidate against base where the gain is expected.
        unlike: Candidate against base where it is in doubt.
    """

    ordinary: BinaryComparison
    unlike: BinaryComparison

    @property
    def n(self) -> int:
        """Pairs of answers, of both kinds together."""
        return self.ordinary.n + self.unlike.n

    @property
    def clusters(self) -> int:
        """Groups, of both kinds together."""
        return self.ordinary.clusters + self.unlike.clusters

    @property
    def wins(self) -> int:
        """Pairs that only the candidate got right."""
        return self.ordinary.wins + self.unlike.wins

    @property
    def losses(self) -> int:
        """Pairs that only the base got right."""
        return self.ordinary.losses + self.unlike.losses

    @property
    def estimate(self) -> float:
        """The gain on unlike inputs minus that on ordinary ones."""
        return self.unlike.estimate - self.ordinary.estimate

    def interval(self, confidence: float) -> Interval:
        """Return the interval for the difference of the gains."""
        before, after = interval_of(self.ordinary, confidence), interval_of(self.unlike, confidence)
        below = math.hypot(after.estimate - after.low, before.high - before.estimate)
        above = math.hypot(after.high - after.estimate, before.estimate - before.low)
        return Interval(
            estimate=self.estimate,
            low=max(-2.0, self.estimate - below),
            high=min(2.0, self.estimate + above),
            confidence=confidence,
            n=self.n,
            clusters=self.clusters,
            method="exact score, variance estimates recovered",
        )

    def p_above(self, bound: float) -> float:
        """Return the one-sided p-value of `difference <= bound` against `difference > bound`."""
        return self._smallest(lambda interval: interval.low > bound, self.estimate > bound)

    def p_below(self, bound: float) -> float:
        """Return the one-sided p-value of `difference >= bound` against `difference < bound`."""
        return self._smallest(lambda interval: interval.high < bound, self.estimate < bound)

    def pairs_needed(self, bound: float, alpha: float) -> int | None:
        """Return about how many pairs like these would show a difference above `bound`.

        By the square of how much narrower the interval would have to be; None where the observed
        difference is not above the bound.
        """
        if self.estimate <= bound:
            return None
        interval = self.interval(1.0 - 2.0 * alpha)
        return math.ceil(self.n * ((self.estimate - interval.low) / (self.estimate - bound)) ** 2)

    def _smallest(self, excludes: Callable[[Interval], bool], possible: bool) -> float:
        if not possible or not excludes(self.interval(1.0 - 2.0 * _MOST)):
            return 1.0
        low, high = math.log(_FEWEST), math.log(_MOST)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if excludes(self.interval(1.0 - 2.0 * math.exp(middle))):
                high = middle
            else:
                low = middle
        return math.exp(high)
