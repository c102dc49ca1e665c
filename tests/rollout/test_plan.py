"""What a rollout will take, told before it begins."""

import math

import pytest

from tunesmith.rollout.params import Guardrail, RolloutParams
from tunesmith.rollout.plan import POWER, Traffic, budget, plan

PARAMS = RolloutParams()
BUSY = Traffic(requests=5000)
RATE = Guardrail(value="task_completed", better="higher", margin=0.05)
LATE = RATE.model_copy(update={"window_hours": 24.0})


def planned(traffic=BUSY, guardrail=RATE, **changed):
    params = PARAMS.model_copy(update={"guardrails": {"it": guardrail}} | changed)
    return {item.stage: item for item in plan(params, traffic, guardrail)}


def settled(traffic=BUSY, guardrail=RATE, **changed):
    params = PARAMS.model_copy(update={"guardrails": {"it": guardrail}} | changed)
    return budget(params, traffic, guardrail)


def test_every_stage_is_told_in_order():
    assert tuple(planned()) == PARAMS.stages
    assert planned()["bake"].days == 14
    assert planned()["shadow"].days == pytest.approx(200 / 5000)


def test_a_stage_takes_its_hours_and_its_requests():
    stages = planned()
    assert stages[5].days == 2.0
    assert stages[5].treated == pytest.approx(500)
    quiet = planned(Traffic(requests=500))
    assert quiet[5].days == pytest.approx(500 / (500 * 0.05))
    assert quiet[25].days == pytest.approx(500 / (500 * 0.25))


def test_before_a_quarter_of_the_users_it_waits_until_an_equal_candidate_is_shown():
    quiet = Traffic(requests=2000)
    stages = planned(quiet, minimum_requests=100)
    assert stages[10].days > PARAMS.hours / 24
    assert stages[10].sure == pytest.approx(0.5, abs=0.01)
    assert stages[5].requests + stages[10].requests < PARAMS.budget
    strict = planned(quiet, minimum_requests=100, budget=7_000)
    assert strict[5].requests + strict[10].requests == pytest.approx(7_000)
    assert strict[10].sure < 0.5


def test_where_the_first_stage_needs_to_be_sure_it_waits_there():
    quiet = Traffic(requests=1000)
    stages = planned(quiet, minimum_requests=100, stages=(30, 50, 100))
    assert stages[30].sure == pytest.approx(0.5, abs=0.01)
    assert settled(quiet, stages=(100,)) is None


def test_feedback_that_comes_late_is_waited_for():
    quiet = Traffic(requests=2000)
    at_once, late = (planned(quiet, of, minimum_requests=100) for of in (RATE, LATE))
    assert late[10].days == pytest.approx(at_once[10].days + 1.0)
    assert late[10].sure == pytest.approx(0.5, abs=0.01)
    assert late[5].seen > at_once[5].seen
    assert math.isinf(planned(BUSY, LATE.model_copy(update={"window_hours": 72.0}))[5].seen)


def test_the_budget_settles_a_margin_or_says_what_would():
    ample, tight = settled(budget=200_000), settled(budget=12_000)
    assert ample.chance > 0.99 > POWER > tight.chance
    assert ample.margin < RATE.margin < tight.margin
    assert ample.needed == pytest.approx(tight.needed)
    assert tight.needed > 12_000
    assert settled(budget=round(tight.needed)).chance == pytest.approx(POWER, abs=0.01)
    wider = RATE.model_copy(update={"margin": tight.margin})
    assert settled(guardrail=wider, budget=12_000).chance == pytest.approx(POWER, abs=0.01)
    assert settled(Traffic(requests=0)) is None


def test_the_budget_counts_requests_whose_feedback_is_due():
    at_once, late = settled(budget=12_000), settled(guardrail=LATE, budget=12_000)
    assert (late.chance, late.needed) == pytest.approx((at_once.chance, at_once.needed))
    both = {"it": RATE, "slower": LATE}
    longer = settled(budget=12_000, guardrails=both)
    assert longer.chance == pytest.approx(settled(budget=17_000).chance)
    strict = {"guardrail": LATE, "minimum_requests": 100, "budget": 7_000}
    stages = planned(Traffic(requests=2000), **strict)
    assert stages[5].requests + stages[10].requests == pytest.approx(7_000 + 2_000)


def test_more_is_seen_stage_by_stage_and_with_more_traffic():
    seen = [planned()[stage].seen for stage in (5, 10, 25, 50)]
    assert seen == sorted(seen, reverse=True)
    assert planned(Traffic(requests=50_000))[50].seen < seen[-1]


def test_users_who_come_often_tell_less():
    alike = planned(Traffic(requests=5000, correlation=0.8))
    assert alike[5].seen > planned()[5].seen


def test_without_traffic_nothing_ever_ends():
    stages = planned(Traffic(requests=0))
    assert math.isinf(stages["shadow"].days)
    assert math.isinf(stages[5].days)
    assert (stages[50].seen, stages[50].sure) == (math.inf, 0.0)
