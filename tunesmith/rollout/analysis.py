"""What a rollout has shown so far of one guardrail, with limits that hold at every look.

Differences are formed within blocks of stage and time, and combined: while the weight grows and
quality drifts, a pool of all requests shows a difference between two equal models. Within a block
a request counts by its *assigned* variant; blocks weigh by how much they can tell,
n_t * n_c / (n_t + n_c). The variance is that of the units' sums, so that the requests of one unit
are not taken for independent ones.

The limits are an asymptotic confidence sequence (`tunesmith.statistics.sequences`): they hold at
all looks together once there are enough units, and are infinite before.
"""

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
class Cells:
    """The requests of a rollout that have a value, added up by block, variant and unit.

    All arrays have one entry a cell.

    Attributes:
        block: Number of the block of stage and time.
        treated: Whether the unit is assigned to the treatment.
        unit: Number of the unit.
        count: Requests.
        total: Sum of their values.
    """

    block: NDArray[np.int64]
    treated: NDArray[np.bool_]
    unit: NDArray[np.int64]
    count: NDArray[np.float64]
    total: NDArray[np.float64]


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

    def low(self, alpha: float) -> float:
        """Return what the true difference lies above, with an error of `alpha` over all looks."""
        return self.estimate - self._reach(alpha) if self._told else -math.inf

    def high(self, alpha: float) -> float:
        """Return what the true difference lies below, with an error of `alpha` over all looks."""
        return self.estimate + self._reach(alpha) if self._told else math.inf

    @property
    def _told(self) -> bool:
        return self.time > 0.0 and min(self.treated_units, self.control_units) >= FEWEST_UNITS

    def _reach(self, alpha: float) -> float:
        precision = precision_for(TIGHTEST_AT, alpha)
        return self.deviation * boundary(self.time, alpha, precision) / self.time


def difference(cells: Cells, relative: bool = False) -> Difference:
    """Compare both sides block by block.

    Args:
        cells: The requests.
        relative: Whether values count as shares of the control's mean in their block.
    """
    side = cells.treated.astype(np.int64)
    _, block = np.unique(cells.block, return_inverse=True)
    blocks = int(block.max()) + 1 if len(block) else 0
    count, total = np.zeros((2, blocks)), np.zeros((2, blocks))
    np.add.at(count, (side, block), cells.count)
    np.add.at(total, (side, block), cells.total)
    told: NDArray[np.bool_] = np.logical_and(count[0] > 0, count[1] > 0)
    if relative:
        told &= total[0] > 0
    if not told.any():
        nothing = math.nan
        return Difference(nothing, nothing, 0.0, 0, 0, 0, 0, nothing, nothing)
    known = np.maximum(count, 1.0)
    mean = total / known
    scale = np.where(told & (mean[0] > 0), mean[0], 1.0) if relative else np.ones(blocks)
    weight = np.where(told, count[0] * count[1] / known.sum(axis=0), 0.0)
    time = float(weight.sum())
    steps = weight * (mean[1] - mean[0]) / scale
    # What each cell adds to the weighted difference beyond what its block's mean does.
    beyond = (cells.total - mean[side, block] * cells.count) / known[side, block]
    if relative:
        # The control's mean is estimated too, and stands below the fraction.
        beyond = np.where(cells.treated, beyond, beyond * (mean[1] / scale)[block])
    added = (weight / scale)[block] * beyond * np.where(cells.treated, 1.0, -1.0)
    _, unit = np.unique(cells.unit, return_inverse=True)
    variance = float((np.bincount(unit, added) ** 2).sum())
    inside = told[block]
    treated = np.where(told, count[1], 0.0)
    return Difference(
        estimate=float(steps.sum()) / time,
        deviation=math.sqrt(variance / time),
        time=time,
        treated=int(treated.sum()),
        control=int(count[0][told].sum()),
        treated_units=len(np.unique(cells.unit[inside & cells.treated])),
        control_units=len(np.unique(cells.unit[inside & ~cells.treated])),
        treated_mean=float((weight * mean[1]).sum()) / time,
        control_mean=float((weight * mean[0]).sum()) / time,
    )
