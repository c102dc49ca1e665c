"""Figures of a whole set that are no mean of its rows, such as macro F1.

Whole groups are drawn again and the figure is made anew of each draw; the interval lies between
quantiles of these (percentile method: Efron and Tibshirani 1993, An Introduction to the
Bootstrap, chapter 13). It is asymptotic, hence refused where there is little to draw from, with
the same bounds as a mean's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from tunesmith.statistics.intervals import Interval, TooFewPairs, group_numbers, one_sided
from tunesmith.statistics.means import FEWEST_CLUSTERS, FEWEST_PAIRS

Row = TypeVar("Row")

DRAWS = 999
_ROWS_IN_ALL = 400_000
"""Rows that all draws hold together at most; a larger set is drawn less often."""
_FEWEST_DRAWS = 199


def set_interval(
    figure: Callable[[Sequence[Row]], float | None],
    rows: Sequence[Row],
    groups: Sequence[str],
    confidence: float,
    *,
    seed: int,
) -> Interval:
    """Return the interval of a figure over rows.

    Args:
        figure: Makes the figure of any rows; None where they have none.
        rows: Rows to which it applies.
        groups: The group of each row.
        confidence: Two-sided coverage, between 0 and 1.
        seed: Of the resampling.

    Raises:
        TooFewPairs: Under 100 rows or under 40 groups.
        ValueError: The rows have no figure, or there isn't one group for each.
    """
    alpha = one_sided(confidence)
    numbers = group_numbers(groups, len(rows))
    clusters = int(numbers.max()) + 1
    if len(rows) < FEWEST_PAIRS:
        raise TooFewPairs(len(rows), FEWEST_PAIRS, "rows")
    if clusters < FEWEST_CLUSTERS:
        raise TooFewPairs(clusters, FEWEST_CLUSTERS, "groups")
    estimate = figure(rows)
    if estimate is None:
        raise ValueError("the figure applies to none of the rows")
    members: list[list[Row]] = [[] for _ in range(clusters)]
    for row, number in zip(rows, numbers, strict=True):
        members[number].append(row)
    generator = np.random.default_rng(seed)
    draws = max(_FEWEST_DRAWS, min(DRAWS, _ROWS_IN_ALL // len(rows)))
    found = []
    for _ in range(draws):
        drawn = generator.integers(clusters, size=clusters)
        value = figure([row for number in drawn for row in members[number]])
        found.append(estimate if value is None else value)
    low, high = np.quantile(found, [alpha, 1.0 - alpha])
    return Interval(
        estimate=estimate,
        low=min(float(low), estimate),
        high=max(float(high), estimate),
        confidence=confidence,
        n=len(rows),
        clusters=clusters,
        method="cluster bootstrap, percentiles",
    )
