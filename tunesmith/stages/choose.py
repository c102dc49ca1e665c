"""Choose the way to put a prompt that does best on validation: the prompt baseline.

Reads the `Scores` and `Predictions` of every variant on the same validation rows, writes a
`Choice` with what each scored, its n and its interval. Of variants that score the same, the one
with the shorter prompt is chosen, then the one with the shorter answers, then that of fewer shots.

The best of many looks better on the rows it was chosen on than it is. Nothing else is decided on
these figures: the chosen variant is measured anew on test.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field

from tunesmith.artifacts import Choice, Predictions, Scores
from tunesmith.errors import RecipeError
from tunesmith.evaluation.metrics import Metric, spec
from tunesmith.evaluation.prompting import Prompting
from tunesmith.records import Prediction, Score
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

DOCUMENT = "choice.json"


class ChooseParams(Params):
    """What is chosen from, and by what."""

    variants: dict[str, Prompting] = Field(min_length=1, description="Ways to put a prompt.")
    metric: Metric = Field(description="The metric that decides; `evaluate.primary`.")
    confidence: float = Field(
        0.95, gt=0, lt=1, description="Two-sided coverage of each variant's interval."
    )


class Measured(NamedTuple):
    """What one variant scored, and how long its prompts and answers are."""

    scores: Sequence[Score]
    predictions: Sequence[Prediction]


def choose(params: ChooseParams, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Return the choice's document.

    A row counts where all variants have a value for it, so that all are compared on the same rows.

    Raises:
        RecipeError: when the metric applies to no row.
    """
    metric = params.metric
    rows = {name: {row.row_id: row for row in found.scores} for name, found in measured.items()}
    shared = [
        row_id
        for row_id in next(iter(rows.values()))
        if all(row_id in of and of[row_id].values.get(metric) is not None for of in rows.values())
    ]
    if not shared:
        raise RecipeError(
            f"prompt_baseline: {metric} applies to no validation row that every variant answered; "
            "expected an evaluate.primary that measures them, or name one variant only"
        )
    figures = [
        {
            "name": name,
            **params.variants[name].model_dump(),
            **_figure(params, [of[row_id] for row_id in shared]),
            "prompt_tokens": _mean([row.prompt_tokens for row in measured[name].predictions]),
            "completion_tokens": _mean(
                [row.completion_tokens for row in measured[name].predictions]
            ),
        }
        for name, of in rows.items()
    ]
    # Not in the order given, which the stage's key does not know.
    figures.sort(key=lambda item: (item["shots"], item["name"]))
    sign = 1 if spec(metric).better == "lower" else -1
    best = min(
        figures,
        # Sums in another order may differ in the last digits.
        key=lambda item: (
            sign * round(item["value"], 12),
            item["prompt_tokens"],
            item["completion_tokens"],
        ),
    )
    return {
        "chosen": best["name"],
        "metric": metric,
        "better": spec(metric).better,
        "confidence": params.confidence,
        "reason": _reason(metric, best, figures),
        "variants": figures,
    }


def _reason(metric: str, best: Mapping[str, Any], figures: Sequence[Mapping[str, Any]]) -> str:
    alike = sum(abs(item["value"] - best["value"]) < 1e-12 for item in figures) - 1
    text = (
        f"{best['name']} does best of {len(figures)} on validation: {metric} {best['value']:.3f}, "
        f"n = {best['n']}"
    )
    return f"{text}; as well as {alike} with prompts no shorter" if alike else text


def _figure(params: ChooseParams, rows: Sequence[Score]) -> dict[str, Any]:
    """Return a variant's mean with its interval, None where n is too small for one."""
    from tunesmith.statistics import TooFewPairs, mean_interval, proportion

    values = [float(row.values[params.metric] or 0.0) for row in rows]
    groups = [row.group_id for row in rows]
    figure: dict[str, Any] = {
        "value": _mean(values),
        "low": None,
        "high": None,
        "n": len(values),
        "groups": len(set(groups)),
        "method": "",
    }
    try:
        if spec(params.metric).kind == "yes_no":
            hits = sum(value == 1.0 for value in values)
            interval = proportion(hits, len(values), params.confidence)
        else:
            interval = mean_interval(values, params.confidence, groups, seed=0)
    except TooFewPairs as error:
        return {**figure, "method": f"no interval: {error}"}
    limits = {"low": interval.low, "high": interval.high, "method": interval.method}
    return {**figure, **limits}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _write(
    params: ChooseParams,
    draft: Draft,
    scores: dict[str, Scores],
    predictions: dict[str, Predictions],
) -> Choice:
    document = choose(
        params,
        {
            name: Measured(
                list(draft.peek(scores[name], Score)),
                list(draft.peek(predictions[name], Prediction)),
            )
            for name in params.variants
        },
    )
    draft.notes["reason"] = document["reason"]
    return draft.seal_json(Choice, DOCUMENT, document, variant=document["chosen"])


STAGE = Stage("choose", version=2, produces=Choice, body=_write)
