"""What pairs of answers show before any user meets the candidate."""

import json

import numpy as np
import pytest

from tests.rollout.test_evidence import HOUR, NOW, PARAMS, put
from tests.rollout.test_evidence import interactions as live_interactions
from tunesmith.errors import RecipeError
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.rollout import shadowing
from tunesmith.rollout.analysis import Requests
from tunesmith.rollout.answers import shadow_metrics
from tunesmith.rollout.decision import decide
from tunesmith.rollout.evidence import collect
from tunesmith.rollout.ledger import Version, move, start
from tunesmith.rollout.readings import read

LATER = NOW + 45 * HOUR


@pytest.fixture
def rollout(database):
    versions = Version(version="3", model="m-3"), Version(version="4", model="m-4")
    return start(database, "tiny", *versions, PARAMS, "ann", NOW)


def pairs(rollout, count=300, per_user=2, live=None, **changed):
    """Live requests, and the shadow of each; `changed` gives the shadow's fields by number."""
    rows = live_interactions(rollout, count=count, per_user=per_user)
    made = []
    for number, row in enumerate(rows):
        row |= {"stage": 0, "assigned": "control", "served": "control"} | (live or {})
        told = {name: of(number) for name, of in changed.items()}
        sides = {"assigned": "treatment", "served": "treatment", "shadow_of": row["id"]}
        made += [row, row | sides | {"id": f"s{number}"} | told]
    return made


def names(readings):
    return {reading.name for reading in readings}


def test_alike_answers_are_pairs_and_no_verdict(database, rollout):
    put(database, pairs(rollout))
    found = collect(database, rollout, LATER)
    assert (found.paired, found.shadow_worse, found.spent, found.in_stage) == (300, "", 0, 0)
    assert names(found.shadow) == set(PARAMS.guardrails) - {"task completion"}
    assert not any(reading.known for reading in found.readings)
    assert decide(PARAMS, rollout.position, found, LATER).kind == "advance"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("errors", {"ending": lambda n: "upstream_error" if n % 5 == 0 else "answered"}),
        ("refusals", {"refusal": lambda n: n % 5 == 0}),
        ("response length", {"length": lambda n: 150}),
        ("cost per request", {"completion_tokens": lambda n: 40}),
    ],
)
def test_what_is_worse_in_pairs_rolls_back_before_a_user_meets_it(database, rollout, name, changed):
    put(database, pairs(rollout, **changed))
    found = collect(database, rollout, LATER)
    assert found.shadow_worse == f"credibly worse in shadow: {name}"
    move = decide(PARAMS, rollout.position, found, LATER)
    assert (move.kind, move.why) == ("roll_back", found.shadow_worse)


def test_pairs_show_what_the_same_values_apart_do_not(database, rollout):
    """Lengths that differ by a hundred times from prompt to prompt hide a third more."""
    rows = pairs(rollout)
    rng = np.random.default_rng(1)
    for live, shadow in zip(rows[::2], rows[1::2], strict=True):
        live["length"] = int(rng.choice([10, 1000]))
        shadow["length"] = int(1.4 * live["length"])
    put(database, rows)
    (found,) = (
        reading for reading in collect(database, rollout, LATER).shadow
        if reading.name == "response length"
    )  # fmt: skip
    assert found.worse
    value = np.array([row["length"] for row in rows], dtype=float)
    treated = np.arange(len(rows)) % 2 == 1
    strangers = Requests(np.zeros(600, dtype=np.int64), treated, np.arange(600), value)
    guardrail = PARAMS.guardrails["response length"]
    assert not read("", guardrail, strangers, 0.01, 0.05, tightest=100.0).worse


def test_a_candidate_that_died_trips_with_few_users(database, rollout):
    ended = ["answered", *["refused"] * 24]
    put(database, pairs(rollout, count=25, per_user=25, ending=lambda n: ended[n]))
    found = collect(database, rollout, LATER)
    assert (found.paired, found.shadow_worse, found.silent) == (25, "", False)
    assert found.tripped == "20 of the treatment's last 20 requests failed"


def test_one_that_is_not_loaded_yet_is_waited_for(database, rollout):
    """A retrain begins a rollout before anybody can have loaded what it has made."""
    put(database, pairs(rollout, ending=lambda n: "refused"))
    found = collect(database, rollout, LATER)
    assert (found.paired, found.shadow_worse, found.tripped) == (0, "", "")
    said = decide(PARAMS, rollout.position, found, LATER)
    assert said.kind == "stay" and "has not answered once" in said.why
    for unsettled, kind in (("hold", "hold"), ("ask", "ask"), ("roll_back", "ask")):
        params = PARAMS.model_copy(update={"unsettled": unsettled})
        later = decide(params, rollout.position, found, NOW + 49 * HOUR)
        assert (later.kind, later.why) == (kind, said.why)
    # A person who does not wait meets no verdict on what no user has met.
    at_ten = move(database, rollout, "advance", "ann", "", NOW)
    assert collect(database, at_ten, LATER).tripped == ""


