"""Metrics of one answer, each a small pure function chosen by name.

`spec(name)` says what a metric is and measures with it; `METRICS` holds those that are built in,
and packages may offer more (see `own`). Figures of a whole set come from `set_value`.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from tunesmith.evaluation.metrics import (
    json_answers,
    judged,
    labels,
    own,
    references,
    texts,
    tone,
    wording,
)
from tunesmith.evaluation.metrics.spec import (
    Better,
    Kind,
    Measure,
    MetricParams,
    Need,
    Spec,
    Value,
)
from tunesmith.evaluation.metrics.texts import SECTIONS
from tunesmith.evaluation.metrics.tone_rows import ToneRows
from tunesmith.records import Score

__all__ = [
    "METRICS",
    "SECTIONS",
    "YES_NO",
    "Better",
    "Kind",
    "Measure",
    "Metric",
    "MetricParams",
    "Need",
    "Spec",
    "ToneRows",
    "Value",
    "identity",
    "set_value",
    "spec",
]

METRICS: dict[str, Spec] = {
    item.name: item
    for item in (
        Spec("format", texts.format_match, "yes_no", "higher"),
        Spec("grounding", wording.grounding, "yes_no", "higher"),
        Spec("markers", wording.markers, "yes_no", "higher"),
        Spec("length_ratio", texts.length_ratio, "number", "neither"),
        Spec("overlap", texts.overlap, "share", "higher", caution=references.CAUTION),
        Spec("exact_match", texts.exact_match, "yes_no", "higher"),
        Spec("label_accuracy", labels.label_accuracy, "yes_no", "higher"),
        Spec(
            "macro_f1",
            labels.label_pair,
            "share",
            "higher",
            over_set=labels.macro_f1,
        ),
        Spec("bleu", references.bleu, "share", "higher", caution=references.CAUTION),
        Spec("rouge_l", references.rouge_l, "share", "higher", caution=references.CAUTION),
        Spec("chrf", references.chrf, "share", "higher", caution=references.CAUTION),
        Spec("json_valid", json_answers.json_valid, "yes_no", "higher"),
        Spec("json_schema", json_answers.json_schema, "yes_no", "higher", ("json_schema",)),
        Spec("fields", json_answers.fields, "share", "higher"),
        Spec("sections", texts.sections, "yes_no", "higher", ("sections",)),
        Spec("refusal", wording.refusal, "yes_no", "higher"),
        Spec("repetition", wording.repetition, "share", "lower"),
        Spec("toxicity", wording.toxicity, "share", "lower"),
        Spec("tone", tone.tone, "yes_no", "higher", ("tone",)),
        Spec("tool_call", json_answers.tool_call, "yes_no", "higher", text=False),
        *judged.SPECS,
    )
}
"""The metrics that are built in, by name."""

YES_NO: frozenset[str] = frozenset(name for name, item in METRICS.items() if item.kind == "yes_no")
"""Built-in metrics whose values are 0 or 1; `spec(name).kind` also knows a user's own."""


def _known(name: str) -> str:
    if name not in METRICS and name not in own.offered():
        raise ValueError(
            f"expected one of {', '.join(METRICS)}, or a metric that an installed package offers "
            f"in {own.GROUP}"
        )
    return name


Metric = Annotated[str, AfterValidator(_known)]
"""Name of a metric."""


def spec(name: str) -> Spec:
    """Return a metric.

    Raises:
        RecipeError: it is not built in, and no package offers it in a usable form.
    """
    return METRICS[name] if name in METRICS else own.load(name)[0]


def identity(name: str) -> str | None:
    """Return what a user's metric is: package, version, place and digest; None if built in.

    Raises:
        RecipeError: as `spec`.
    """
    return None if name in METRICS else own.load(name)[1]


def set_value(name: str, scores: Sequence[Score]) -> float | None:
    """Return a metric's figure over a set: its mean over the rows to which it applies, mostly.

    None where it applies to no row.

    Raises:
        RecipeError: as `spec`.
    """
    over_set = spec(name).over_set
    if over_set is not None:
        return over_set(scores)
    values = [value for score in scores if (value := score.values.get(name)) is not None]
    return sum(values) / len(values) if values else None
