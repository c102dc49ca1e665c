"""The best way to put a prompt, on the same rows for all, with every score kept."""

import json

import pytest

from tests.toy_stages import given
from tunesmith.artifacts import Predictions, Scores
from tunesmith.errors import RecipeError
from tunesmith.evaluation.prompting import PromptBaselineParams
from tunesmith.records import Prediction, Score
from tunesmith.stages.choose import DOCUMENT, STAGE, ChooseParams, Measured, choose
from tunesmith.statistics import mean_interval

VARIANTS = PromptBaselineParams(shots=(0, 5, 10)).variants()
NONE, FIVE, TEN = VARIANTS


def params(metric="format", **fields):
    return ChooseParams(variants=VARIANTS, metric=metric, **fields)


def measured(values, prompt=10, answer=10, metric="format", groups=None):
    """What a variant scored: `values` by row; groups repeat after so many rows."""
    ids = [f"r{number}" for number in range(len(values))]
    groups = [f"g{number % (groups or len(values))}" for number in range(len(values))]
    return Measured(
        [
            Score(row_id=row, group_id=group, values={metric: value})
            for row, group, value in zip(ids, groups, values, strict=True)
        ],
        [
            Prediction(
                row_id=row, group_id=group, prompt_digest="0", output="a", finish_reason="stop",
                prompt_tokens=prompt, completion_tokens=answer,
            )
            for row, group in zip(ids, groups, strict=True)
        ],
    )  # fmt: skip


def rates(*hits, n=20):
    return [[1.0] * count + [0.0] * (n - count) for count in hits]


def test_the_best_is_chosen_and_every_variant_s_score_is_kept():
    few, most, some = rates(4, 11, 10)
    document = choose(
        params(), {NONE: measured(few), FIVE: measured(most, 300), TEN: measured(some, 600, 7)}
    )
    assert document["chosen"] == FIVE
    assert document["reason"] == f"{FIVE} does best of 3 on validation: format 0.550, n = 20"
    assert [
        (item["name"], item["shots"], item["value"], item["n"], item["prompt_tokens"])
        for item in document["variants"]
    ] == [(NONE, 0, 0.2, 20, 10), (FIVE, 5, 0.55, 20, 300), (TEN, 10, 0.5, 20, 600)]
    best = document["variants"][1]
    # Clopper and Pearson's limits of 11 in 20, as tables give them.
    assert (round(best["low"], 3), round(best["high"], 3)) == (0.315, 0.769)


def test_of_those_that_score_alike_the_shorter_prompt_is_chosen_then_the_shorter_answer():
    same = rates(9)[0]
    alike = {NONE: measured(same, 900), FIVE: measured(same, 300, 8), TEN: measured(same, 300, 7)}
    document = choose(params(), alike)
    assert document["chosen"] == TEN
    assert document["reason"].endswith("n = 20; as well as 2 with prompts no shorter")
    wordy = {NONE: measured(same, 9, 9), FIVE: measured(same, 8, 99), TEN: measured(same, 9, 1)}
    assert choose(params(), wordy)["chosen"] == FIVE
    tied = {NONE: measured(same, 300), FIVE: measured(same, 300), TEN: measured(same, 300)}
    for order in (VARIANTS, reversed(VARIANTS)):
        assert choose(params(), {name: tied[name] for name in order}) == choose(params(), tied)
    assert choose(params(), tied)["chosen"] == NONE
    assert choose(params(), {**alike, NONE: measured(rates(10)[0], 900)})["chosen"] == NONE


def test_a_rounding_error_is_no_better_score():
    up, down = [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]
    assert sum(up) != sum(down)
    for first, second in ((up, down), (down, up)):
        found = {
            name: measured(values, prompt, metric="overlap")
            for name, values, prompt in ((NONE, first, 10), (FIVE, second, 5), (TEN, first, 20))
        }
        assert choose(params("overlap"), found)["chosen"] == FIVE


def test_where_lower_is_better_the_lowest_is_chosen():
    found = {
        name: measured([value] * 3, metric="repetition")
        for name, value in ((NONE, 0.3), (FIVE, 0.2), (TEN, 0.4))
    }
    assert choose(params("repetition"), found)["chosen"] == FIVE


def test_a_row_counts_where_every_variant_has_a_value():
    """Else a variant would do better by having no value on the rows that are hard."""
    gaps = [1.0, None, None, None]
    whole = [1.0, 1.0, 0.0, 0.0]
    less = [0.0, 1.0, 1.0, 1.0]
    document = choose(
        params(), {NONE: measured(gaps), FIVE: measured(whole, 5), TEN: measured(less)}
    )
    assert document["chosen"] == FIVE
    assert [(item["value"], item["n"]) for item in document["variants"]] == [
        (1.0, 1), (1.0, 1), (0.0, 1),
    ]  # fmt: skip
    with pytest.raises(RecipeError, match="format applies to no validation row"):
        choose(params(), {NONE: measured(gaps), FIVE: measured([None, 1.0]), TEN: measured(less)})


def test_a_mean_of_too_few_rows_has_no_interval_and_says_why():
    found = {name: measured([0.1, 0.2, 0.3], metric="overlap", groups=2) for name in VARIANTS}
    figure = choose(params("overlap"), found)["variants"][0]
    assert (figure["low"], figure["high"], figure["n"], figure["groups"]) == (None, None, 3, 2)
    assert figure["method"].startswith("no interval: 3 pairs")
    many = {
        name: measured([n / 200 for n in range(200)], metric="overlap", groups=100)
        for name in VARIANTS
    }
    figure = choose(params("overlap"), many)["variants"][0]
    scores = many[NONE].scores
    expected = mean_interval(
        [row.values["overlap"] for row in scores], 0.95, [row.group_id for row in scores], seed=0
    )
    assert (figure["low"], figure["high"]) == (expected.low, expected.high)
    assert figure["low"] < figure["value"] < figure["high"]


def test_the_choice_is_an_artifact_that_names_the_variant(store):
    found = {
        name: measured(values) for name, values in zip(VARIANTS, rates(4, 11, 10), strict=True)
    }
    scores = {name: given(store, item.scores, Scores) for name, item in found.items()}
    predictions = {
        name: given(store, item.predictions, Predictions) for name, item in found.items()
    }
    choice = store.build(STAGE, params(), scores, predictions)
    assert choice.variant == FIVE
    document = json.loads((store.path(choice) / DOCUMENT).read_bytes())
    assert document == json.loads(json.dumps(choose(params(), found)))
