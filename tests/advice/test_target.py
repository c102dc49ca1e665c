"""A target is reached by an interval, never by a mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.advice.target import reaches_target
from tunesmith.records import Score


def scores(values, metric="grounding", rows_a_group=1):
    return [
        Score(row_id=str(n), group_id=str(n // rows_a_group), values={metric: value})
        for n, value in enumerate(values)
    ]


def right(count, of):
    return [1.0] * count + [0.0] * (of - count)


def test_no_target_stops_nothing_and_says_so():
    found = reaches_target(scores(right(100, 100)), None, "grounding")
    assert not found.stop
    assert "no target" in found.reason
    assert found.interval is None


@pytest.mark.parametrize(
    ("count", "of", "target", "stop"),
    [
        (97, 100, 0.95, False),  # the mean is above, the interval is not
        (95, 100, 0.95, False),
        (196, 200, 0.95, True),
        (57, 60, 0.9, False),
        (60, 60, 0.9, True),
        (200, 200, 1.0, False),  # nothing is ever shown to be always right
        (0, 100, 0.0, True),
    ],
)
def test_the_lower_limit_decides(count, of, target, stop):
    found = reaches_target(scores(right(count, of)), target, "grounding")
    assert found.stop == stop
    assert found.interval is not None
    assert (found.interval.low >= target) == stop
    assert f"n = {of}" in found.reason


def test_rows_of_one_conversation_count_less():
    values = right(100, 104)
    assert reaches_target(scores(values), 0.9, "grounding").stop
    assert not reaches_target(scores(values, rows_a_group=4), 0.9, "grounding").stop
    assert not reaches_target(scores(right(80, 104), rows_a_group=4), 0.7, "grounding").stop
    assert reaches_target(scores(right(80, 104)), 0.69, "grounding").stop


def test_a_share_is_decided_on_its_mean_s_interval():
    values = [0.9 + 0.001 * (n % 50) for n in range(200)]
    assert reaches_target(scores(values, "overlap"), 0.9, "overlap").stop
    assert not reaches_target(scores(values, "overlap"), 0.924, "overlap").stop


def test_too_few_rows_for_a_mean_without_bounds_stop_nothing():
    found = reaches_target(scores([2.0 - n / 1000 for n in range(99)], "overlap"), 0.1, "overlap")
    assert not found.stop
    assert "not settled" in found.reason


def test_where_less_is_better_the_upper_limit_decides():
    values = [0.1 + 0.001 * (n % 50) for n in range(200)]
    assert reaches_target(scores(values, "repetition"), 0.15, "repetition").stop
    assert not reaches_target(scores(values, "repetition"), 0.125, "repetition").stop


def test_a_metric_that_measures_nothing_stops_nothing():
    assert not reaches_target(scores([None, None]), 0.0, "grounding").stop
    assert not reaches_target([], 0.0, "grounding").stop


@given(st.integers(20, 60), st.data())
def test_a_higher_target_is_never_easier(of, data):
    values = scores(right(data.draw(st.integers(0, of)), of))
    low, high = sorted(data.draw(st.lists(st.floats(0, 1), min_size=2, max_size=2)))
    if reaches_target(values, high, "grounding").stop:
        assert reaches_target(values, low, "grounding").stop


def test_no_target_is_reached_because_a_judge_was_silent():
    values = [0.9 + 0.001 * (n % 50) for n in range(200)]
    silent = [
        Score(row_id=f"m{n}", group_id=f"m{n}", values={"rubric": None},
              evidence={"rubric": "missing: refused: HTTP 400"})
        for n in range(30)
    ]  # fmt: skip
    told = scores(values, "rubric")
    assert reaches_target(told, 0.9, "rubric").stop
    found = reaches_target([*told, *silent], 0.9, "rubric")
    assert not found.stop and "not if the 30 missing verdicts of the judge were bad" in found.reason
    assert reaches_target([*told, *silent], 0.7, "rubric").stop
