"""Whether the base has anything to lose where it is asked.

What the base cannot do cannot be lost. Where it is not credibly better than guessing, or has less
to lose than is tolerated, nothing follows from what the candidate does.
"""

from collections.abc import Sequence

from tunesmith.evaluation.suites.pairing import Judged
from tunesmith.statistics import proportion


def no_headroom(chosen: Sequence[Judged], tolerance: float, alpha: float) -> str | None:
    """Return why the base has too little to lose here, or None."""
    right = sum(one.base for one in chosen)
    base = proportion(right, len(chosen), 1.0 - 2.0 * alpha)
    chance = sum(one.both.base.chance for one in chosen) / len(chosen)
    if base.low <= chance:
        return (
            f"no headroom: the base gets {base.estimate:.0%} right, which is not credibly more"
            f" than guessing ({chance:.0%})"
        )
    if base.estimate - chance <= tolerance:
        return (
            f"no headroom: the base is {base.estimate - chance:.1%} above guessing, and the"
            f" tolerance is {tolerance:.1%}"
        )
    return None
