"""Score predictions with the recipe's metrics.

Reads `Examples` and the `Predictions` made on them, writes `Scores`, one row a prediction in the
same order. No model is loaded: a new metric never costs a generation. Metrics that a judge measures
are left to the stage `judge`, which adds them to these scores.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from tunesmith.artifacts import Examples, Predictions, Scores
from tunesmith.canonical import canonical
from tunesmith.data.markers import PHRASES
from tunesmith.errors import RecipeError
from tunesmith.evaluation.metrics import (
    SECTIONS,
    Metric,
    MetricParams,
    ToneRows,
    identity,
    spec,
)
from tunesmith.evaluation.metrics.labels import plain_label
from tunesmith.evaluation.metrics.own import offered
from tunesmith.evaluation.metrics.schemas import validator_of
from tunesmith.evaluation.metrics.tone import train
from tunesmith.patterns import Phrase, valid_pattern
from tunesmith.records import Example, LabelExample, Prediction, Score
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft


class EvaluateParams(Params):
    """What is measured."""

    metrics: tuple[Metric, ...] = Field(
        ("format", "grounding", "markers", "length_ratio", "overlap"),
        min_length=1,
        description="Metrics by name.",
    )
    primary: Metric = Field("grounding", description="The metric that decides first.")
    format: str | None = Field(
        None, description="Pattern of the format metric; `score.format` by default."
    )
    phrases: tuple[Phrase, ...] = Field(PHRASES, min_length=1, description="Marker phrases.")
    labels: tuple[Phrase, ...] = Field(
        (), description="Labels that an answer may be; those of the labelled rows by default."
    )
    sections: tuple[str, ...] = Field(
        (),
        description=(
            "Patterns of the sections that an answer must have, in order; or `email` (a subject) "
            "or `soap` (the four parts of a medical note)."
        ),
    )
    json_schema: dict[str, Any] | None = Field(
        None, description="JSON Schema that an answer must comply with."
    )
    tone: ToneRows | None = Field(
        None, description="Texts `on` and `off` the brand's tone, at least 50 of each."
    )
    own: dict[str, str] = Field(
        default_factory=dict,
        description="Which package measures a metric that is not built in; filled in.",
    )

    _pattern = field_validator("format")(valid_pattern)

    @field_validator("sections", mode="before")
    @classmethod
    def _known_form(cls, given: Any) -> Any:
        return SECTIONS.get(given, given) if isinstance(given, str) else given

    @field_validator("sections")
    @classmethod
    def _patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            valid_pattern(pattern)
        return patterns

    @field_validator("labels")
    @classmethod
    def _told_apart(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        plain, count = Counter(map(plain_label, labels)).most_common(1)[0] if labels else ("", 0)
        if count > 1:
            alike = [label for label in labels if plain_label(label) == plain]
            raise ValueError(f"{alike} differ in case or outer signs only; expected one of them")
        return labels

    @field_validator("json_schema")
    @classmethod
    def _usable_schema(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            validator_of(schema)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _name_packages(cls, raw: Any) -> Any:
        """Fill in what the user's own metrics are here, and refuse if they were others."""
        names = raw.get("metrics") if isinstance(raw, dict) else None
        if not isinstance(names, list | tuple):
            return raw
        given = raw.get("own") or {}
        found = {}
        for name in (name for name in names if isinstance(name, str)):
            here = _identity(name)
            if here is None:
                continue
            if given and given.get(name) != here:
                raise ValueError(
                    f"metric {name!r} is {here} here, but was {given.get(name)}; install the same "
                    "package everywhere, or remove `own` to take what is here"
                )
            found[name] = here
        return {**raw, "own": found} if found or given else raw

    @model_validator(mode="after")
    def _complete(self) -> "EvaluateParams":
        if self.primary not in self.metrics:
            raise ValueError(f"primary is {self.primary!r}, which is not among the metrics")
        primary = spec(self.primary)
        if primary.better == "neither" or primary.over_set is not None:
            why = "has no better way" if primary.over_set is None else "has no value for each row"
            raise ValueError(f"primary is {self.primary!r}, which {why}; expected another metric")
        for name in self.metrics:
            for need in spec(name).needs:
                if not getattr(self, need):
                    raise ValueError(
                        f"{name} needs evaluate.{need}, which the recipe does not give"
                    )
        return self

    @property
    def cautions(self) -> tuple[str, ...]:
        """What somebody should know who decides by this primary metric."""
        caution = spec(self.primary).caution
        return (f"primary is {self.primary!r}, which {caution}",) if caution else ()


def _identity(name: str) -> str | None:
    try:
        return identity(name) if name in offered() else None  # the field's check names the others
    except RecipeError as error:
        raise ValueError(str(error)) from error


def settings_of(params: EvaluateParams, examples: Iterable[Example]) -> MetricParams:
    """Return what the metrics need; labels come from the labelled rows where none are given."""
    labels = params.labels or tuple(
        sorted({row.label for row in examples if isinstance(row, LabelExample)})
    )
    schema = params.json_schema
    return MetricParams(
        format=params.format,
        phrases=params.phrases,
        labels=labels,
        sections=params.sections,
        json_schema=None if schema is None else canonical(schema).decode(),
        tone=params.tone,
    )


def evaluate(
    predictions: Iterable[Prediction],
    examples: Mapping[str, Example],
    params: EvaluateParams,
) -> Iterator[Score]:
    """Measure each prediction; `examples` are by row id."""
    settings = settings_of(params, examples.values())
    metrics = {name: found for name in params.metrics if not (found := spec(name)).judged}
    for prediction in predictions:
        example = examples[prediction.row_id]
        measured = {
            name: metric(example, prediction.output, settings) for name, metric in metrics.items()
        }
        yield Score(
            row_id=prediction.row_id,
            group_id=prediction.group_id,
            values={name: value.value for name, value in measured.items()},
            evidence={name: value.evidence for name, value in measured.items() if value.evidence},
        )


def _write(
    params: EvaluateParams, draft: Draft, source: Examples, predictions: Predictions
) -> Scores:
    examples = {row.row_id: row for row in draft.peek(source)}
    if params.cautions:
        draft.notes["warnings"] = list(params.cautions)
    if "tone" in params.metrics and params.tone is not None:
        draft.notes["tone"] = train(params.tone).facts
    return draft.seal_rows(Scores, evaluate(draft.peek(predictions, Prediction), examples, params))


STAGE = Stage("evaluate", version=4, produces=Scores, body=_write)
