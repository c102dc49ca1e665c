"""From interactions and feedback to what the guardrails read."""

import datetime
from dataclasses import replace

import pytest
from sqlalchemy import insert

from tunesmith.database.session import session
from tunesmith.database.tables import Feedback
from tunesmith.database.tables import Interaction as Row
from tunesmith.rollout.assignment import assign
from tunesmith.rollout.evidence import collect
from tunesmith.rollout.ledger import Version, move, start
from tunesmith.rollout.params import GUARDRAILS, Guardrail, RolloutParams

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
NAMES = ("task completion", "errors", "refusals", "response length", "cost per request")
PARAMS = RolloutParams(
    stages=("shadow", 10, 50, 100),
    guardrails={name: each if name in NAMES else None for name, each in GUARDRAILS.items()},
)


@pytest.fixture
def rollout(database):
    made = start(
        database, "tiny", Version(version="3", model="m-3"), Version(version="4", model="m-4"),
        PARAMS, "ann", NOW,
    )  # fmt: skip
    return move(database, made, "advance", "ann", "", NOW)


def interactions(rollout, count=4000, per_user=2, hours=20.0, **changed):
    """Requests at 10 %, evenly over some hours; `changed` gives a field by number and side."""
    made = []
    for number in range(count):
        unit = f"u{number // per_user}"
        side = assign(rollout.salt, 1000, unit).variant
        at = NOW + datetime.timedelta(hours=hours * number / count)
        fields = {
            "id": f"i{number}", "at": int(at.timestamp() * 1000), "recipe": "tiny",
            "rollout": rollout.id, "stage": 1, "assigned": side, "served": side, "model": "m",
            "unit": unit, "key": "", "streamed": False, "ending": "answered", "status": 200,
            "treatment_ending": None, "attempts": 1, "seconds": 1.0, "prompt_tokens": 10,
            "completion_tokens": 20, "length": 100, "refusal": False, "finish_reason": "stop",
        }  # fmt: skip
        made.append(fields | {name: of(number, side) for name, of in changed.items()})
    return made


def put(database, rows, feedback=()):
    said = [
        {"id": f"f{at:05}", "interaction": name, "at": when, "outcomes": outcomes}
        for at, (name, when, outcomes) in enumerate(feedback)
    ]
    with session(database) as opened:
        for table, values in ((Row, rows), (Feedback, said)):
            if values:
                opened.execute(insert(table), values)


def by_name(evidence):
    return {reading.name: reading for reading in evidence.readings}


def test_alike_sides_are_sure_and_counted(database, rollout):
    rows = interactions(rollout)
    put(database, rows)
    found = collect(database, rollout, NOW + 45 * HOUR)
    treated = sum(row["assigned"] == "treatment" for row in rows)
    assert (found.in_stage, found.spent) == (treated, 4000)
    assert (found.ratio, found.tripped) == ("", "")
    readings = by_name(found)
    for name in ("errors", "refusals", "response length", "cost per request"):
        assert (readings[name].worse, readings[name].sure) == (False, True)
        assert readings[name].requests == treated
    assert not readings["task completion"].known


def test_only_what_was_seen_by_then_counts(database, rollout):
    put(database, interactions(rollout))
    # A request is spent when its feedback is due, a day after it came.
    assert collect(database, rollout, NOW + 21 * HOUR).spent == 0
    assert collect(database, rollout, NOW + 29 * HOUR).spent == pytest.approx(1000, abs=2)
    later = move(database, rollout, "advance", "ann", "", NOW + 10 * HOUR)
    found = collect(database, later, NOW + 45 * HOUR)
    assert found.in_stage == pytest.approx(200, abs=60)
    assert found.spent == 4000


def test_a_failure_that_control_covered_up_is_the_treatments(database, rollout):
    put(database, interactions(
        rollout,
        treatment_ending=lambda n, side: "cut" if side == "treatment" and n % 5 == 0 else None,
        served=lambda n, side: "control" if n % 5 == 0 else side,
    ))  # fmt: skip
    found = by_name(collect(database, rollout, NOW + 21 * HOUR))
    assert found["errors"].worse
    assert found["errors"].estimate == pytest.approx(0.2, abs=0.05)
    assert not found["response length"].worse


