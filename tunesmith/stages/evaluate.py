"""Score predictions with the recipe's metrics.

Reads `Examples` and the `Predictions` made on them, writes `Scores`, one row a prediction in the
same order. No model is loaded: a new metric never costs a generation.
"""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field, field_validator, model_validator

from tunesmith.artifacts import Examples, Predictions, Scores
from tunesmith.data.markers import PHRASES
from tunesmith.evaluation.metrics import METRICS, YES_NO, Metric, MetricParams
from tunesmith.patterns import Phrase, valid_pattern
from tunesmith.records import ChatExample, Prediction, Score
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

    _pattern = field_validator("format")(valid_pattern)

    @model_validator(mode="after")
    def _primary_is_measured(self) -> "EvaluateParams":
        if self.primary not in self.metrics:
            raise ValueError(f"primary is {self.primary!r}, which is not among the metrics")
        if self.primary not in YES_NO:
            raise ValueError(
                f"primary is {self.primary!r}; expected one of {', '.join(sorted(YES_NO))}, "
                "for which a small test set can settle a difference"
            )
        return self


def evaluate(
    predictions: Iterable[Prediction],
    examples: Mapping[str, ChatExample],
    params: EvaluateParams,
) -> Iterator[Score]:
    """Measure each prediction; `examples` are by row id."""
    settings = MetricParams(params.format, params.phrases)
    for prediction in predictions:
        example = examples[prediction.row_id]
        measured = {
            name: METRICS[name](example, prediction.output, settings) for name in params.metrics
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
    return draft.seal_rows(Scores, evaluate(draft.peek(predictions, Prediction), examples, params))


STAGE = Stage("evaluate", version=1, produces=Scores, body=_write)
