"""What a rollout has shown so far of one guardrail, with limits that hold at every look.

Differences are formed within blocks of stage and time, and combined: while the weight grows and
quality drifts, a pool of all requests shows a difference between two equal models. Within a block
a request counts by its *assigned* variant; blocks weigh by how much they can tell,
n_t * n_c / (n_t + n_c). The variance is that of the units' sums, so that the requests of one unit
are not taken for independent ones.

The limits are an asymptotic confidence sequence (`tunesmith.statistics.sequences`): they hold at
all looks together once there are enough units, and are infinite before.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunesmith.statistics.sequences import boundary, precision_for

FEWEST_UNITS = 50
"""Units on each side below which nothing is said."""
TIGHTEST_AT = 1500.0
"""Where the limits are tightest, in n_t * n_c / (n_t + n_c): some 15,000 requests at 10 %."""


@dataclass(frozen=True)
class Requests:
    """Requests that have a value, one entry each.

    Attributes:
        block: Number of the block of stage and time, from 0.
        treated: Whether the unit is assigned to the treatment.
        unit: Number of the unit, from 0.
        value: What was measured.
    """

    block: NDArray[np.int64]
    treated: NDArray[np.bool_]
    unit: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Treatment minus control, over all blocks that have both.

    Attributes:
        estimate: The weighted difference of the means; NaN without a block that has both.
        deviation: Standard deviation of one unit of `time`.
        time: Intrinsic time: the blocks' n_t * n_c / (n_t + n_c), added up.
        treated: Requests of the treatment in these blocks.
        control: Requests of the control.
        treated_units: Units of the treatment.
        control_units: Units of the control.
        treated_mean: Mean of the treatment's requests in these blocks.
        control_mean: Mean of the control's, weighted as the treatment's are.
        tightest: The time at which the limits are tightest, the same at every look.
        of_rates: Whether it is one of two rates: all values are yes or no.
    """

    estimate: float
    deviation: float
    time: float
    treated: int
    control: int
    treated_units: int
    control_units: int
    treated_mean: float
    control_mean: float
    tightest: float = TIGHTEST_AT
    of_rates: bool = False

    def low(self, alpha: float) -> float:
        """Return what the true difference lies above, with an error of `alpha` over all looks."""
        return self.estimate - self._reach(alpha) if self._told else -math.inf

    def high(self, alpha: float) -> float:
        """Return what the true difference lies below, with an error of `alpha` over all looks."""
        return self.estimate + self._reach(alpha) if self._told else math.inf

    def limits(self, alpha: float) -> tuple[float, float]:
        """Return both, as they are told: two rates are no further apart than 1."""
        low, high = self.low(alpha), self.high(alpha)
        if self.of_rates and self._told:
            return max(low, -1.0), min(high, 1.0)
        return low, high

    @property
    def _told(self) -> bool:
        return self.time > 0.0 and min(self.treated_units, self.control_units) >= FEWEST_UNITS

    def _reach(self, alpha: float) -> float:
        return self.deviation * _limit(self.time, alpha, self.tightest) / self.time


@functools.lru_cache(maxsize=256)
def _limit(time: float, alpha: float, tightest: float) -> float:
    return boundary(time, alpha, precision_for(tightest, alpha))


NOTHING = Difference(math.nan, math.nan, 0.0, 0, 0, 0, 0, math.nan, math.nan)
"""What is known without a block that has both sides."""


def difference(
    requests: Requests, relative: bool = False, tightest: float = TIGHTEST_AT
) -> Difference:
    """Compare both sides block by block.

    Args:
        requests: Those that have a value.
        relative: Whether values count as shares of the control's mean in their block.
        tightest: The time at which the limits are tightest.
    """
    blocks = int(requests.block.max(initial=-1)) + 1
    # From the first value on, so that values which are all the same differ by nothing at all.
    origin = float(requests.value[0]) if blocks else 0.0
    value = requests.value - origin
    # Control and treatment of each block, one after the other.
    cell = requests.block * 2 + requests.treated
    count = np.bincount(cell, minlength=2 * blocks).reshape(blocks, 2).astype(np.float64)
    total = np.bincount(cell, value, 2 * blocks).reshape(blocks, 2)
    told: NDArray[np.bool_] = np.all(count > 0, axis=1)
    whole = np.bincount(cell, requests.value, 2 * blocks).reshape(blocks, 2)
    if relative:
        told &= whole[:, 0] > 0
    if not told.any():
        return NOTHING
    mean = total / np.maximum(count, 1.0)
    level = whole / np.maximum(count, 1.0)
    scale = np.where(told, level[:, 0], 1.0) if relative else np.ones(blocks)
    weight = np.where(told, count.prod(axis=1) / np.maximum(count.sum(axis=1), 1.0), 0.0)
    time = float(weight.sum())
    steps = weight * (mean[:, 1] - mean[:, 0]) / scale
    # What a request adds to the weighted difference beyond what its block's mean does.
    added = (weight / scale)[:, None] / np.maximum(count, 1.0) * (-1.0, 1.0)
    if relative:
        # The control's mean is estimated too, and stands below the fraction.
        added[:, 0] *= level[:, 1] / scale
    beyond = added.ravel()[cell] * (value - mean.ravel()[cell])
    variance = float((np.bincount(requests.unit, beyond) ** 2).sum())
    yes_or_no = bool(np.all(requests.value * (requests.value - 1.0) == 0.0))
    # Of yes and no, a hundred times no is not never: two more of each are imagined on each side
    # (Agresti and Coull 1998). Of numbers that are mostly one and the same it is no other.
    spread = 1.0 if yes_or_no else float(np.ptp(value)) if _mostly_one(value) else 0.0
    variance += 2.0 * spread**2 * float((np.abs(added[told]).max(axis=0) ** 2).sum())
    inside = told[requests.block]
    return Difference(
        estimate=float(steps.sum()) / time,
        deviation=math.sqrt(variance / time),
        time=time,
        treated=int(count[told, 1].sum()),
        control=int(count[told, 0].sum()),
        treated_units=_distinct(requests.unit[inside & requests.treated]),
        control_units=_distinct(requests.unit[inside & ~requests.treated]),
        treated_mean=origin + float((weight * mean[:, 1]).sum()) / time,
        control_mean=origin + float((weight * mean[:, 0]).sum()) / time,
        tightest=tightest,
        of_rates=yes_or_no and not relative,
    )


def _mostly_one(value: NDArray[np.float64]) -> bool:
    """Whether more than half of the values are the same."""
    return float(np.mean(value == np.median(value))) > 0.5


def _distinct(units: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(np.bincount(units)))
