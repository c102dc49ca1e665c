"""What a number of pairs can show, and how many pairs it takes to show something.

All of this is for yes/no metrics of two models on the same inputs, decided by the exact test of
`tunesmith.statistics.exact` at a one-sided error `alpha`. Three numbers fix the truth: the true
difference of the rates (treated minus control), the discordance (the share of pairs on which the
models differ), and the number of independent pairs. A difference of `d` takes a discordance of at
least `d`, so a smaller one is raised to it. Power is the chance to show what is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from tunesmith.statistics import exact
from tunesmith.statistics.intervals import check_alpha

# Above this many pairs the normal approximation stands in: within 2 % of the exact number, or
# within about 10 % where hardly a pair is discordant.
_EXACT_PAIRS = 5_000
_PRECISION = 1e-4
_SCORE_PRECISION = 1e-3


def power_above(
    n: int, bound: float, true_difference: float, discordance: float, alpha: float
) -> float:
    """Return the chance that `n` pairs show the difference to lie above `bound`.

    Raises:
        ValueError: `n` is below 1, or a rate or `alpha` is out of its range.
    """
    check_alpha(alpha)
    _check_truth(bound, true_difference, discordance)
    if n < 1:
        raise ValueError(f"{n} pairs; expected at least 1")
    return _power(n, bound, true_difference, discordance, _critical(n, bound, alpha))


def power_better(n: int, effect: float, discordance: float, alpha: float) -> float:
    """Return the chance that `n` pairs show a model to be better that is so by `effect`."""
    return power_above(n, 0.0, effect, discordance, alpha)


def power_not_worse(
    n: int, margin: float, discordance: float, alpha: float, true_difference: float = 0.0
) -> float:
    """Return the chance that `n` pairs show a model to be less than `margin` worse.

    The margin is positive, on the scale of the rates: 0.05 is five percentage points.
    """
    return power_above(n, -margin, true_difference, discordance, alpha)


def smallest_effect(n: int, discordance: float, alpha: float, power: float = 0.8) -> float:
    """Return the smallest true gain that `n` pairs show with the given power; 1 if none."""
    return _smallest(lambda effect: power_better(n, effect, discordance, alpha) >= power)


def smallest_margin(n: int, discordance: float, alpha: float, power: float = 0.8) -> float:
    """Return the smallest margin within which `n` pairs show an equal model; 1 if none."""
    # The critical score hardly changes with the margin, and takes most of the time.
    margin = 2.5 * math.sqrt(discordance / n) + 3.0 / n
    for _ in range(2):
        critical = _critical(n, -min(margin, 0.99), alpha)

        def enough(margin: float, critical: float = critical) -> bool:
            return _power(n, -margin, 0.0, discordance, critical) >= power

        margin = _smallest(enough)
    while margin < 1.0 and power_not_worse(n, margin, discordance, alpha) < power:
        margin = min(1.0, margin * 1.01)
    return margin


def pairs_needed(
    bound: float, true_difference: float, discordance: float, alpha: float, power: float = 0.8
) -> int:
    """Return about how many pairs show, with the given power, a difference above `bound`.

    A `bound` of 0 asks for the pairs that show a gain of `true_difference`; a `bound` of `-margin`
    with a `true_difference` of 0, for those that show an equal model to be not worse. The power
    saw-tooths with the number of pairs, so a slightly smaller number may do as well.

    Raises:
        ValueError: The true difference isn't above the bound, so no number of pairs would do; or
            a rate, `alpha` or `power` is out of its range.
    """
    check_alpha(alpha)
    _check_truth(bound, true_difference, discordance)
    if true_difference <= bound:
        raise ValueError(f"true difference {true_difference}; expected one above {bound}")
    if not alpha < power < 1.0:
        raise ValueError(f"power {power}; expected a value between alpha and 1")
    pairs = _normal_pairs(bound, true_difference, discordance, alpha, power)
    if pairs > _EXACT_PAIRS:
        return pairs
    for _ in range(2):
        critical = _critical(pairs, bound, alpha)

        def enough(n: int, critical: float = critical) -> bool:
            return _power(n, bound, true_difference, discordance, critical) >= power

        few, pairs = 0, 1
        while not enough(pairs):
            few, pairs = pairs, pairs * 2
        while pairs - few > max(1, pairs // 100):
            middle = (few + pairs) // 2
            few, pairs = (few, middle) if enough(middle) else (middle, pairs)
    while power_above(pairs, bound, true_difference, discordance, alpha) < power:
        pairs += max(1, pairs // 100)
    return pairs


def _check_truth(bound: float, true_difference: float, discordance: float) -> None:
    if not -1.0 < bound < 1.0:
        raise ValueError(f"bound {bound}; expected a difference between -1 and 1")
    if not -1.0 <= true_difference <= 1.0:
        raise ValueError(f"true difference {true_difference}; expected a value from -1 to 1")
    if not 0.0 <= discordance <= 1.0:
        raise ValueError(f"discordance {discordance}; expected a share from 0 to 1")


def _power(
    n: int, bound: float, true_difference: float, discordance: float, critical: float
) -> float:
    """Return the chance of a score that reaches a critical value."""
    share = max(discordance, abs(true_difference))
    needed = exact.fewest_wins(n, bound, critical)
    win_rate, loss_rate = (share + true_difference) / 2, (share - true_difference) / 2
    return float(exact.probability(needed, np.array([win_rate]), np.array([loss_rate]))[0])


@lru_cache(maxsize=4096)
def _critical(n: int, bound: float, alpha: float) -> float:
    """Return the smallest score that is rejected at `alpha`, rounded up by at most 0.001."""
    kept = NormalDist().inv_cdf(1.0 - alpha) - 0.2
    while exact.size(n, bound, kept) <= alpha:
        kept -= 0.5
    rejected, step = kept + 0.3, 0.3
    while exact.size(n, bound, rejected) > alpha:
        step *= 1.5
        kept, rejected = rejected, rejected + step
    while rejected - kept > _SCORE_PRECISION:
        middle = (kept + rejected) / 2
        if exact.size(n, bound, middle) > alpha:
            kept = middle
        else:
            rejected = middle
    return rejected


def _normal_pairs(
    bound: float, true_difference: float, discordance: float, alpha: float, power: float
) -> int:
    """Return the pairs that the normal approximation of the score statistic asks for."""
    share = max(discordance, abs(true_difference))
    distance = true_difference - bound
    per_pair = exact.score(
        (share + true_difference) / 2, (share - true_difference) / 2, n=1, bound=bound
    )
    error_at_bound = distance / float(per_pair)
    error = math.sqrt(max(share - true_difference**2, 0.0))
    normal = NormalDist()
    reach = normal.inv_cdf(1.0 - alpha) * error_at_bound + normal.inv_cdf(power) * error
    return max(1, math.ceil((reach / distance) ** 2))


def _smallest(enough: Callable[[float], bool]) -> float:
    """Return the smallest value between 0 and 1 that is enough, rounded up by at most 1e-4."""
    few, many = 0.0, 1.0
    while many - few > _PRECISION:
        middle = (few + many) / 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many
