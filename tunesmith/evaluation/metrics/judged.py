"""Metrics that a judge measures: chosen by name like any other, measured by the stage `judge`.

A verdict may be missing, whatever the example: then there is no value, and the evidence begins with
`MISSING`. It is never a zero, and never passed over in silence.
"""

from tunesmith.evaluation.metrics.spec import MetricParams, Spec, Value
from tunesmith.records import Example, Score

RUBRIC = "rubric"
FACTS = "factual_consistency"

MISSING = "missing: "
"""How the evidence begins where there is no verdict."""


def factual_consistency(example: Example, output: str, params: MetricParams) -> Value:
    """Share of an answer's claims that its input supports, each held against the input, 0 to 1.

    Higher is better. After Min and others, "FActScore", 2023. Only a judge has a value; see
    `tunesmith.evaluation.judge`.
    """
    return _LATER


def rubric(example: Example, output: str, params: MetricParams) -> Value:
    """Where an answer stands on the scale of the user's rubric, 0 to 1.

    Higher is better. Only a judge has a value; see `tunesmith.evaluation.judge`.
    """
    return _LATER


_LATER = Value(None, "measured by a judge")

SPECS = (
    Spec(FACTS, factual_consistency, "share", "higher", judged=True),
    Spec(RUBRIC, rubric, "share", "higher", judged=True),
)


def missing(score: Score, metric: str) -> str:
    """Return why the judge gave no verdict; empty where it gave one, or was not asked."""
    evidence = score.evidence.get(metric, "")
    if score.values.get(metric) is not None or not evidence.startswith(MISSING):
        return ""
    return evidence.removeprefix(MISSING)
