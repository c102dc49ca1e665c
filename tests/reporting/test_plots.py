"""Plots are small pictures of what they are given, and of nothing too."""

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from tests.reporting.made_retrain import Made
from tunesmith.data.funnel import Step
from tunesmith.reporting.drawings import (
    axis,
    curve_drawing,
    difference_marks,
    interval_marks,
    loss_drawing,
)
from tunesmith.reporting.plots import bound, criteria_png, curve, funnel_png, loss_curve_png
from tunesmith.reporting.slices import Difference
from tunesmith.reporting.verdict import verdict_document

LIMIT = 60_000
STEPS = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "eval_loss": 1.5}, {"step": 3}]
FUNNEL = [Step("ingest", 90, 90, {}), Step("score", 90, 30, {"a": 60})]


def amount(png: bytes, colour: str) -> int:
    wanted = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    pixels = imread(io.BytesIO(png))[:, :, :3]
    return int((np.abs(pixels - wanted).max(axis=2) < 0.02).sum())


def has(png: bytes, colour: str) -> bool:
    return amount(png, colour) > 0


def test_loss_curve_draws_both_losses_and_fits() -> None:
    png = loss_curve_png(STEPS)
    assert len(png) < LIMIT
    assert has(png, "#0072B2") and has(png, "#E69F00")


def test_loss_curve_of_training_alone() -> None:
    assert not has(loss_curve_png([{"step": 1, "loss": 2.0}, {"step": 9, "loss": 1.0}]), "#E69F00")


def test_loss_curve_without_losses_is_still_a_picture() -> None:
    assert len(loss_curve_png([])) > 1_000
    assert not has(loss_curve_png([{"step": 1}]), "#0072B2")


def test_a_loss_that_blew_up_is_left_out() -> None:
    steps = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": math.nan}, {"step": 3, "loss": math.inf}]
    assert curve(steps, "loss") == [(1, 2.0)]
    assert loss_curve_png(steps) == loss_curve_png(steps[:1])


def test_long_runs_fit() -> None:
    rng = np.random.default_rng(0)
    noisy = [{"step": n, "loss": float(rng.normal())} for n in range(20_000)]
    assert len(loss_curve_png(noisy)) < LIMIT


def test_criteria_show_each_answer_in_its_colour(
    promoted: Made, rejected: Made, unsettled: Made
) -> None:
    pngs = {
        made.result.outcome: criteria_png(verdict_document(made.store, made.result, None))
        for made in (promoted, rejected, unsettled)
    }
    assert all(len(png) < LIMIT for png in pngs.values())
    assert has(pngs["promote"], "#009E73") and not has(pngs["reject"], "#009E73")
    assert pngs["promote"] != pngs["inconclusive"]


def test_criteria_on_two_scales_are_both_seen() -> None:
    item = {"metric": "format", "kind": "yes_no", "rule": "better", "against": "base"}
    rate = {**item, "where": "test", "confidence": 0.9, "answer": "yes", "estimate": 0.1}
    rate |= {"low": 0.0, "high": 0.2}
    number = {**rate, "metric": "words", "kind": "number", "answer": "no", "estimate": -300.0}
    number |= {"low": -400.0, "high": -200.0}
    both = criteria_png({"criteria": [rate, number]})
    alone = criteria_png({"criteria": [rate]})
    # On a shared scale the rate's interval would be a dot.
    assert amount(both, "#009E73") > 0.6 * amount(alone, "#009E73")
    assert has(both, "#D55E00")


def test_criteria_of_nothing() -> None:
    assert len(criteria_png({"decision": "unchanged", "criteria": []})) > 1_000


def test_funnel_draws_drops_only_where_there_are_some() -> None:
    key = amount(funnel_png(FUNNEL[:1]), "#E69F00")  # of the legend
    assert amount(funnel_png(FUNNEL), "#E69F00") > 20 * key
    assert len(funnel_png(FUNNEL)) < LIMIT


def test_pictures_are_the_same_each_time() -> None:
    assert loss_curve_png(STEPS) == loss_curve_png(STEPS)


@pytest.mark.parametrize(("rule", "at"), [("better", 0.0), ("not worse by 0.05", -0.05)])
def test_bound_is_what_the_gate_asked(rule: str, at: float) -> None:
    assert bound({"rule": rule}) == at


