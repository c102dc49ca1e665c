"""What a guardrail says at one look: worse, sure not to be worse, or neither yet."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tunesmith.rollout.analysis import TIGHTEST_AT, Difference, Requests, difference
from tunesmith.rollout.params import Guardrail


@dataclass(frozen=True)
class Reading:
    """A guardrail at one look.

    Attributes:
        name: Of the guardrail.
        estimate: Treatment minus control: on the value's scale, or as a share of the control. Of
            a quantile: by how much more of the treatment's requests lie beyond what is tolerated
            than of the control's beyond its own quantile.
        low: What the true difference lies above, at all looks.
        high: What it lies below.
        control: The control's mean, or the share beyond its quantile.
        treatment: The treatment's.
        requests: Of the treatment.
        units: Of the treatment.
        worse: Whether it is credibly worse.
        sure: Whether it is credibly not worse by the margin.
        due: Requests of the treatment that should have a value by now, whether they have or not.
    """

    name: str
    estimate: float
    low: float
    high: float
    control: float
    treatment: float
    requests: int
    units: int
    worse: bool
    sure: bool
    due: int = 0

    @property
    def known(self) -> bool:
        """Whether anything is known at all."""
        return math.isfinite(self.low) or math.isfinite(self.high)


def read(
    name: str,
    guardrail: Guardrail,
    requests: Requests,
    worse_at: float,
    sure_at: float,
    *,
    due: int = 0,
    tightest: float = TIGHTEST_AT,
) -> Reading:
    """Look at a guardrail.

    Args:
        name: What it is called.
        guardrail: What it asks.
        requests: Those that have a value.
        worse_at: One-sided error over all looks of calling it worse.
        sure_at: One-sided error over all looks of calling it not worse.
        due: Requests of the treatment that should have a value.
        tightest: The intrinsic time at which the limits are tightest.
    """
    if guardrail.quantile is not None:
        found = difference(_beyond(guardrail, guardrail.quantile, requests), tightest=tightest)
    else:
        found = difference(requests, guardrail.relative, tightest)
    worse, sure = _judged(guardrail, found, worse_at, sure_at)
    low, high = found.limits(sure_at)
    return Reading(
        name=name,
        estimate=found.estimate,
        low=low,
        high=high,
        control=found.control_mean,
        treatment=found.treated_mean,
        requests=found.treated,
        units=found.treated_units,
        worse=worse,
        sure=sure,
        due=due,
    )


def _judged(
    guardrail: Guardrail, found: Difference, worse_at: float, sure_at: float
) -> tuple[bool, bool]:
    # Beyond its quantile and the margin lies what is not tolerated: both are in the values.
    margin = 0.0 if guardrail.quantile is not None else guardrail.margin
    tolerated = margin if guardrail.tolerated else 0.0
    if guardrail.better == "neither":
        beyond = found.low(worse_at / 2) > margin or found.high(worse_at / 2) < -margin
        return beyond, found.low(sure_at) > -margin and found.high(sure_at) < margin
    if guardrail.better == "higher":
        return found.high(worse_at) < -tolerated, found.low(sure_at) > -margin
    return found.low(worse_at) > tolerated, found.high(sure_at) < margin


def _beyond(guardrail: Guardrail, quantile: float, requests: Requests) -> Requests:
    """Mark the control's requests beyond its quantile, the treatment's beyond what is tolerated.

    That the treatment's quantile is not beyond the margin is that no more of its requests lie
    there than of the control's beyond its own quantile.
    """
    limit = _limits(quantile, requests)[requests.block]
    margin = guardrail.margin
    tolerated = limit * (1 + margin) if guardrail.relative else limit + margin
    beyond = requests.value > np.where(requests.treated, tolerated, limit)
    return replace(requests, value=beyond.astype(np.float64))


def _limits(quantile: float, requests: Requests) -> NDArray[np.float64]:
    """Return the control's quantile in each block; infinite without control."""
    limits = np.full(int(requests.block.max(initial=-1)) + 1, np.inf)
    block, value = requests.block[~requests.treated], requests.value[~requests.treated]
    order = np.argsort(block, kind="stable")
    ends = np.cumsum(np.bincount(block, minlength=len(limits)))
    for at, here in enumerate(np.split(value[order], ends[:-1])):
        if len(here):
            limits[at] = np.quantile(here, quantile)
    return limits
