"""What a guardrail says at one look: worse, sure not to be worse, or neither yet."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunesmith.rollout.analysis import Cells, Difference, difference
from tunesmith.rollout.params import Guardrail


@dataclass(frozen=True)
class Requests:
    """Requests that have a value, one entry each.

    Attributes:
        block: Number of the block of stage and time.
        treated: Whether the unit is assigned to the treatment.
        unit: Number of the unit.
        value: What was measured.
    """

    block: NDArray[np.int64]
    treated: NDArray[np.bool_]
    unit: NDArray[np.int64]
    value: NDArray[np.float64]


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

    @property
    def known(self) -> bool:
        """Whether anything is known at all."""
        return math.isfinite(self.low) or math.isfinite(self.high)


def read(
    name: str, guardrail: Guardrail, requests: Requests, worse_at: float, sure_at: float
) -> Reading:
    """Look at a guardrail.

    Args:
        name: What it is called.
        guardrail: What it asks.
        requests: Those that have a value.
        worse_at: One-sided error over all looks of calling it worse.
        sure_at: One-sided error over all looks of calling it not worse.
    """
    if guardrail.quantile is not None:
        found = difference(_beyond(guardrail, guardrail.quantile, requests))
    else:
        found = difference(_cells(requests, requests.value), guardrail.relative)
    worse, sure = _judged(guardrail, found, worse_at, sure_at)
    return Reading(
        name=name,
        estimate=found.estimate,
        low=found.low(sure_at),
        high=found.high(sure_at),
        control=found.control_mean,
        treatment=found.treated_mean,
        requests=found.treated,
        units=found.treated_units,
        worse=worse,
        sure=sure,
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


def _cells(requests: Requests, value: NDArray[np.float64]) -> Cells:
    """Add the requests up by block, side and unit."""
    units = int(requests.unit.max(initial=0)) + 1
    key = (requests.block * 2 + requests.treated) * units + requests.unit
    cells, at = np.unique(key, return_inverse=True)
    side = cells // units
    return Cells(
        block=side // 2,
        treated=side % 2 == 1,
        unit=cells % units,
        count=np.bincount(at, minlength=len(cells)).astype(np.float64),
        total=np.bincount(at, value, minlength=len(cells)).astype(np.float64),
    )


def _beyond(guardrail: Guardrail, quantile: float, requests: Requests) -> Cells:
    """Mark the control's requests beyond its quantile, the treatment's beyond what is tolerated.

    That the treatment's quantile is not beyond the margin is that no more of its requests lie
    there than of the control's beyond its own quantile.
    """
    limit = np.full(len(requests.value), np.inf)
    for block in np.unique(requests.block):
        here = requests.block == block
        control = requests.value[here & ~requests.treated]
        if len(control):
            limit[here] = np.quantile(control, quantile)
    margin = guardrail.margin
    tolerated = limit * (1 + margin) if guardrail.relative else limit + margin
    beyond = requests.value > np.where(requests.treated, tolerated, limit)
    return _cells(requests, beyond.astype(np.float64))