def test_what_it_failed_before_it_was_loaded_does_not_count(database, rollout):
    put(database, pairs(rollout, ending=lambda n: "refused" if n < 60 else "answered"))
    found = collect(database, rollout, LATER)
    assert (found.paired, found.shadow_worse, found.tripped) == (240, "", "")
    assert decide(PARAMS, rollout.position, found, LATER).kind == "advance"


def test_a_shadow_without_its_live_request_or_of_later_is_no_pair(database, rollout):
    rows = pairs(rollout, count=100)
    put(database, [row for row in rows if row["id"] != "i7"])
    assert collect(database, rollout, LATER).paired == 99
    assert collect(database, rollout, NOW + 10 * HOUR).paired == pytest.approx(50, abs=2)


def test_a_pair_that_says_nothing_of_the_candidate_does_not_count(database, rollout):
    put(database, pairs(rollout, ending=lambda n: "client_error" if n % 3 else "answered"))
    assert collect(database, rollout, LATER).paired == 100


def test_after_shadow_the_pairs_are_out_of_it(database, rollout):
    put(database, pairs(rollout, ending=lambda n: "answered"))
    at_ten = move(database, rollout, "advance", "ann", "", NOW)
    found = collect(database, at_ten, LATER)
    assert (found.paired, found.spent, found.in_stage) == (0, 0, 0)


def asked(text):
    return json.dumps({"messages": [{"role": "user", "content": text}]})


def test_captured_answers_are_compared_by_metrics(database_url, monkeypatch):
    versions = Version(version="3", model="m-3"), Version(version="4", model="m-4")
    rollout = start(database_url, "tiny", *versions, PARAMS, "ann", NOW)
    content = {
        "request": asked("Ticket 4711 of Ms Weber is open."),
        "answer": "Ticket 4711 is open.",
    }
    rows = pairs(
        rollout, live=content,
        answer=lambda n: "Ticket 9999 is open." if n % 2 else "Ticket 4711 is open.",
    )  # fmt: skip
    for row in rows[:20]:
        row |= {"request": None, "answer": None}
    put(database_url, rows)
    metrics = shadow_metrics(["grounding", "repetition"], MetricParams())
    found = collect(database_url, rollout, LATER, metrics)
    assert found.shadow_worse == "credibly worse in shadow: grounding"
    (grounding,) = (each for each in found.shadow if each.name == "grounding")
    assert (grounding.requests, grounding.control) == (290, 1.0)
    assert grounding.estimate == pytest.approx(-0.5, abs=0.02)
    monkeypatch.setattr(shadowing, "MOST_MEASURED", 250)
    (fewer,) = (
        each for each in collect(database_url, rollout, LATER, metrics).shadow
        if each.name == "grounding"
    )  # fmt: skip
    assert fewer.requests == 250


@pytest.mark.parametrize(
    "body",
    [
        asked("Say 17."),
        json.dumps({"messages": [{"role": "user", "content": [{"type": "text", "text": "Say 17."},
                                                             {"type": "image_url"}]}]}),
        json.dumps({"messages": [{"role": "developer", "content": "Say 17."},
                                 {"role": "assistant", "content": None}]}),
        json.dumps({"prompt": "Say 17.", "max_tokens": 3}),
    ],
)  # fmt: skip
def test_every_shape_of_a_request_is_read(body):
    measure = shadow_metrics(["grounding"], MetricParams())["grounding"].measure
    assert (measure(body, "It is 17."), measure(body, "It is 18.")) == (1.0, 0.0)


@pytest.mark.parametrize("body", ["", "[1]", "\x00", '{"messages": 3}'])
def test_what_is_no_request_has_no_value(body):
    measure = shadow_metrics(["grounding"], MetricParams())["grounding"].measure
    assert measure(body, "It is 17.") is None


@pytest.mark.parametrize("name", ["exact_match", "refusal", "length_ratio", "macro_f1"])
def test_a_metric_that_needs_a_reference_is_refused(name):
    with pytest.raises(RecipeError, match=f"{name} cannot be measured"):
        shadow_metrics([name], MetricParams())


def test_a_metric_without_what_it_needs_is_refused():
    with pytest.raises(RecipeError, match=r"sections needs evaluate\.sections"):
        shadow_metrics(["sections"], MetricParams())
