"""Metrics of answers, at their edges, and the rows that hold them."""

import pytest
from pydantic import ValidationError

from tests import toy_stages
from tests.made_rows import chat
from tests.made_tone import TONE
from tunesmith.artifacts import Predictions
from tunesmith.evaluation.metrics import METRICS, YES_NO, MetricParams, set_value
from tunesmith.records import LabelExample, Prediction, Score
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
        {"metrics": ("length_ratio", "grounding"), "primary": "length_ratio"},
        {"metrics": ("macro_f1",), "primary": "macro_f1"},
        {"metrics": ("grounding", "json_schema")},
        {"metrics": ("grounding", "sections")},
        {"metrics": ("grounding", "tone")},
        {"sections": "letter"},
        {"sections": ("(",)},
        {"labels": ("Spam", "spam.")},
        {"labels": ("spam", " ")},
        {"json_schema": {"$ref": "http://127.0.0.1:9/s.json"}},
        {"json_schema": {"type": "strin"}},
        {"tone": {"on": ("a",), "off": ("b",)}},
        {"metrics": ("overlap",), "primary": "grounding"},
        {"format": "("},
        {"phrases": (" ",)},
    ],
)
def test_what_cannot_decide_anything_is_refused(fields):
    with pytest.raises(ValidationError):
        EvaluateParams(**fields)


def test_a_coarse_primary_metric_is_allowed_with_a_caution():
    params = EvaluateParams(metrics=("bleu", "grounding"), primary="bleu")
    (caution,) = params.cautions
    assert caution.startswith("primary is 'bleu', which counts the words shared")
    assert EvaluateParams(metrics=("bleu", "grounding")).cautions == ()


def test_what_a_recipe_gives_reaches_the_metrics():
    params = EvaluateParams(
        metrics=("sections", "json_schema", "label_accuracy"), primary="sections",
        sections="email", json_schema={"type": "object"}, labels=("spam", "ham"),
    )  # fmt: skip
    assert params.sections == (r"^Subject:[ \t]*\S",)
    row = chat("q", "spam")
    outputs = {"Subject: x": (1.0, 0.0, 0.0), "{}": (0.0, 1.0, 0.0), "Spam.": (0.0, 0.0, 1.0)}
    scores = evaluate(
        [prediction(output, row) for output in outputs], {row.row_id: row}, params
    )  # fmt: skip
    assert [tuple(score.values.values()) for score in scores] == list(outputs.values())


def test_without_labels_those_of_the_labelled_rows_count():
    rows = {
        label: LabelExample(
            row_id=label, group_id=label, source="s:1", origin="human", text="Buy!", label=label
        )
        for label in ("spam", "ham")
    }
    params = EvaluateParams(metrics=("label_accuracy", "macro_f1"), primary="label_accuracy")
    made = [prediction("It is spam.", rows["spam"]), prediction("spam", rows["ham"])]
    scores = list(evaluate(made, rows, params))
    assert [score.values["label_accuracy"] for score in scores] == [1.0, 0.0]
    assert scores[1].evidence["label_accuracy"] == "read as 'spam'"
    assert set_value("macro_f1", scores) == pytest.approx(1 / 3)


def test_the_record_says_how_good_the_classifier_of_tone_is(store):
    params = EvaluateParams(metrics=("tone", "overlap"), primary="overlap", tone=TONE)
    source = toy_stages.given(store, [EXAMPLE])
    predictions = toy_stages.given(store, [prediction(TONE.on[3])], Predictions)
    ref = store.build(STAGE, params, source, predictions)
    (record,) = store.records("evaluate", STAGE.key(params, source, predictions))
    notes = record["notes"]
    assert notes["tone"]["accuracy"] > 0.9
    assert notes["warnings"] == list(params.cautions)
    assert [score.values["tone"] for score in store.rows(ref, Score)] == [1.0]


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
