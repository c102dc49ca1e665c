"""A learning curve: how a metric grows with the number of training examples, and where it bends.

The curve is an inverse power law, `limit - gap * size ** -slope`, fitted by least squares
(Figueroa, Zeng-Treitler, Kandula and Ngo 2012, Predicting sample size required for classification
performance, BMC Medical Informatics and Decision Making 12:8). Two things are read from it: what
doubling the examples would gain, and the knee, the size from which on doubling gains less than a
margin.

How sure that is comes from a bootstrap (Efron and Tibshirani 1993, An Introduction to the
Bootstrap). In each draw the test groups are drawn again, together for all sizes, since all models
answered the same examples. To that comes noise as large as the points' scatter about the curve,
which is how another seed or other examples would have moved each training, with Student's wider
tails for the few points that it is told from; and four made-up groups with chance values, without
which a curve on which no test example differs any more would be certain of itself. What the
interval cannot hold is a curve that bends otherwise than a power law beyond the sizes measured
(Viering and
Loog 2023, The Shape of Learning Curves: A Review, IEEE TPAMI 45(6)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunesmith.statistics.intervals import Interval, check_alpha, group_numbers

Floats = NDArray[np.float64]

FEWEST_SIZES = 4
"""One more than the curve has parameters, so that scatter about it can be seen."""
FEWEST_GROUPS = 20
DRAWS = 2_000
_MADE_UP = 4
_SLOPES = np.geomspace(0.05, 4.0, 81)
_GROUPS_AT_ONCE = 2_000_000


class TooLittle(ValueError):
    """There are too few sizes or test groups to fit a curve to."""


class Law(NamedTuple):
    """An inverse power law: `limit - gap * (size / last) ** -slope`.

    `limit` is what ever more examples would reach, `gap` what the last size is short of it.
    """

    limit: float
    gap: float
    slope: float
    last: int

    def at(self, size: float) -> float:
        """Return the curve's height at a size."""
        return float(self.limit - self.gap * (size / self.last) ** -self.slope)


@dataclass(frozen=True)
class Bend:
    """What a learning curve says.

    Attributes:
        law: The fitted curve, higher being better.
        scatter: Standard deviation of the points about it.
        doubling: Predicted gain of training on twice the last size.
        knee: Size from which on doubling gains less than the margin; it lies between the first
            size and `beyond`, and stands at such an end where it would lie outside.
        beyond: Sizes over which nothing is said, four times the last one.
        margin: The gain that is of no consequence.
        pays: Whether doubling gains at least the margin: `yes` and `no` where the whole interval
            says so.
    """

    law: Law
    scatter: float
    doubling: Interval
    knee: Interval
    beyond: int
    margin: float
    pays: Literal["yes", "no", "not settled"]


def bend(
    sizes: Sequence[int],
    values: Sequence[Sequence[float]],
    groups: Sequence[str],
    *,
    margin: float,
    alpha: float,
    bounds: tuple[float, float] | None = None,
    seed: int = 0,
) -> Bend:
    """Fit a learning curve.

    Args:
        sizes: Training examples of each model, rising.
        values: What each model scored on every test example, higher being better; the examples
            are the same and in the same order for all.
        groups: The group of each test example.
        margin: The gain that is of no consequence, above zero.
        alpha: One-sided error of each limit.
        bounds: Lowest and highest value that can be; the observed ones by default.
        seed: Of the bootstrap.

    Raises:
        TooLittle: Under 4 sizes or under 20 test groups.
        ValueError: Sizes don't rise, or lengths differ.
    """
    check_alpha(alpha)
    scores = np.asarray(values, dtype=np.float64)
    if list(sizes) != sorted(set(sizes)) or len(scores) != len(sizes) or margin <= 0:
        raise ValueError(
            f"sizes {list(sizes)}, {len(scores)} lists of values, margin {margin}; expected sizes "
            "that rise, a list for each, and a margin above 0"
        )
    numbers = group_numbers(groups, scores.shape[1])
    clusters = int(numbers.max()) + 1
    if len(sizes) < FEWEST_SIZES:
        raise TooLittle(f"{len(sizes)} sizes; a curve takes at least {FEWEST_SIZES}")
    if clusters < FEWEST_GROUPS:
        raise TooLittle(f"{clusters} test groups; a curve takes at least {FEWEST_GROUPS}")
    low, high = bounds or (float(scores.min()), float(scores.max()))
    ceiling = high if bounds else np.inf
    last, beyond = float(sizes[-1]), 4 * sizes[-1]
    means = scores.mean(axis=1)
    rng = np.random.default_rng(seed)
    moved = _redrawn(scores, numbers, clusters, rng) - means
    moved += _chance(moved.shape, (low, high), clusters, rng)
    at = np.asarray(sizes, dtype=np.float64) / last
    looks = [_look(at, means, moved, ceiling, rng)]
    if len(sizes) > FEWEST_SIZES:
        looks.append(_look(at[1:], means[1:], moved[:, 1:], ceiling, rng))
    limit, gap, slope = looks[0].fit
    gain = gap * (1.0 - 2.0**-slope)
    doubling = _interval(gain, [look.gains for look in looks], alpha, scores.shape[1], clusters)
    ends = float(sizes[0]), float(beyond)
    knees = [_knee(look.gains, look.slopes, margin, last).clip(*ends) for look in looks]
    knee = float(_knee(np.array([gain]), np.array([slope]), margin, last).clip(*ends)[0])
    pays: Literal["yes", "no", "not settled"] = "not settled"
    if doubling.low >= margin:
        pays = "yes"
    elif doubling.high < margin:
        pays = "no"
    return Bend(
        law=Law(limit, gap, slope, sizes[-1]),
        scatter=looks[0].scatter,
        doubling=doubling,
        knee=_interval(knee, knees, alpha, scores.shape[1], clusters),
        beyond=beyond,
        margin=margin,
        pays=pays,
    )


