"""What a comparison says: an estimate between two limits, with the data it rests on.

Confidence is two-sided everywhere. A confidence of `1 - 2 * alpha` leaves at most `alpha` on
each side, so a one-sided decision at `alpha` reads one limit of that interval: 0.90 goes with
an `alpha` of 0.05.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its two-sided confidence interval.

    Attributes:
        estimate: The point estimate. Nothing may be decided on it.
        low: Lower limit; minus infinity where the data set none.
        high: Upper limit; infinity where the data set none.
        confidence: Two-sided coverage, between 0 and 1.
        n: Pairs, or rows of a single model.
        clusters: Groups that these come from; equal to `n` where each stands alone.
        method: Name of the method, for reports.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    n: int
    clusters: int
    method: str


class TooFewPairs(ValueError):
    """The data can't carry the method asked for.

    Attributes:
        n: How many were found.
        needed: How many the method needs.
        unit: What was counted.
    """

    def __init__(self, n: int, needed: int, unit: str) -> None:
        """State what was counted, how many there are and how many it takes."""
        super().__init__(f"{n} {unit}; this interval needs at least {needed}")
        self.n = n
        self.needed = needed
        self.unit = unit


def one_sided(confidence: float) -> float:
    """Return the error that a two-sided confidence leaves on each side.

    Raises:
        ValueError: The confidence isn't between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence}; expected a value between 0 and 1")
    return (1.0 - confidence) / 2.0


def check_alpha(alpha: float) -> None:
    """Refuse a one-sided error that no decision should be taken at.

    Raises:
        ValueError: The error isn't between 0 and 0.5.
    """
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha {alpha}; expected a one-sided error between 0 and 0.5")


def check_pairs(treated: Sized, control: Sized) -> None:
    """Refuse two models' values that don't pair up.

    Raises:
        ValueError: There are more values for one model than for the other.
    """
    if len(treated) != len(control):
        raise ValueError(
            f"{len(treated)} treated and {len(control)} control values; expected one of each a pair"
        )


def group_numbers(groups: Sequence[str] | None, n: int) -> NDArray[np.intp]:
    """Number the groups from 0; with no groups given, each row is its own.

    Raises:
        ValueError: There isn't one group for each row, or there are no rows.
    """
    if n == 0:
        raise ValueError("no rows to compare")
    if groups is None:
        return np.arange(n, dtype=np.intp)
    if len(groups) != n:
        raise ValueError(f"{len(groups)} groups for {n} rows; expected one for each row")
    numbers = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    return np.fromiter((numbers[name] for name in groups), dtype=np.intp, count=n)


def proportion(successes: int, n: int, confidence: float) -> Interval:
    """Return the exact interval for one model's rate of success.

    Clopper and Pearson (1934): each side errs at most `(1 - confidence) / 2`, whatever the rate
    and however few the rows, at the price of being a little wide.

    Raises:
        ValueError: `n` is below 1, or `successes` isn't between 0 and `n`.
    """
    alpha = one_sided(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}; expected 0 to n, and n of at least 1")
    from scipy.special import betaincinv as quantile  # loaded late: importing stays light

    failures = n - successes
    return Interval(
        estimate=successes / n,
        low=float(quantile(successes, failures + 1, alpha)) if successes else 0.0,
        high=float(quantile(successes + 1, failures, 1.0 - alpha)) if failures else 1.0,
        confidence=confidence,
        n=n,
        clusters=n,
        method="Clopper-Pearson exact",
    )
