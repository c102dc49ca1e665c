"""A rollout as it was: looks at points in time, and how many were asked."""

import datetime
import math
from dataclasses import replace

import pytest

from tests.made_story import BEGUN, HOUR, PARAMS, begun, moved, put, reading, seen
from tunesmith.database.session import session
from tunesmith.database.tables import Feedback, Interaction
from tunesmith.rollout import past
from tunesmith.rollout.evidence import collect
from tunesmith.rollout.ledger import history
from tunesmith.rollouts import as_document

ROW = {
    "recipe": "mail", "stage": 1, "assigned": "treatment", "model": "m", "unit": "u1", "key": "",
    "streamed": False, "ending": "answered", "status": 200, "attempts": 1, "seconds": 1.0,
    "length": 100, "refusal": False, "finish_reason": "stop", "shadow_of": "",
}  # fmt: skip


@pytest.fixture
def live(database):
    """At 10 % for ten hours, after two in shadow."""
    rollout = moved(database, begun(database), "advance", 2)
    put(database, rollout, (2, 12))
    return rollout


def looks(database, rollout, hours):
    entries = history(database, rollout.id)
    return past.looks(database, rollout, entries, BEGUN + hours * HOUR)


def test_looks_begin_with_the_first_treated_user_and_end_now(database, live):
    found = looks(database, live, 12)
    assert len(found) == past.POINTS
    assert found[0].at == BEGUN + 2.5 * HOUR
    assert found[-1].at == BEGUN + 12 * HOUR
    counts = [look.readings[0].requests for look in found]
    assert counts == sorted(counts)
    assert counts[0] < counts[9] < counts[-1]


def test_a_look_is_what_a_tick_then_saw(database):
    """Of feedback, too: what was said by then counts once its window is over."""
    rated = {"user rating": PARAMS.guardrails["errors"].model_copy(
        update={"value": "rating", "window_hours": 3.0}
    )}  # fmt: skip
    params = PARAMS.model_copy(update={"guardrails": PARAMS.guardrails | rated})
    live = moved(database, begun(database, params=params), "advance", 2)
    put(database, live, (2, 12))
    with session(database) as opened:
        for number in range(400):
            at = BEGUN + HOUR * (2 + 10 * number / 400)
            for after in (1, 2, 5):
                opened.add(Feedback(
                    id=f"{number}-{after}", interaction=f"{live.id}-1-{number}",
                    at=int((at + after * HOUR).timestamp() * 1000), outcomes={"rating": after / 5},
                ))  # fmt: skip
    found = looks(database, live, 14)
    assert found[-1].readings[-1].control == pytest.approx(0.4)
    for look in found:
        assert repr(look.readings) == repr(collect(database, live, look.at).readings)


def test_what_the_ledger_holds_is_not_read_again(database, live):
    kept = seen(0.05, worse=True)
    ended = moved(database, live, "roll_back", 6, kept)
    found = looks(database, ended, 50)
    assert found[-1] == past.Look(BEGUN + 6 * HOUR, kept.readings)
    assert [look.at for look in found].count(found[-1].at) == 1
    assert len(found) == past.POINTS


def test_after_100_percent_only_late_feedback_is_news(database):
    rated = {"user rating": PARAMS.guardrails["errors"].model_copy(
        update={"value": "rating", "window_hours": 24.0}
    )}  # fmt: skip
    params = PARAMS.model_copy(update={"guardrails": PARAMS.guardrails | rated})
    rollout = begun(database, params=params)
    for hours in (2, 30, 60):
        rollout = moved(database, rollout, "advance", hours)
    assert looks(database, rollout, 70)[-1].at == BEGUN + 70 * HOUR
    rollout = moved(database, rollout, "advance", 200, seen(0.0))
    assert looks(database, rollout, 1_000)[-1].at == BEGUN + 84 * HOUR


def test_in_shadow_nobody_was_treated_and_nothing_is_looked_at(database):
    assert looks(database, begun(database), 5) == []


def test_readings_come_back_from_the_ledger_as_they_were(database, live):
    wide = reading("errors", 0.01, math.inf)
    nothing = reading("response length", math.nan, math.nan)
    document = as_document(replace(seen(0.0), readings=[wide, nothing]))
    document["readings"][0]["of another version"] = 1
    first, second = past.readings_of(document)
    assert first == wide
    assert math.isnan(second.estimate)
    assert (second.low, second.high, second.known) == (-math.inf, math.inf, False)
    assert past.readings_of({}) == []


def test_requests_are_counted_by_stage_and_assigned_side(database_url):
    live = moved(database_url, begun(database_url), "advance", 2)
    put(database_url, live, (2, 12))
    further = moved(database_url, live, "advance", 12)
    put(database_url, further, (12, 14), count=100)
    with session(database_url) as opened:
        one = opened.get_one(Interaction, f"{live.id}-1-0")
        fields = {column.key: getattr(one, column.key) for column in Interaction.__table__.columns}
        opened.add(Interaction(**fields | {"id": "nameless", "unit": ""}))
        opened.add(Interaction(**fields | {"id": "shadow", "shadow_of": one.id}))
    found = {(item.stage, item.treated): item for item in past.asked(database_url, live)}
    assert set(found) == {(1, False), (1, True), (2, False), (2, True)}
    assert found[1, False].requests + found[1, True].requests == 400
    assert found[1, False].units + found[1, True].units == 200
    assert found[1, True].covered > 0 == found[1, False].covered
    assert found[2, True].requests == pytest.approx(50, abs=20)


def test_the_newest_request_is_known(database, live):
    assert past.newest(database, live) == BEGUN + HOUR * (2 + 10 * 399 / 400)
    assert past.newest(database, begun(database, "other")) is None


def test_how_long_it_was_asked_after_its_rollback_is_measured(database, live):
    def after():
        return past.treated_after(database, live, history(database, live.id))

    assert after() is None
    moved(database, live, "roll_back", 12)
    assert after() == 0
    rows = [
        {"served": "control"},
        {"served": "control", "treatment_ending": "refused"},  # asked, and covered by control
        {"served": "treatment", "shadow_of": "another"},
        {"served": "treatment", "rollout": "another"},
    ]
    with session(database) as opened:
        for number, changed in enumerate(rows, 1):
            at = BEGUN + 12 * HOUR + datetime.timedelta(seconds=0.25 * number)
            opened.add(Interaction(**ROW | {"id": f"late-{number}", "rollout": live.id,
                                            "at": int(at.timestamp() * 1000)} | changed))  # fmt: skip
    assert after() == 0.5
