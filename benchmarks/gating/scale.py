"""Metrics on a scale: the gate's own test, of many drawn sets of pairs at once."""

import itertools
import statistics
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from gating.asking import ALPHA, FALSE, POWER, Question, promoted
from gating.drawing import ALONE, GROUPED, SHAPES, Floats, Grouping, Sets, draw
from tunesmith.statistics.means import _CELLS_AT_ONCE, DRAWS, FEWEST_CLUSTERS, FEWEST_PAIRS

SHARES = (0.05, 0.2, 1.0)
PAIRS_AT_ONCE = 200_000
_AGAIN = 8
"""Settings that look worst and are drawn again, more often."""


class Setting(NamedTuple):
    """One way for two models to differ."""

    n: int
    grouping: Grouping
    shape: str
    share: float

    @property
    def key(self) -> str:
        words = (self.grouping.name, self.shape, f"n{self.n}", f"d{self.share:.2f}")
        return ".".join(words).replace(" ", "_")

    @property
    def refused(self) -> bool:
        groups = round(self.n / self.grouping.mean)
        return self.n < FEWEST_PAIRS or groups < FEWEST_CLUSTERS


class Rates(NamedTuple):
    """How often a difference is seen above the bound, and how often below: shares of `sets`."""

    above: float
    below: float
    z_test: float
    sets: int


