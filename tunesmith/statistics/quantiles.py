"""A quantile of one model's values, such as the 95th percentile of its seconds, beside a bound.

Of independent values, the number that lies over a bound is binomial, whatever the values'
distribution. So the test of a bound counts the values over it, and the interval is between two of
the sorted values (Conover 1999, Practical Nonparametric Statistics, sections 3.1 and 3.2). Both
are exact at any number of values, and each is the other turned round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.statistics.intervals import Interval, check_alpha, one_sided

MOST = 1_000_000
"""Values beyond which nobody is told how many it would take."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """The value that a share of all values does not pass.

    Attributes:
        share: The share, between 0 and 1.
        values: What was measured, sorted.
    """

    share: float
    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def tail(self) -> float:
        """The share of all values that may pass it."""
        return _tail(self.share)

    @property
    def estimate(self) -> float:
        """The least of the values that at least the share does not pass."""
        return self.values[max(1, math.ceil(self.share * self.n - 1e-9)) - 1]

    def over(self, bound: float) -> int:
        """Return how many values lie over a bound."""
        return sum(value > bound for value in self.values)

    def p_within(self, bound: float) -> float:
        """Return the one-sided p-value of `quantile > bound` against `quantile <= bound`."""
        return _at_most(self.over(bound), self.n, self.tail)

    def p_beyond(self, bound: float) -> float:
        """Return the one-sided p-value of `quantile <= bound` against `quantile > bound`."""
        return _at_least(self.over(bound), self.n, self.tail)

    def interval(self, confidence: float) -> Interval:
        """Return the interval; too few values set no upper limit, which is then infinite."""
        alpha = one_sided(confidence)
        most = _most_over(self.n, self.share, alpha)
        counts = range(1, self.n + 1)
        many = next((at for at in counts if _at_least(at, self.n, self.tail) <= alpha), None)
        return Interval(
            estimate=self.estimate,
            low=-math.inf if many is None else self.values[self.n - many],
            high=math.inf if most is None else self.values[self.n - most - 1],
            confidence=confidence,
            n=self.n,
            clusters=self.n,
            method="order statistics, exact",
        )

    def smallest_gap(self, alpha: float, power: float = 0.8) -> float | None:
        """Return how far over the quantile a bound must lie to be shown with that power.

        None stands where so few values show no bound, however far.
        """
        most = _most_over(self.n, self.share, alpha)
        if most is None:
            return None
        from scipy.special import bdtri  # loaded late: importing the package stays light

        # So few values over a bound as are needed come up with this power at this rate.
        rate = float(bdtri(most, self.n, power))
        reached = math.ceil((1 - rate) * self.n - 1e-9)
        return self.values[min(max(reached, 1), self.n) - 1] - self.estimate

    def needed(self, bound: float, alpha: float, power: float = 0.8) -> int | None:
        """Return about how many values like these would show the quantile to be within a bound.

        The observed share over the bound is taken for the true one. None stands where it is not
        below what is allowed: more values would then not show what isn't there.
        """
        rate = self.over(bound) / self.n
        if rate >= self.tail:
            return None
        n = fewest(self.share, alpha)
        while n <= MOST:
            most = _most_over(n, self.share, alpha)
            if most is not None and _at_most(most, n, rate) >= power:
                return n
            n += max(1, n // 100)
        return None


def quantile(values: Sequence[float], share: float) -> Quantile:
    """Sort values that were measured independently of each other.

    Raises:
        ValueError: There is none, one isn't finite, or the share isn't between 0 and 1.
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"share {share}; expected a value between 0 and 1")
    if not values or not all(map(math.isfinite, values)):
        raise ValueError("expected one finite value or more")
    return Quantile(share, tuple(sorted(values)))


def fewest(share: float, alpha: float) -> int:
    """Return how many values it takes, none of them over a bound, to show the quantile within it.

    Raises:
        ValueError: The share isn't between 0 and 1, or `alpha` isn't between 0 and 0.5.
    """
    check_alpha(alpha)
    if not 0.0 < share < 1.0:
        raise ValueError(f"share {share}; expected a value between 0 and 1")
    return max(1, math.ceil(math.log(alpha) / math.log(share) - 1e-9))


def _tail(share: float) -> float:
    return round(1 - share, 12)  # so that 0.95 leaves 0.05


def _most_over(n: int, share: float, alpha: float) -> int | None:
    """Return how many of `n` may lie over a bound that the quantile is shown to be within."""
    if n < fewest(share, alpha):
        return None
    low, high = 0, n  # enough, and not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _at_most(middle, n, _tail(share)) <= alpha else (low, middle)
    return low


def _at_most(count: int, n: int, rate: float) -> float:
    """Return the chance of so many or fewer among `n`, each at this rate."""
    from scipy.special import bdtr  # loaded late: importing the package stays light

    return float(bdtr(count, n, rate))


def _at_least(count: int, n: int, rate: float) -> float:
    """Return the chance of so many or more among `n`, each at this rate."""
    from scipy.special import bdtrc  # loaded late: importing the package stays light

    return float(bdtrc(count - 1, n, rate)) if count > 0 else 1.0
