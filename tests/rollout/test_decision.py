"""What follows from what was seen."""

import datetime

import pytest
from pydantic import ValidationError

from tunesmith.rollout.decision import Evidence, Position, decide, weight
from tunesmith.rollout.params import GUARDRAILS, RolloutParams
from tunesmith.rollout.readings import Reading

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=30)
PARAMS = RolloutParams(unsettled="ask")


def reading(name="task completion", worse=False, sure=True):
    return Reading(name, 0.0, -0.1, 0.1, 0.8, 0.8, 1000, 200, worse, sure)


def evidence(*readings, **more):
    found = {"in_stage": 10_000, "spent": 10_000, "paired": 1000, **more}
    return Evidence(readings=readings or (reading(),), **found)


def at(stage, **more):
    return Position(PARAMS.stages.index(stage), more.pop("entered", LONG_AGO), **more)


@pytest.mark.parametrize(
    ("stage", "kind", "why"),
    [
        ("shadow", "advance", "to 5 %: no guardrail is worse"),
        (5, "advance", "to 10 %: no guardrail is worse"),
        (10, "advance", "to 25 %: every guardrail is shown not to be worse"),
        (50, "advance", "to 100 %: every guardrail"),
        (100, "advance", "to bake"),
        ("bake", "finish", "every stage is passed"),
    ],
)
def test_a_good_candidate_goes_from_stage_to_stage(stage, kind, why):
    move = decide(PARAMS, at(stage), evidence(), NOW)
    assert move.kind == kind
    assert why in move.why


@pytest.mark.parametrize("stage", ["shadow", 5, 50, 100, "bake"])
@pytest.mark.parametrize("status", ["running", "held", "asking"])
def test_one_guardrail_that_is_worse_rolls_back_anywhere(stage, status):
    seen = evidence(reading(), reading("refusals", worse=True, sure=False), in_stage=0)
    move = decide(PARAMS, at(stage, status=status, entered=NOW), seen, NOW)
    assert (move.kind, move.why) == ("roll_back", "credibly worse: refusals")


def test_the_breaker_does_not_wait_for_statistics():
    move = decide(PARAMS, at(5, entered=NOW), Evidence(tripped="12 of 20 failed"), NOW)
    assert (move.kind, move.why) == ("roll_back", "12 of 20 failed")


def test_uneven_sides_hold_and_do_not_advance():
    move = decide(PARAMS, at(5), evidence(ratio="users do not fall evenly"), NOW)
    assert (move.kind, move.why) == ("hold", "users do not fall evenly")


@pytest.mark.parametrize("status", ["rolled_back", "done"])
def test_what_has_ended_stays(status):
    seen = evidence(reading(worse=True), tripped="all failed")
    assert decide(PARAMS, at(5, status=status), seen, NOW).kind == "stay"


@pytest.mark.parametrize(
    ("stage", "hours"), [(5, 48), (10, 24), (25, 24), (100, 24), ("bake", 14 * 24)]
)
def test_each_stage_takes_its_time(stage, hours):
    for short, kind in ((0.1, "stay"), (0.0, {"bake": "finish"}.get(stage, "advance"))):
        entered = NOW - datetime.timedelta(hours=hours - short)
        assert decide(PARAMS, at(stage, entered=entered), evidence(), NOW).kind == kind


@pytest.mark.parametrize(
    ("stage", "seen", "missing"),
    [(5, {"in_stage": 499}, "1 more requests are needed at 5 %"),
     ("shadow", {"paired": 150}, "50 more prompts")],
)  # fmt: skip
def test_each_stage_takes_its_requests(stage, seen, missing):
    move = decide(PARAMS, at(stage), evidence(**seen), NOW)
    assert move.kind == "stay"
    assert missing in move.why


def test_what_is_not_settled_waits_for_the_budget_and_then_for_the_recipe():
    open_ = reading(sure=False)
    assert decide(PARAMS, at(5), evidence(open_), NOW).kind == "advance"
    move = decide(PARAMS, at(10), evidence(open_), NOW)
    assert (move.kind, move.why) == ("stay", "not settled whether not worse: task completion")
    spent = evidence(open_, spent=PARAMS.budget)
    for action in ("hold", "roll_back", "ask"):
        params = PARAMS.model_copy(update={"unsettled": action})
        move = decide(params, at(10), spent, NOW)
        assert move.kind == action
        assert "30,000 requests are spent of 30,000" in move.why


