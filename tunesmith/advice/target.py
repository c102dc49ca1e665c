"""Whether a baseline is good enough already, so that nothing need be trained.

Decided on an interval, never on the mean: a baseline that is at its target by luck on sixty rows
would stop a training that was needed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.evaluation.metrics import spec
from tunesmith.evaluation.metrics.judged import missing
from tunesmith.records import Score
from tunesmith.statistics.binary import compare_binary
from tunesmith.statistics.intervals import Interval, TooFewPairs, proportion
from tunesmith.statistics.means import mean_interval
from tunesmith.wording import counted

ALPHA = 0.05
"""Chance of stopping although the true figure is at the target or short of it."""
_SEED = 0
"""Of the resampling, so that the same scores give the same decision."""


@dataclass(frozen=True)
class Reached:
    """Whether a target is reached.

    Attributes:
        stop: Whether it credibly is, so that a retrain may stop.
        reason: Why, in one sentence.
        interval: Of the metric; None where there is no target, or no interval.
    """

    stop: bool
    reason: str
    interval: Interval | None = None


def reaches_target(
    scores: Sequence[Score], target: float | None, metric: str, alpha: float = ALPHA
) -> Reached:
    """Say whether a model's scores reach a target.

    They do where the whole interval lies at or beyond it: its lower limit at the target or above,
    or the upper limit at or below where less of the metric is better. Rows of one group count as
    far as they tell something of their own.

    Args:
        scores: Of the model on one set.
        target: What is good enough; None where the recipe does not say.
        metric: The primary metric.
        alpha: One-sided error of each limit.
    """
    if target is None:
        return Reached(
            False,
            "the recipe has no target, so nothing stops before training; with one, such as "
            "`target: 0.9`, a prompt that is good enough does",
        )
    rows = [row for row in scores if row.values.get(metric) is not None]
    if not rows:
        return Reached(False, f"{metric} measures none of the answers, so no target is reached")
    values = [float(row.values[metric] or 0.0) for row in rows]
    groups = [row.group_id for row in rows]
    measured = spec(metric)
    try:
        if measured.kind == "yes_no":
            found = _rate([value == 1.0 for value in values], groups, 1 - 2 * alpha)
        else:
            found = mean_interval(values, 1 - 2 * alpha, groups, seed=_SEED)
    except TooFewPairs as error:
        mean = sum(values) / len(values)
        return Reached(False, f"{metric} is {mean:.3g}, which is not settled: {error}")
    lower = measured.better == "lower"
    stop = found.high <= target if lower else found.low >= target
    shown = (
        f"{metric} is {found.estimate:.3g} [{found.low:.3g}, {found.high:.3g}] at "
        f"{found.confidence:.0%}, n = {found.n}"
    )
    side = "at or below" if lower else "at or above"
    silent = [row.group_id for row in scores if missing(row, metric)]
    if stop and silent:
        # Only a judge is silent, and of what it measures more is better: 0 is the worst.
        worst = [*values, *([0.0] * len(silent))]
        stop = mean_interval(worst, 1 - 2 * alpha, [*groups, *silent], seed=_SEED).low >= target
        if not stop:
            return Reached(
                False,
                f"{shown}: all of it {side} the target of {target:g}, but not if the "
                f"{counted(len(silent), 'missing verdict')} of the judge were bad ones",
                found,
            )
    if stop:
        return Reached(True, f"{shown}: all of it {side} the target of {target:g}", found)
    return Reached(False, f"{shown}: not all of it {side} the target of {target:g}", found)


def _rate(right: Sequence[bool], groups: Sequence[str], confidence: float) -> Interval:
    """Return the exact interval of a rate, of as many rows as these are worth independent ones."""
    # Against a model that is never right, the difference is the rate itself.
    counted = compare_binary(right, [False] * len(right), groups)
    n, worth = counted.effective_n, counted.wins / counted.design_effect
    low = proportion(min(n, math.floor(worth + 1e-9)), n, confidence).low
    high = proportion(min(n, math.ceil(worth - 1e-9)), n, confidence).high
    method = "Clopper-Pearson exact"
    return Interval(
        estimate=counted.estimate,
        low=min(low, counted.estimate),
        high=max(high, counted.estimate),
        confidence=confidence,
        n=counted.n,
        clusters=counted.clusters,
        method=method if counted.design_effect == 1.0 else f"{method}, design effect",
    )