def test_a_clients_mistake_is_nobodys_error(database, rollout):
    put(database, interactions(
        rollout, ending=lambda n, side: "client_error" if side == "treatment" else "answered"
    ))  # fmt: skip
    assert not by_name(collect(database, rollout, NOW + 21 * HOUR))["errors"].known


@pytest.mark.parametrize(("seconds", "first", "worse"),
                         [(30.0, None, True), (2.0, None, False), (30.0, 0.5, False)])  # fmt: skip
def test_who_leaves_after_waiting_long_for_a_word_was_failed(
    database, rollout, seconds, first, worse
):
    def gone(number, side):
        return side == "treatment" and number % 5 == 0

    put(database, interactions(
        rollout,
        ending=lambda n, side: "client_gone" if gone(n, side) else "answered",
        seconds=lambda n, side: seconds if gone(n, side) else 1.0,
        first_token_seconds=lambda n, side: first if gone(n, side) else 0.2,
    ))  # fmt: skip
    assert by_name(collect(database, rollout, NOW + 21 * HOUR))["errors"].worse == worse


def test_requests_that_say_nothing_of_the_treatment_do_not_pass_a_stage(database, rollout):
    rows = interactions(
        rollout, ending=lambda n, side: "client_gone" if side == "treatment" else "answered"
    )
    put(database, rows)
    assert collect(database, rollout, NOW + 21 * HOUR).in_stage == 0


def test_what_control_answered_while_the_lease_was_over_is_no_evidence(database, rollout):
    rows = interactions(rollout, served=lambda n, side: "control")
    put(database, rows, [(row["id"], row["at"], {"task_completed": True}) for row in rows])
    found = collect(database, rollout, NOW + 45 * HOUR)
    assert (found.in_stage, found.ratio) == (0, "")
    assert [reading.name for reading in found.readings if reading.requests] == []


def test_feedback_counts_when_its_window_is_over_and_the_last_word_wins(database, rollout):
    rows = interactions(rollout)
    said = []
    for row in rows:
        bad = row["assigned"] == "treatment" and row["id"].endswith(("1", "3", "5"))
        said.append((row["id"], row["at"] + 1000, {"task_completed": True}))
        if bad:
            said.append((row["id"], row["at"] + 2000, {"task_completed": False}))
    put(database, rows, said)
    early = by_name(collect(database, rollout, NOW + 23 * HOUR))
    assert not early["task completion"].known
    late = by_name(collect(database, rollout, NOW + 45 * HOUR))["task completion"]
    assert late.worse
    assert late.estimate == pytest.approx(-0.3, abs=0.05)


def test_a_window_begins_with_the_end_of_the_answer(database, rollout):
    """An answer may take longer than what it is asked of, as in a demonstration."""
    quick = Guardrail(value="ticket_closed", better="higher", margin=0.05, window_hours=0.001)
    rows = interactions(rollout, seconds=lambda number, side: 60.0)
    said = [(row["id"], row["at"] + 63_000, {"ticket_closed": True}) for row in rows]
    put(database, rows, said)
    params = PARAMS.model_copy(update={"guardrails": {"closed": quick}})
    ended = NOW + 21 * HOUR
    (reading,) = collect(database, replace(rollout, params=params), ended).readings
    assert reading.requests > 300
    last = max(row["at"] for row in rows if row["assigned"] == "treatment")
    before = datetime.datetime.fromtimestamp(last / 1000 + 63, datetime.UTC)
    (earlier,) = collect(database, replace(rollout, params=params), before).readings
    assert earlier.due < reading.due


def test_silence_counts_where_the_recipe_says_what_it_means(database, rollout):
    closed = Guardrail(value="ticket_closed", better="higher", margin=0.05, absent=0.0,
                       window_hours=1)  # fmt: skip
    params = PARAMS.model_copy(update={"guardrails": {"closed": closed}})
    rows = interactions(rollout)
    said = [(row["id"], row["at"], {"ticket_closed": True}) for row in rows
            if row["assigned"] == "control"]  # fmt: skip
    put(database, rows, said)
    (reading,) = collect(database, replace(rollout, params=params), NOW + 21 * HOUR).readings
    assert (reading.worse, reading.estimate) == (True, -1.0)


