"""Limits that hold at every look: how far a sum may stray, however often one looks.

A boundary for a sum with variance that grows with an intrinsic time, from a mixture over all
slopes: Robbins, "Statistical methods related to the law of the iterated logarithm", 1970; one
sided as in Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic
confidence sequences", 2021 (arXiv 1810.08240), Proposition 2. Used with an estimated variance it
gives an asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences", 2024 (arXiv 2103.06476).
"""

import functools
import math
from collections.abc import Iterable

from scipy.optimize import brentq, minimize_scalar
from scipy.special import betaln, log_ndtr

from tunesmith.statistics.intervals import check_alpha

_FARTHEST = 15.0
"""How far from the time to be tight at the precision is looked for, on the scale of logarithms."""


def boundary(time: float, alpha: float, precision: float) -> float:
    """Return what a standardised sum exceeds at any time with a chance of at most `alpha`.

    Args:
        time: Intrinsic time, the variance of the sum so far; above 0.
        alpha: One-sided error over all times.
        precision: Of the mixture; the same at every look, as from `precision_for`.

    Raises:
        ValueError: `alpha` is not between 0 and 0.5, or another number is not above 0.
    """
    check_alpha(alpha)
    if not (time > 0.0 and precision > 0.0):
        raise ValueError(f"time {time}, precision {precision}; expected numbers above 0")
    total = time + precision
    start = math.log(2.0) + 0.5 * math.log(precision / total) + math.log(alpha)

    def evidence(reach: float) -> float:
        return start + reach**2 / (2.0 * total) + float(log_ndtr(reach / math.sqrt(total)))

    # The two-sided mixture without its lower half is at most this far out.
    farthest = math.sqrt(2.0 * total * (-math.log(alpha) + 0.5 * math.log(total / precision)))
    return float(brentq(evidence, 0.0, farthest, xtol=1e-12 * farthest))


@functools.cache
def precision_for(time: float, alpha: float) -> float:
    """Return the precision that makes the boundary lowest at a time, to be fixed beforehand."""
    centre = math.log(time)
    found = minimize_scalar(
        lambda value: boundary(time, alpha, math.exp(value)),
        bounds=(centre - _FARTHEST, centre + _FARTHEST),
        method="bounded",
    )
    return math.exp(found.x)


def ratio_evidence(counts: Iterable[tuple[float, int, int]], weight: float = 100.0) -> float:
    """Return the evidence that units do not fall to two sides as they should, as a logarithm.

    At log(1 / alpha) it is enough, however often one looks. For each stage the share is mixed over
    a beta distribution around the one intended: Lindon and Malek, "Anytime-valid inference for
    multinomial count data", 2022 (NeurIPS).

    Args:
        counts: By stage: the intended share, between 0 and 1; units; units on that side. A unit
            counts once, where it was first seen.
        weight: Units that the mixture counts as much as: at about so many it starts to see.
    """
    found = 0.0
    for share, units, hits in counts:
        ours, theirs = weight * share, weight * (1.0 - share)
        found += float(
            betaln(ours + hits, theirs + units - hits)
            - betaln(ours, theirs)
            - hits * math.log(share)
            - (units - hits) * math.log1p(-share)
        )
    return found
