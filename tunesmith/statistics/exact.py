"""The exact unconditional test behind every yes/no comparison.

The same inputs are answered by two models and each answer is right or wrong. Of `n` pairs, `wins`
are right for the treated model only and `losses` for the control only; the rest are concordant.
The difference of the two rates is estimated by `(wins - losses) / n`. Its tests order the possible
outcomes by Tango's score statistic (1998, Statistics in Medicine 17:891-908), but do not trust
that statistic's normal limit: at 30 to 100 pairs and a nominal 5 % it errs in up to 7 % of cases.
Instead, the p-value is the largest probability of an outcome at least as extreme over all
discordance rates that the hypothesis allows (Suissa and Shuster 1991, Biometrics 47:361-372, for a
bound of zero; Sidik 2003, Statistics in Medicine 22:265-278, for a margin), so that it holds at
any `n`, with no discordant pair too.

The hypothesis `difference <= bound` need only be examined at `difference = bound`: the statistic
grows with a win and shrinks with a loss (Barnard's convexity), hence the extreme outcomes are the
less likely the smaller the difference.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Outcomes closer than this count as tied, lest rounding in the last digit leave one out.
_TIE = 1e-9
# The interval's limits are found to this precision and rounded outwards.
_PRECISION = 1e-5


def score(wins: ArrayLike, losses: ArrayLike, n: int, bound: float) -> Floats:
    """Return Tango's score statistic: how many standard errors the wins lie above the bound.

    The standard error is the one at `difference = bound`, with the discordance that is then most
    likely. With neither discordance nor distance from the bound, the statistic is zero.
    """
    b, c = np.asarray(wins, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    linear = (2 * n - b + c) * bound - b - c
    constant = -c * bound * (1.0 - bound)
    root = np.sqrt(np.maximum(linear * linear - 8 * n * constant, 0.0))
    loss_rate = (root - linear) / (4 * n)
    variance = n * (2 * loss_rate + bound * (1.0 - bound))
    distance = b - c - n * bound
    flat = variance <= 1e-12
    return np.where(flat, np.sign(distance) * 1e12, distance / np.sqrt(np.where(flat, 1, variance)))


def fewest_wins(n: int, bound: float, critical: float) -> Integers:
    """Return, for 0 to `n` losses, the fewest wins whose score reaches a critical value.

    One more than there can be stands where no number of wins does.
    """
    losses = np.arange(n + 1)
    below, reached = np.full(n + 1, -1), n + 1 - losses
    while np.any(reached - below > 1):
        middle = (below + reached) // 2
        enough = score(middle, losses, n, bound) >= critical - _TIE
        open_ = reached - below > 1
        reached = np.where(open_ & enough, middle, reached)
        below = np.where(open_ & ~enough, middle, below)
    return np.asarray(reached, dtype=np.int64)


def probability(wins_needed: Integers, win_rates: Floats, loss_rates: Floats) -> Floats:
    """Return the probability of enough wins, for each pair of a win rate and a loss rate."""
    from scipy import special  # loaded late: importing the package stays light

    n = len(wins_needed) - 1
    # Beyond 6 standard deviations (and 20, for rates near zero) lies less than 1e-8.
    reach = 6.0 * np.sqrt(n * loss_rates * (1.0 - loss_rates)) + 20.0
    first = np.maximum(np.floor(n * loss_rates - reach), 0).astype(np.int64)
    last = np.minimum(np.ceil(n * loss_rates + reach), n).astype(np.int64)
    # All rates one after the other, each with the losses that it makes likely.
    starts = np.concatenate([[0], np.cumsum(last - first + 1)])
    at = np.repeat(np.arange(len(loss_rates)), np.diff(starts))
    losses = np.arange(starts[-1]) - starts[at] + first[at]
    rest = n - losses
    log_mass = (
        _log_ways(n)[losses]
        + special.xlogy(losses, loss_rates[at])
        + special.xlog1py(rest, -loss_rates[at])
    )
    share = np.divide(
        win_rates, 1.0 - loss_rates, out=np.zeros_like(win_rates), where=loss_rates < 1.0
    )
    needed = wins_needed[losses]
    tail = special.betainc(
        np.maximum(needed, 1), np.maximum(rest - needed + 1, 1), np.clip(share, 0.0, 1.0)[at]
    )
    tail = np.where(needed <= 0, 1.0, np.where(needed > rest, 0.0, tail))
    return np.asarray(np.add.reduceat(np.exp(log_mass) * tail, starts[:-1]))


@lru_cache(maxsize=64)
def _log_ways(n: int) -> Floats:
    """Return the logarithms of in how many ways 0 to `n` of `n` pairs can be losses."""
    from scipy import special

    losses = np.arange(n + 1)
    return np.asarray(
        special.gammaln(n + 1) - special.gammaln(losses + 1) - special.gammaln(n - losses + 1)
    )


@lru_cache(maxsize=256)
def _discordance_angles(n: int, bound: float) -> Floats:
    """Return where to look for the least favourable discordance, as angles from 0 to pi/2.

    The probability ripples on the scale of the standard deviation of the number of discordant
    pairs; in the angle (an arcsine root) that is the same everywhere. The ripples matter where
    few pairs are discordant, or few concordant, so both ends are looked at closely.
    """
    unit = 1.0 / math.sqrt(n * (1.0 - abs(bound)))
    if math.pi / 2 <= 24.0 * unit:
        return np.linspace(0.0, math.pi / 2, math.ceil(2.0 * math.pi / unit) + 1)
    end = np.arange(0.0, 12.0, 0.25) * unit
    between = np.linspace(12.0 * unit, math.pi / 2 - 12.0 * unit, 50)
    return np.concatenate([end, between, math.pi / 2 - end[::-1]])


def _rates(angles: Floats, bound: float) -> tuple[Floats, Floats]:
    """Return the win and loss rates with a difference of `bound`, one for each angle."""
    discordance = abs(bound) + (1.0 - abs(bound)) * np.sin(angles) ** 2
    return (discordance + bound) / 2, (discordance - bound) / 2


def size(n: int, bound: float, critical: float) -> float:
    """Return the greatest chance, at `difference = bound`, of a score that reaches `critical`."""
    needed = fewest_wins(n, bound, critical)
    angles = _discordance_angles(n, bound)
    chances = probability(needed, *_rates(angles, bound))
    best = int(chances.argmax())
    around = np.linspace(angles[max(best - 1, 0)], angles[min(best + 1, len(angles) - 1)], 15)
    finer = probability(needed, *_rates(around, bound))
    return float(min(1.0, max(chances[best], finer.max())))


@lru_cache(maxsize=4096)
def p_above(wins: int, losses: int, n: int, bound: float) -> float:
    """Return the p-value of `difference <= bound` against `difference > bound`.

    Raises:
        ValueError: The bound isn't between -1 and 1.
    """
    if not -1.0 < bound < 1.0:
        raise ValueError(f"bound {bound}; expected a difference between -1 and 1")
    return max(_p_at(wins, losses, n, x) for x in (bound, *_just_below(bound, n)))


def lower_limit(wins: int, losses: int, n: int, alpha: float) -> float:
    """Return the difference up to which every bound is rejected at `alpha`, one-sided.

    This inverts `p_above` (as Chan and Zhang 1999, Biometrics 55:1202-1209, do for independent
    samples), so that a bound lies below the limit exactly if its p-value is at most `alpha`.
    """
    kept = (wins - losses) / n
    stride = (NormalDist().inv_cdf(1.0 - alpha) + 0.5) * math.sqrt(wins + losses + 3) / n
    while True:
        rejected = kept - stride
        while rejected > -1.0 and _p_at(wins, losses, n, rejected) > alpha:
            kept, rejected = rejected, rejected - stride
        rejected = max(rejected, -1.0)
        while kept - rejected > _PRECISION:
            middle = (kept + rejected) / 2
            if _p_at(wins, losses, n, middle) > alpha:
                kept = middle
            else:
                rejected = middle
        dips = (x for x in _just_below(rejected, n) if _p_at(wins, losses, n, x) > alpha)
        kept = next(dips, rejected)
        if kept == rejected:
            return rejected


def _p_at(wins: int, losses: int, n: int, bound: float) -> float:
    return size(n, bound, float(score(wins, losses, n, bound)))


def _just_below(bound: float, n: int) -> list[float]:
    """Return the neighbouring bounds that a claim must hold for as well, farthest first.

    The p-value at a bound dips now and then, by less than one pair's worth of difference, as the
    set of more extreme outcomes changes. Left alone, a bound in such a dip would be rejected and a
    smaller one not, and the interval would contradict the test.
    """
    steps = (bound - eighth / (8 * n) for eighth in range(8, 0, -1))
    return [step for step in steps if step > -1.0]
