"""The funnel, and when it stops a run."""

import pytest

from tunesmith.artifacts import Examples
from tunesmith.data.funnel import Step, examine, funnel
from tunesmith.errors import Unready


def steps(rows, **dropped_by_stage):
    made = []
    for stage, dropped in dropped_by_stage.items():
        left = rows - sum(dropped.values())
        made.append(Step(stage, rows, left, dropped))
        rows = left
    return made


def look(made, accept=(), minimum_rows=1):
    refs = {
        step.stage: Examples(digest=step.stage.ljust(64, "0"), rows=step.kept, dropped=0)
        for step in made
    }
    examine(made, refs, 0.2, 0.4, minimum_rows, accept)


def test_it_follows_the_rows_from_stage_to_stage():
    counts = {"ingest": {"kept": 9, "dropped": {"bad_json": 1}}, "score": {"kept": 7, "dropped": {"length": 2}}}  # fmt: skip
    assert funnel(counts) == steps(10, ingest={"bad_json": 1}, score={"length": 2})


def test_tokens_are_followed_back_from_where_rows_ended():
    counts = {"ingest": {"kept": 9, "dropped": {"bad_json": 1}}, "score": {"kept": 7, "dropped": {"length": 2}}}  # fmt: skip
    tokens = {"kept": {"train": 60, "test": 10}, "dropped": {"ingest": {"bad_json": 0}, "score": {"length": 30}}}  # fmt: skip
    first, last = funnel(counts, tokens)
    assert (first.tokens_in, first.tokens_kept, first.tokens_dropped) == (100, 100, {"bad_json": 0})
    assert (last.tokens_in, last.tokens_kept, last.tokens_dropped) == (100, 70, {"length": 30})
    assert funnel(counts)[0].tokens_in is None


@pytest.mark.parametrize(
    "made",
    [
        steps(100, ingest={}),
        steps(100, ingest={"bad_json": 20}),  # just at the limit of one check
        steps(100, ingest={"a": 20}, score={"b": 20}),  # just at the limit of all together
        steps(100, ingest={"a": 10}, score={"b": 10, "c": 10}, dedup={"d": 10}),
    ],
)
def test_within_the_limits_it_goes_on(made):
    look(made)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (steps(100, ingest={"bad_json": 21}), "bad_json dropped more than 20%"),
        (steps(100, ingest={"a": 1}, score={"b": 21, "c": 25}), "b, c dropped more than 20%"),
        (steps(100, ingest={"a": 20}, score={"b": 11, "c": 10}), "41% of the rows were dropped"),
        # The share is of all rows, not of those that reached the check.
        (steps(100, ingest={"a": 19}, score={"b": 19}, dedup={"c": 3}), "41% of the rows"),
    ],
)
def test_beyond_them_somebody_must_look(made, says):
    with pytest.raises(Unready) as raised:
        look(made)
    assert says in str(raised.value)
    assert "tunesmith show" in str(raised.value)
    over = [name for name in "abc" if f"{name}," in says or f"{name} dropped" in says]
    assert all(f" --accept-drops {name}" in str(raised.value) for name in over)
    for step in made:
        for reason, count in step.dropped.items():
            assert f"{count:>7,} {count / 100:>6.1%}  {step.stage}: {reason}" in str(raised.value)


def test_the_hint_names_the_artifact_where_the_worst_reason_was_dropped():
    with pytest.raises(Unready, match="tunesmith show score0000000 --dropped b"):
        look(steps(100, ingest={"a": 10}, score={"b": 30}, dedup={"c": 5}))
    with pytest.raises(Unready, match="tunesmith show dedup0000000 --dropped c"):
        look(steps(100, ingest={"a": 12}, score={"b": 14}, dedup={"c": 15}))


def test_reasons_that_were_looked_at_no_longer_stop_it():
    made = steps(100, ingest={"a": 30}, score={"b": 30})
    look(made, accept=("a", "b"))
    look(made, accept=("all",))
    with pytest.raises(Unready, match="^b dropped"):
        look(made, accept=("a",))
    look(steps(100, ingest={"a": 30}, score={"b": 20}), accept=("a",))


def test_it_says_what_to_paste_beside_what_was_accepted_before():
    with pytest.raises(Unready) as raised:
        look(steps(1000, ingest={"a": 300, "c": 1}, score={"b": 250}), accept=("a",))
    told = str(raised.value)
    assert told.startswith("b dropped") and "run again with --accept-drops b," in told
    assert "\n  drops: {accept: [a, b]}\n" in told and "<0.1%" not in told
    with pytest.raises(Unready) as raised:
        look(steps(100, ingest={}), minimum_rows=101)
    assert str(raised.value).endswith("100 left.\nNothing was dropped: add data.")


def test_too_few_rows_are_never_accepted():
    made = steps(150, ingest={"a": 25}, score={"b": 26})
    with pytest.raises(Unready) as raised:
        look(made, accept=("all",), minimum_rows=100)
    assert "only 99 rows are left" in str(raised.value)
    assert "score: b" in str(raised.value)
    look(steps(150, ingest={"a": 25}, score={"b": 25}), minimum_rows=100)


def test_nothing_left_of_nothing_is_told_without_a_division():
    with pytest.raises(Unready, match="no row is left"):
        look(steps(0, ingest={}))
    with pytest.raises(Unready, match="no row is left"):
        look(steps(3, ingest={"a": 3}, score={}))
