"""Metrics of answers, at their edges, and the rows that hold them."""

import pytest
from pydantic import ValidationError

from tests import toy_stages
from tests.made_rows import chat
from tunesmith.artifacts import Predictions
from tunesmith.evaluation.metrics import METRICS, YES_NO, MetricParams
from tunesmith.records import Prediction, Score
from tunesmith.stages.evaluate import STAGE, EvaluateParams, evaluate

EXAMPLE = chat("Ticket 4711 of Ann: it broke on 3 May.", "Dear Ann, ticket 4711 is open.")
PARAMS = EvaluateParams(format="^Dear")


def prediction(output, example=EXAMPLE):
    return Prediction(
        row_id=example.row_id, group_id=example.group_id, prompt_digest="d", output=output,
        finish_reason="stop", prompt_tokens=1, completion_tokens=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "output", "value"),
    [
        ("format", "Dear Ann", 1.0),
        ("format", " \nDear Ann", 1.0),
        ("format", "dear Ann", 0.0),
        ("format", "Oh Dear", 0.0),
        ("format", "", 0.0),
        ("grounding", EXAMPLE.answer, 1.0),
        ("grounding", "All is well.", 1.0),
        ("grounding", "Dear Ann, ticket 4712 is open.", 0.0),
        ("grounding", "Dear Bob, ticket 4711 is open.", 0.0),
        ("grounding", "", 0.0),  # it states nothing wrong, but it is no answer
        ("grounding", " \n", 0.0),
        ("markers", EXAMPLE.answer, 1.0),
        ("markers", "As an AI, I cannot", 0.0),
        ("markers", "", 1.0),
        ("length_ratio", EXAMPLE.answer, 1.0),
        ("length_ratio", "", 0.0),
        ("length_ratio", EXAMPLE.answer * 2, 11 / 6),
        ("overlap", EXAMPLE.answer, 1.0),
        ("overlap", "IS open: ticket 4711, Ann; dear!", 1.0),
        ("overlap", "Dear Ann", 0.5),
        ("overlap", "Dear dear dear Ann", 0.4),  # a word counts as often as both have it
        ("overlap", "Nothing of it", 0.0),
        ("overlap", "", 0.0),
    ],
)
def test_a_metric_is_what_it_says(metric, output, value):
    found = METRICS[metric](EXAMPLE, output, MetricParams("^Dear", ("as an ai",)))
    assert found.value == pytest.approx(value)
    assert metric not in YES_NO or found.value in (0.0, 1.0)


def test_a_format_that_the_recipe_does_not_have_does_not_apply():
    assert METRICS["format"](EXAMPLE, "x", MetricParams(None, ())).value is None


def test_evidence_says_why():
    (found,) = evaluate([prediction("As an AI, Bob")], {EXAMPLE.row_id: EXAMPLE}, PARAMS)
    assert found.values["markers"] == found.values["grounding"] == 0.0
    assert found.evidence["markers"] == "as an ai"
    assert "'Bob'" in found.evidence["grounding"]
    (right,) = evaluate([prediction(EXAMPLE.answer)], {EXAMPLE.row_id: EXAMPLE}, PARAMS)
    assert right.evidence == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"metrics": ()},
        {"metrics": ("nice",)},
        {"metrics": ("overlap",)},
        {"metrics": ("overlap", "grounding"), "primary": "overlap"},
        {"metrics": ("overlap",), "primary": "grounding"},
        {"format": "("},
        {"phrases": (" ",)},
    ],
)
def test_what_cannot_decide_anything_is_refused(fields):
    with pytest.raises(ValidationError):
        EvaluateParams(**fields)


def test_scores_are_one_row_a_prediction_in_their_order(store):
    examples = [chat(f"question {number}", f"answer {number}") for number in range(5)]
    source = toy_stages.given(store, examples)
    order = [examples[number] for number in (3, 0, 4)]  # a sample, in the order of a hash
    predictions = toy_stages.given(
        store, [prediction(f"Dear {n}", example) for n, example in enumerate(order)], Predictions
    )
    asked = EvaluateParams(metrics=("overlap", "grounding"), format=None)
    ref = store.build(STAGE, asked, source, predictions)
    scores = list(store.rows(ref, Score))
    assert [score.row_id for score in scores] == [example.row_id for example in order]
    assert [score.group_id for score in scores] == [example.group_id for example in order]
    assert all(score.values.keys() == {"overlap", "grounding"} for score in scores)
    assert (ref.kind, ref.rows) == ("scores", 3)