@cache
def weights(clusters: int) -> Floats:
    """The gate's weights of so many groups, and in the last column of the one that it adds."""
    generator = np.random.default_rng(0)
    at_once = max(1, _CELLS_AT_ONCE // clusters)
    drawn = []
    for start in range(0, DRAWS, at_once):
        draws = min(at_once, DRAWS - start)
        groups = generator.standard_exponential((draws, clusters))
        drawn.append(np.column_stack([groups, generator.standard_exponential(draws)]))
    return np.concatenate(drawn)


def approximate(parts: Floats) -> Floats:
    """The chance that parts with exponential weights add up to zero or less, for each row.

    By the saddlepoint (Lugannani and Rice 1980, Advances in Applied Probability 12:475-490), good
    to some hundredths of itself: it spares the weighing of sets that are far from `ALPHA`.
    """
    low, high = 1 / parts.min(axis=1), np.zeros(len(parts))
    for _ in range(40):
        middle = (low + high) / 2
        rising = (parts / (1 - middle[:, None] * parts)).sum(axis=1) > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    root = (low + high) / 2
    scaled = 1 - root[:, None] * parts
    signed = -np.sqrt(np.maximum(2 * np.log(scaled).sum(axis=1), 1e-12))
    slope = root * np.sqrt(((parts / scaled) ** 2).sum(axis=1))
    density = stats.norm.pdf(signed)
    found = stats.norm.cdf(signed) + density * (1 / signed - 1 / slope)
    return np.where(parts.sum(axis=1) > 0, found, 1.0)


def seen(totals: Floats, sizes: Floats, bound: float) -> tuple[Floats, Floats]:
    """Ask of each set what `compare_means` is asked: is the difference above the bound?

    Returns:
        Whether it is, for the gate, and for a z-test of the groups' totals.
    """
    pairs, clusters = sizes.sum(axis=1), sizes.shape[1]
    excess = totals - sizes * (totals.sum(axis=1) / pairs)[:, None]
    error = np.sqrt((excess**2).sum(axis=1) * clusters / (clusters - 1))
    distance = totals.sum(axis=1) - bound * pairs
    z_test = distance > statistics.NormalDist().inv_cdf(1 - ALPHA) * error
    # The group that is added moves the limit down: nothing nearer than this is ever seen.
    near = np.flatnonzero(distance > 0.8 * error)
    worst = -(1 + bound) * (sizes[near] ** 2).sum(axis=1) / pairs[near]
    parts = np.column_stack([totals[near] - bound * sizes[near], worst])
    passed = np.zeros(len(totals), dtype=bool)
    about = approximate(parts)
    passed[near] = about <= ALPHA
    close = np.abs(about - ALPHA) < ALPHA / 5
    weighted = weights(clusters) @ parts[close].T
    passed[near[close]] = (1 + (weighted <= 0).sum(axis=0)) / (1 + DRAWS) <= ALPHA
    return passed, z_test


def rates(setting: Setting, question: Question, sets: int, seed: int) -> tuple[Rates, Sets] | None:
    """Draw sets of pairs and count what is seen in them; None where there are no such pairs."""
    generator = np.random.default_rng([seed, *setting.key.encode()])
    above = below = z_test = done = 0
    while done < sets:
        at_once = min(max(1, PAIRS_AT_ONCE // setting.n), sets - done)
        drawn = draw(
            generator, setting.grouping, SHAPES[setting.shape], question.true, setting.share,
            setting.n, at_once,
        )  # fmt: skip
        if drawn is None:
            return None
        totals, sizes = drawn.totals(), drawn.sizes.astype(np.float64)
        passed, by_z = seen(totals, sizes, question.bound)
        above, z_test, done = above + passed.sum(), z_test + by_z.sum(), done + at_once
        if question.true == question.bound:
            below += seen(-totals, sizes, -question.bound)[0].sum()
    return Rates(above / sets, below / sets, z_test / sets, sets), drawn


def agrees(setting: Setting, question: Question, sets: Sets) -> list[bool]:
    """Whether `decide` says the same of a set that passes, and of one that does not."""
    passed, _ = seen(sets.totals(), sets.sizes.astype(np.float64), question.bound)
    found = []
    for expected in (True, False):
        if (passed == expected).any():
            differences, groups = sets.one(int((passed == expected).argmax()))
            ours, theirs = 1 + np.minimum(differences, 0), 1 - np.maximum(differences, 0)
            poor = [at % 97 / 400 for at in range(len(differences))]
            said = promoted("rouge_l", ours.tolist(), theirs.tolist(), poor, question.bound, groups)
            found.append(said is expected)
    return found


def scale(sizes: list[int], sets: int) -> dict[str, float]:
    """Print and return the false promotion, coverage and power of metrics on a scale."""
    figures: dict[str, float] = {}
    false: dict[tuple[Setting, str], Rates] = {}
    power: list[Rates] = []
    agreed: list[bool] = []
    print(f"\n{'n':>5} {'groups':<16}{'shape':<12}{'differ':>6} {'question':<10}{'ours':>7} z-test")
    for setting in itertools.starmap(
        Setting, itertools.product(sizes, [ALONE, *GROUPED], SHAPES, SHARES)
    ):
        for name, question in (FALSE | POWER).items():
            asked = sets if name in FALSE else sets // 5
            found = None if setting.refused else rates(setting, question, asked, seed=0)
            if found is None:
                continue
            rate, drawn = found
            if name in FALSE:
                false[setting, name] = rate
                agreed += agrees(setting, question, drawn)
            else:
                power.append(rate)
            kind = "false_scale" if name in FALSE else "power_scale"
            figures[f"{kind}.{name}.{setting.key}"] = rate.above
            print(
                f"{setting.n:>5} {setting.grouping.name:<16}{setting.shape:<12}"
                f"{setting.share:>6.0%} {name:<10}{rate.above:7.4f} {rate.z_test:6.4f}",
                flush=True,
            )
    print(f"all other settings are refused; decide agrees on {sum(agreed)} of {len(agreed)} sets")
    worst, low = _worst(false, sets)
    return {
        "false_promotion_scale": worst,
        "false_promotion_scale_low": low,
        "false_promotion_scale_z": max(rate.z_test for rate in false.values()),
        "coverage_scale": 1 - max(rate.above + rate.below for rate in false.values()),
        "coverage_scale_mean": 1 - statistics.mean(r.above + r.below for r in false.values()),
        "power_scale": statistics.mean(rate.above for rate in power),
        "power_scale_z": statistics.mean(rate.z_test for rate in power),
        "decide_agrees_scale": statistics.mean(agreed),
    } | figures


def _worst(false: dict[tuple[Setting, str], Rates], sets: int) -> tuple[float, float]:
    """Draw the settings that look worst again, lest chance alone has made one so.

    Returns:
        The largest share of false promotions, and its lower 99 % limit.
    """
    looks = sorted(false, key=lambda key: false[key].above, reverse=True)[:_AGAIN]
    worst, many = 0.0, 5 * sets
    for setting, name in looks:
        again = rates(setting, FALSE[name], many, seed=1)
        if again:
            print(f"again: {setting.key} {name}: {again[0].above:.4f} of {many}", flush=True)
            worst = max(worst, again[0].above)
    hits = round(worst * many)
    low = stats.beta.ppf(0.01 / len(looks), hits, many - hits + 1) if hits else 0.0
    return worst, float(low)