def test_bounds_decide_as_the_gate_did(promoted: Made, rejected: Made, unsettled: Made) -> None:
    for made in (promoted, rejected, unsettled):
        for item in verdict_document(made.store, made.result, None)["criteria"]:
            assert (item["low"] >= bound(item)) == (item["answer"] == "yes")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 0.83], ["0.0", "+0.2", "+0.4", "+0.6", "+0.8", "+1.0"]),
        ([-0.6, 0.0], ["−0.6", "−0.4", "−0.2", "0.0"]),
        ([-0.05, 0.11], ["−0.05", "0.00", "+0.05", "+0.10", "+0.15"]),
        ([0.0], ["0.0", "+0.2"]),
        ([3.0, 3.0], ["+3", "+4"]),
    ],
)
def test_axis_ends_on_round_numbers(values: list[float], labels: list[str]) -> None:
    made = axis(values, signed=True)
    assert [tick.label for tick in made.ticks] == labels
    assert made.low <= min(values) and max(values) <= made.high
    assert (made.ticks[0].at, made.ticks[-1].at) == (0.0, 100.0)


@given(st.lists(st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6), min_size=1))
def test_axis_holds_its_values_in_few_steps(values: list[float]) -> None:
    made = axis(values)
    little = 1e-6 * (made.high - made.low)
    assert made.low <= min(values) + little and max(values) - little <= made.high
    assert 2 <= len(made.ticks) <= 8
    assert len({tick.label for tick in made.ticks}) == len(made.ticks)


def test_marks_stand_on_one_axis(promoted: Made) -> None:
    criteria = verdict_document(promoted.store, promoted.result, None)["criteria"]
    for item, (shared, mark) in zip(criteria, interval_marks(criteria), strict=True):
        assert mark.zero == shared.at(0.0)
        assert mark.left == shared.at(item["low"])
        assert mark.left + mark.width == pytest.approx(shared.at(item["high"]), abs=0.01)
        assert 0 <= mark.left <= mark.estimate <= mark.left + mark.width <= 100


def test_marks_of_nothing() -> None:
    assert interval_marks([]) == []


def test_a_number_has_an_axis_of_its_own() -> None:
    item = {"metric": "format", "kind": "yes_no", "rule": "better", "estimate": 0.1}
    rate = {**item, "low": 0.0, "high": 0.2}
    number = {**item, "metric": "words", "kind": "number", "low": -300.0, "high": 500.0}
    (one, _), (other, mark) = interval_marks([rate, number])
    assert one.high <= 0.3
    assert other.low <= -300.0
    assert mark.width > 50


def test_a_difference_without_an_interval_is_a_dot() -> None:
    given = [Difference(0.2, 0.1, 0.3), Difference(-0.1, None, None)]
    shared, (interval, dot) = difference_marks(given)
    assert interval.width > 0 and dot.width == 0
    assert dot.estimate == dot.left == shared.at(-0.1) < dot.zero


def test_a_learning_curve_is_placed_by_the_logarithm_of_its_sizes() -> None:
    points = [(100, 0.5, 0.4, 0.6), (1_000, 0.8, None, None), (10_000, 0.9, 0.85, 0.95)]
    drawing = curve_drawing(points, [(100.0, 0.5), (20_000.0, 0.92)], 0.2, 1_000.0)
    left, middle, right = (point.left for point in drawing.points)
    assert middle - left == pytest.approx(right - middle, abs=0.01)
    assert [tick.label for tick in drawing.x] == ["100", "1,000", "10,000"]
    assert drawing.knee == middle
    assert drawing.points[1].height == 0 < drawing.points[0].height
    assert drawing.base == drawing.y.at(0.2)


def test_a_learning_curve_of_one_size_is_placed() -> None:
    drawing = curve_drawing([(100, 0.5, None, None)], [], None, None)
    assert 0 <= drawing.points[0].left <= 100


def test_loss_drawing_places_points_from_the_lower_left() -> None:
    drawing = loss_drawing([{"step": 5, "loss": 1.0}, {"step": 10, "loss": 0.0, "eval_loss": 0.5}])
    assert drawing is not None
    assert drawing.training == "50,0 100,100"
    assert drawing.dots == ((100.0, 50.0),)


def test_no_loss_no_drawing() -> None:
    assert loss_drawing([{"step": 1}]) is None