def nothing(due, name="user rating"):
    unknown = float("nan")
    return Reading(name, unknown, float("-inf"), float("inf"), unknown, unknown, 0, 0, False,
                   False, due)  # fmt: skip


def test_no_data_is_neither_a_pass_nor_a_fail():
    few, enough = nothing(PARAMS.minimum_requests - 1), nothing(PARAMS.minimum_requests)
    assert decide(PARAMS, at(10), evidence(reading(), few), NOW).kind == "stay"
    for action, kind in (("hold", "hold"), ("ask", "ask"), ("roll_back", "ask")):
        params = PARAMS.model_copy(update={"unsettled": action})
        for silent in (few, enough):
            spent = evidence(reading(), silent, spent=PARAMS.budget)
            assert decide(params, at(10), spent, NOW).kind == kind


def test_what_nobody_tells_is_asked_about_before_the_budget_is_spent():
    silent = nothing(PARAMS.minimum_requests)
    move = decide(PARAMS, at(10), evidence(reading(), silent), NOW)
    assert move.kind == "ask"
    assert "nothing is known of user rating, though 500 requests are due" in move.why
    assert "rollout: {guardrails: {user rating: null}}" in move.why
    # One question at a time: what is still being measured is waited for.
    both = evidence(reading(sure=False), silent)
    move = decide(PARAMS, at(10), both, NOW)
    assert move.kind == "stay"
    assert "not settled whether not worse: task completion; nothing is known of" in move.why
    # What was measured and is not settled may still roll back.
    params = PARAMS.model_copy(update={"unsettled": "roll_back"})
    spent = evidence(reading(sure=False), silent, spent=PARAMS.budget)
    assert decide(params, at(10), spent, NOW).kind == "roll_back"


@pytest.mark.parametrize(
    ("position", "buckets"),
    [(at("shadow"), 0), (at(5), 500), (at(25), 2500), (at("bake"), 10_000),
     (at(25, status="held"), 2500), (at(25, status="rolled_back"), 0),
     (at("bake", status="done"), 10_000)],
)  # fmt: skip
def test_the_weight_is_that_of_the_stage(position, buckets):
    assert weight(PARAMS, position) == buckets


@pytest.mark.parametrize(
    "stages",
    [(5, 10), (10, 5, 100), (5, 5, 100), (5, "shadow", 100), ("bake", 5, 100), (100, "shadow"),
     ("shadow",), (0, 100), (5, 100, "bake", "bake"), (25, 100), ("shadow", 50, 100), (100,)],
)  # fmt: skip
def test_stages_that_lead_nowhere_are_refused(stages):
    with pytest.raises(ValidationError):
        RolloutParams(stages=stages)


def test_given_guardrails_join_the_default_ones():
    closed = {"value": "ticket_closed", "better": "higher", "margin": 0.05, "window_hours": 72}
    params = RolloutParams.model_validate(
        {"guardrails": {"closed": closed, "errors": {"margin": 0.01}, "user rating": None}}
    )
    assert set(params.guardrails) == set(GUARDRAILS) - {"user rating"} | {"closed"}
    assert params.guardrails["errors"] == GUARDRAILS["errors"].model_copy(update={"margin": 0.01})
    # As the ledger keeps them and reads them again.
    assert RolloutParams.model_validate(params.model_dump(mode="json")) == params


@pytest.mark.parametrize(
    ("guardrails", "told"),
    [
        ({"user ratings": None}, "null leaves out a default guardrail, and user ratings is none"),
        ({"x": {"value": "closed", "better": "higher", "margin": 1}}, "expected window_hours"),
        ({"x": {"value": "seconds", "better": "higher", "margin": 1, "quantile": 0.9}},
         "expected better: lower"),
        (dict.fromkeys(GUARDRAILS), "at least 1"),
    ],
)  # fmt: skip
def test_guardrails_that_guard_nothing_are_refused(guardrails, told):
    with pytest.raises(ValidationError, match=told):
        RolloutParams.model_validate({"guardrails": guardrails})
