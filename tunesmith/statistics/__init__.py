"""Comparisons that a decision may rest on: intervals, tests, power.

Every comparison is of two models on the same inputs, clustered by group, and says how many pairs
and groups it rests on and the smallest effect it could have seen. `compare_binary` is for yes/no
metrics and valid with any number of pairs; `compare_means` is for metrics on a scale and refuses
too few. `holm` corrects over several tests, and the power functions say before the data are there
what they will be able to show.

An `alpha` is always one-sided; a `confidence` is two-sided. The interval that goes with a decision
at `alpha` has a confidence of `1 - 2 * alpha`: a bound lies outside it exactly if its one-sided
p-value is at most `alpha`, so that either decides.
"""

from tunesmith.statistics.binary import BinaryComparison, compare_binary, paired_binary
from tunesmith.statistics.intervals import Interval, TooFewPairs, proportion
from tunesmith.statistics.means import MeanComparison, compare_means, mean_interval, paired_mean
from tunesmith.statistics.multiple import holm
from tunesmith.statistics.power import (
    pairs_needed,
    power_above,
    power_better,
    power_not_worse,
    smallest_effect,
    smallest_margin,
)

__all__ = [
    "BinaryComparison",
    "Interval",
    "MeanComparison",
    "TooFewPairs",
    "compare_binary",
    "compare_means",
    "holm",
    "mean_interval",
    "paired_binary",
    "paired_mean",
    "pairs_needed",
    "power_above",
    "power_better",
    "power_not_worse",
    "proportion",
    "smallest_effect",
    "smallest_margin",
]