class _Look(NamedTuple):
    """One fit, and what its draws gain by doubling, with their slopes."""

    fit: tuple[float, float, float]
    scatter: float
    gains: Floats
    slopes: Floats


def _look(
    at: Floats, means: Floats, moved: Floats, ceiling: float, rng: np.random.Generator
) -> _Look:
    """Fit the means, and every draw of what may have moved them."""
    limit, gap, slope = (float(part[0]) for part in _fit(at, means[None, :], ceiling))
    fitted = limit - gap * at**-slope
    freedom = len(at) - 3
    scatter = float(np.sqrt(((means - fitted) ** 2).sum() / freedom))
    tails = np.sqrt(freedom / rng.chisquare(freedom, size=(len(moved), 1)))
    noise = scatter * tails * rng.standard_normal(moved.shape)
    _, gaps, slopes = _fit(at, fitted + moved + noise, ceiling)
    return _Look((limit, gap, slope), scatter, gaps * (1.0 - 2.0**-slopes), slopes)


def _fit(relative: Floats, means: Floats, ceiling: float) -> tuple[Floats, Floats, Floats]:
    """Fit the law to every row of means: for each slope by linear least squares, then the best.

    The curve never falls with more examples, and its limit stays at or under the ceiling.
    """
    best = np.full(len(means), np.inf)
    limit, gap, slope = (np.zeros(len(means)) for _ in range(3))
    middle = means.mean(axis=1)
    for candidate in _SLOPES:
        power = relative**-candidate
        centred = power - power.mean()
        gaps = np.maximum(-(means @ centred) / (centred @ centred), 0.0)
        limits = middle + gaps * power.mean()
        over = limits > ceiling
        # Bound by the ceiling, the line is fitted through it.
        gaps = (
            np.where(over, np.maximum((ceiling - means) @ power / (power @ power), 0.0), gaps)
            if (over.any())
            else gaps
        )
        limits = np.minimum(limits, ceiling)
        error = ((means - limits[:, None] + gaps[:, None] * power) ** 2).sum(axis=1)
        better = error < best - 1e-15
        best = np.where(better, error, best)
        limit, gap = np.where(better, limits, limit), np.where(better, gaps, gap)
        slope = np.where(better, candidate, slope)
    return limit, gap, slope


def _redrawn(
    scores: Floats, numbers: NDArray[np.intp], clusters: int, rng: np.random.Generator
) -> Floats:
    """Return the means of every draw of the groups, a row a draw."""
    counts = np.asarray(np.bincount(numbers, minlength=clusters), dtype=np.float64)
    totals = np.stack([np.bincount(numbers, weights=row, minlength=clusters) for row in scores])
    at_once = max(1, _GROUPS_AT_ONCE // clusters)
    parts = []
    for start in range(0, DRAWS, at_once):
        shape = min(at_once, DRAWS - start)
        weights = rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=shape)
        parts.append((weights @ totals.T) / (weights @ counts)[:, None])
    return np.concatenate(parts)


def _chance(
    shape: tuple[int, ...], bounds: tuple[float, float], clusters: int, rng: np.random.Generator
) -> Floats:
    """Return what a few made-up groups, each at either bound for each size, move the means by."""
    low, high = bounds
    ups = rng.binomial(_MADE_UP, 0.5, size=shape) - _MADE_UP / 2
    return np.asarray((high - low) * ups / (clusters + _MADE_UP))


def _knee(gains: Floats, slopes: Floats, margin: float, last: float) -> Floats:
    """Return the size at which doubling gains the margin."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(last * np.exp(np.log(gains / margin) / slopes))


def _interval(
    estimate: float, draws: Sequence[Floats], alpha: float, n: int, clusters: int
) -> Interval:
    """Return the interval that holds those of all fits, and the estimate."""
    limits = [np.quantile(drawn, [alpha, 1.0 - alpha]) for drawn in draws]
    return Interval(
        estimate=estimate,
        low=min(estimate, *(float(low) for low, _ in limits)),
        high=max(estimate, *(float(high) for _, high in limits)),
        confidence=1.0 - 2.0 * alpha,
        n=n,
        clusters=clusters,
        method="inverse power law, bootstrap of test groups with scatter",
    )
