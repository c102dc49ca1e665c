"""Failure modes of fine-tuning: what each suite asks, and whether the candidate kept up.

`plan` makes the questions, `judging` says what the answers are worth, `comparison` puts a candidate
beside its base, and `criteria` gives the gate what it needs. Each suite is a module of its own.
"""

from tunesmith.evaluation.suites.asking import Probe
from tunesmith.evaluation.suites.comparison import SUITES, TOLERANCES, compare
from tunesmith.evaluation.suites.criteria import criteria

__all__ = ["SUITES", "TOLERANCES", "Probe", "compare", "criteria"]
