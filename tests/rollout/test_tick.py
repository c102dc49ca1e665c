"""A tick: it looks, decides and acts once, wherever it is killed."""

import datetime
import json
from types import SimpleNamespace

import pytest

from tests.rollout.test_evidence import HOUR, NOW, PARAMS, interactions
from tunesmith import rollouts
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import Version, history, latest, start
from tunesmith.rollouts import tick

QUICK = PARAMS.model_copy(
    update={
        "stages": (10, 100), "first_hours": 1.0, "minimum_requests": 50,
        "guardrails": {name: PARAMS.guardrails[name] for name in ("errors", "response length")},
    }
)  # fmt: skip
LATER = NOW + 21 * HOUR


@pytest.fixture
def database(database_url):
    return database_url


@pytest.fixture
def begun(database):
    versions = Version(version="3", model="m-3"), Version(version="4", model="m-4")
    return start(database, "tiny", *versions, QUICK, "ann", NOW)


def record(folder, rollout, **changed):
    """Leave interactions as a gateway does."""
    folder.mkdir(exist_ok=True)
    rows = [row | {"stage": 0} for row in interactions(rollout, count=3000, **changed)]
    lines = [json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows]
    (folder / "1.jsonl").write_text("\n".join(lines) + "\n")


def test_a_good_candidate_is_advanced_with_its_evidence(database, begun, tmp_path):
    record(tmp_path / "i", begun)
    done = tick(database, tmp_path / "i", "tiny", LATER)
    assert (done.acted, done.move.kind, done.imported.rows) == (True, "advance", 3000)
    assert latest(database, "tiny").position.stage == 1
    entry = history(database, begun.id)[-1]
    assert (entry.by, entry.kind) == ("tick", "advance")
    assert {reading["name"] for reading in entry.evidence["readings"]} == set(QUICK.guardrails)
    assert all(reading["sure"] for reading in entry.evidence["readings"])
    again = tick(database, tmp_path / "i", "tiny", LATER)
    assert (again.acted, again.move.kind, again.imported.rows) == (False, "stay", 0)
    assert len(history(database, begun.id)) == 2


def test_a_move_is_of_when_it_is_made_and_not_of_when_the_look_began(
    database, begun, tmp_path, monkeypatch
):
    record(tmp_path / "i", begun)
    clock = iter((100.0, 102.5))
    monkeypatch.setattr(rollouts, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert tick(database, tmp_path / "i", "tiny", LATER).acted
    assert history(database, begun.id)[-1].at == LATER + datetime.timedelta(seconds=2.5)


def test_a_bad_candidate_is_rolled_back_with_its_reason(database, begun, tmp_path):
    def ending(number, side):
        return "upstream_error" if side == "treatment" and number % 4 == 0 else "answered"

    record(tmp_path / "i", begun, ending=ending)
    done = tick(database, tmp_path / "i", "tiny", LATER)
    assert (done.move.kind, done.move.why) == ("roll_back", "credibly worse: errors")
    assert latest(database, "tiny").weight == 0
    assert tick(database, tmp_path / "i", "tiny", LATER) is None


def test_before_its_time_it_stays(database, begun, tmp_path):
    done = tick(database, tmp_path / "none", "tiny", NOW + datetime.timedelta(minutes=5))
    assert (done.acted, done.move.kind) == (False, "stay")
    assert tick(database, tmp_path / "none", "other", NOW) is None


def test_a_tick_that_comes_too_late_does_nothing(database, begun, tmp_path, monkeypatch):
    record(tmp_path / "i", begun)
    decide = rollouts.decide

    def slowly(*args):
        ledger.move(database, begun, "hold", "ann", "wait", LATER)
        return decide(*args)

    monkeypatch.setattr(rollouts, "decide", slowly)
    done = tick(database, tmp_path / "i", "tiny", LATER)
    assert (done.acted, done.move.kind) == (False, "advance")
    assert latest(database, "tiny").position.status == "held"
    monkeypatch.undo()
    assert tick(database, tmp_path / "i", "tiny", LATER).move.why == "a person holds it"


def test_a_tick_that_dies_has_done_nothing_and_the_next_does_it(
    database, begun, tmp_path, monkeypatch
):
    record(tmp_path / "i", begun)

    def dies(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(rollouts, "decide", dies)
    with pytest.raises(KeyboardInterrupt):
        tick(database, tmp_path / "i", "tiny", LATER)
    monkeypatch.undo()
    assert len(history(database, begun.id)) == 1
    assert tick(database, tmp_path / "i", "tiny", LATER).move.kind == "advance"


def test_metrics_of_answers_are_asked_for_in_shadow_alone(database, tmp_path):
    """Taking a candidate back from users must not wait for what only they need."""
    versions = Version(version="3", model="m-3"), Version(version="4", model="m-4")
    params = QUICK.model_copy(update={"stages": ("shadow", 10, 100)})
    made = start(database, "tiny", *versions, params, "ann", NOW)
    asked = []

    def metrics(rollout):
        asked.append(rollout.position.stage)
        return {}

    tick(database, tmp_path, "tiny", LATER, metrics=metrics)
    ledger.move(database, made, "advance", "ann", "", LATER)
    tick(database, tmp_path, "tiny", LATER, metrics=metrics)
    assert asked == [0]
