"""What a rollout will take, told before it begins."""

import math

import pytest

from tunesmith.rollout.params import RolloutParams
from tunesmith.rollout.plan import Traffic, plan

PARAMS = RolloutParams()
BUSY = Traffic(requests=5000)


def planned(traffic=BUSY, **changed):
    params = PARAMS.model_copy(update=changed)
    return {item.stage: item for item in plan(params, traffic, margin=0.05)}


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
