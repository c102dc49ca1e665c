"""How often a set may decide before its verdicts together are no evidence any more.

A verdict promotes only if every criterion passes at its `alpha`, so one that promotes a candidate
which fails a criterion in truth is wrong with a chance of at most `alpha`. Over several verdicts on
the same examples these chances add up at most (Boole's inequality), however much the verdicts
depend on each other. A set is worn out when the sum passes `LIMIT`: from then on nobody can say
that all promotions on it were more likely right than not. At an `alpha` of 0.05 a set carries ten
verdicts.

That is the price of looks by candidates that were made without the set. Who reads its examples
and trains for them spends it at once, and no count of looks shows that. The bounds for chosen
candidates (Blum and Hardt, "The Ladder", ICML 2015; Dwork et al., "The reusable holdout", Science
349:636-638, 2015) are no help here: the Ladder's error is of the order of (log(k n) / n)^(1/3),
about 0.3 for ten looks at 200 examples, which is more than any margin that a gate has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tunesmith.statistics.intervals import check_alpha

LIMIT = 0.5
"""Chance of a wrong promotion, over all looks at a set, that its verdicts may reach together."""


class Wear(NamedTuple):
    """What the looks at a set have spent.

    Attributes:
        looks: Verdicts that rest on the set.
        spent: Largest chance that one of them or more promoted wrongly, 0 to 1.
        left: Further verdicts at the last one's `alpha` that the set carries.
    """

    looks: int
    spent: float
    left: int

    @property
    def worn_out(self) -> bool:
        """Whether the set should be replaced before it decides again."""
        return self.left == 0


def wear(alphas: Sequence[float]) -> Wear:
    """Say what the looks at one set have spent.

    Args:
        alphas: The one-sided error of each verdict that rests on the set, oldest first.

    Raises:
        ValueError: An error isn't between 0 and 0.5, or there was no look.
    """
    if not alphas:
        raise ValueError("no look; expected the error of one verdict or more")
    for alpha in alphas:
        check_alpha(alpha)
    spent = math.fsum(alphas)
    # A little more than nothing, so that ten times 0.05 is ten looks whatever the rounding.
    left = math.floor((LIMIT - spent) / alphas[-1] + 1e-9)
    return Wear(len(alphas), min(spent, 1.0), max(left, 0))