def test_uneven_sides_are_told_with_their_numbers(database, rollout):
    rows = interactions(rollout)
    lost = [row for row in rows if row["assigned"] == "control" or row["unit"][-1] in "01234"]
    put(database, lost)
    found = collect(database, rollout, NOW + 21 * HOUR).ratio
    assert "users do not fall to the two sides as they should" in found
    assert "at 10%" in found


def test_the_breaker_looks_at_the_last_requests_of_the_treatment(database, rollout):
    put(database, interactions(
        rollout, count=400,
        ending=lambda n, side: "refused" if side == "treatment" and n > 100 else "answered",
    ))  # fmt: skip
    assert collect(database, rollout, NOW + 4 * HOUR).tripped == ""
    found = collect(database, rollout, NOW + 21 * HOUR)
    assert found.tripped == "20 of the treatment's last 20 requests failed"


def test_what_users_met_counts_also_before_it_was_loaded(database, rollout):
    rows = interactions(rollout, treatment_ending=(
        lambda n, side: "refused" if side == "treatment" and n < 2000 else None
    ))  # fmt: skip
    put(database, rows)
    found = collect(database, rollout, NOW + 21 * HOUR)
    assert by_name(found)["errors"].worse
    assert found.in_stage == by_name(found)["errors"].requests


def test_the_breaker_leaves_out_what_says_nothing_of_the_model(database, rollout):
    ends = ["refused", "client_error", "client_gone", "client_error"]
    put(database, interactions(
        rollout, ending=lambda n, side: ends[n % 4] if side == "treatment" else "answered",
        per_user=1,
    ))  # fmt: skip
    found = collect(database, rollout, NOW + 21 * HOUR)
    assert found.tripped == "20 of the treatment's last 20 requests failed"


def test_users_who_were_seen_in_shadow_count_when_they_are_first_assigned(database, rollout):
    rows = interactions(rollout)
    lost = [row for row in rows if row["assigned"] == "control" or row["unit"][-1] in "01234"]
    before = [
        row | {"id": f"b{row['id']}", "stage": 0, "assigned": "control", "at": row["at"] - 10**9}
        for row in rows
    ]
    put(database, before + lost)
    assert "as they should" in collect(database, rollout, NOW + 21 * HOUR).ratio


@pytest.mark.parametrize(("kind", "anew"), [("hold", True), ("ask", True), (None, False)])
def test_what_a_person_has_looked_at_begins_anew(database, rollout, kind, anew):
    rows = interactions(rollout)
    uneven = [row for number, row in enumerate(rows)
              if number > 2000 or row["assigned"] == "control"]  # fmt: skip
    put(database, uneven)
    at = NOW + 10 * HOUR + datetime.timedelta(minutes=1)
    if kind:
        rollout = move(database, rollout, kind, "tick", "", at)
        assert "as they should" in collect(database, rollout, NOW + 10 * HOUR).ratio
        rollout = move(database, rollout, "resume", "ann", "mended", at)
    found = collect(database, rollout, NOW + 45 * HOUR)
    assert bool(found.ratio) is not anew
    assert found.spent == (pytest.approx(1997, abs=3) if anew else len(uneven))


def test_what_is_due_and_has_no_value_is_counted(database, rollout):
    rows = interactions(rollout)
    put(database, rows, [(rows[0]["id"], rows[0]["at"] + 1, {"other": True})])
    found = by_name(collect(database, rollout, NOW + 34 * HOUR))["task completion"]
    due = sum(row["assigned"] == "treatment" for row in rows[:2001])
    assert (found.requests, found.due) == (0, due)


def test_nothing_yet_is_nothing(database, rollout):
    found = collect(database, rollout, NOW)
    assert (found.in_stage, found.spent, found.ratio, found.tripped) == (0, 0, "", "")
    assert not any(reading.known or reading.worse or reading.sure for reading in found.readings)


def test_somebody_without_an_id_and_other_rollouts_are_no_part_of_it(database, rollout):
    nameless = interactions(rollout, unit=lambda n, side: "")
    put(database, [*nameless, nameless[0] | {"id": "s", "shadow_of": nameless[0]["id"]}])
    others = [row | {"id": f"o{row['id']}", "rollout": "other"} for row in interactions(rollout)]
    put(database, others)
    assert collect(database, rollout, NOW + 21 * HOUR).spent == 0
    found = collect(database, rollout, NOW + 10 * HOUR)
    assert (found.in_stage, found.nameless) == (0, 2001)
