"""Ticks under Prefect: what a person, an automation and MLflow get of each move, also of a person's."""

import datetime
import json
import time
from pathlib import Path
from typing import Any

import pytest
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.events.worker import EventsWorker

from flows.rollout import rollout as flow
from tests.made_release import World
from tests.waiting import PATIENCE
from tunesmith import champions, rollouts
from tunesmith.rollout import ledger
from tunesmith.rollout.assignment import assign
from tunesmith.rollout.ledger import Rollout
from tunesmith.rollout.params import GUARDRAILS, RolloutParams

HOUR = datetime.timedelta(hours=1)
PARAMS = RolloutParams(
    stages=(10, 100, "bake"), first_hours=0, hours=0, minimum_requests=50, rollback_window_days=14,
    guardrails={**dict.fromkeys(GUARDRAILS), "errors": {"value": "error", "better": "lower",
                                                        "margin": 0.1}},
)  # fmt: skip


@pytest.fixture
def begun(
    world: World,
    prefect_server: None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Rollout:
    """A version against another, ten hours ago."""
    name = request.node.name.removeprefix("test_")[:30].replace("_", "-")
    monkeypatch.setenv("TUNESMITH_HOME", str(world.home))
    for number in (1, 2):
        world.promoted(name, f"{name}-{number}")
    world.tracker.client.set_registered_model_alias(name, "champion", "1")
    at = [champions.known(world.tracker, name, number) for number in ("1", "2")]
    then = datetime.datetime.now(datetime.UTC) - 10 * HOUR
    return ledger.start(world.settings().database, name, *at, PARAMS, "retrain 7", then)


def record(
    world: World,
    begun: Rollout,
    failing: bool = False,
    count: int = 1500,
    since: datetime.datetime | None = None,
    **changed: object,
) -> None:
    """What a gateway leaves; one in four of the treatment's requests may fail."""
    first = since or begun.position.entered
    folder = world.home / "interactions"
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        side = assign(begun.salt, 1000, f"u{number}").variant
        bad = failing and side == "treatment" and number % 4 == 0
        at = first + 9 * HOUR * number / count
        rows.append({
            "id": f"{begun.id}-{first:%s}-{number}", "at": int(at.timestamp() * 1000), "recipe": begun.recipe,
            "rollout": begun.id, "stage": 0, "assigned": side, "served": side, "model": "m",
            "unit": f"u{number}", "key": "", "streamed": False, "status": 200, "attempts": 1,
            "ending": "upstream_error" if bad else "answered", "seconds": 1.0, "length": 100,
            "refusal": False, "finish_reason": "stop", **changed,
        })  # fmt: skip
    lines = "\n".join(json.dumps(row) for row in rows)
    (folder / f"{begun.id}-{first:%s}.jsonl").write_text(f"{lines}\n")


def tick(begun: Rollout) -> Any:
    return flow(begun.recipe, return_state=True)


def heard(begun: Rollout, count: int) -> list[dict[str, Any]]:
    """The moves that Prefect's server has heard of, when there are as many."""
    EventsWorker.drain_all()
    wanted = {
        "event": {"prefix": ["tunesmith.rollout."]},
        "resource": {"id": [f"tunesmith.model.{begun.recipe}"]},
    }
    deadline = time.monotonic() + PATIENCE
    while True:
        with get_client(sync_client=True) as client:
            answer = client.request("POST", "/events/filter", json={"filter": wanted})
        found = sorted(answer.json()["events"], key=lambda event: event["payload"]["move"])
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {count} moves were heard"
        time.sleep(0.2)


def shown(begun: Rollout) -> list[Any]:
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[f"rollout-{begun.recipe}"]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=wanted)


def run_of(world: World, begun: Rollout) -> str:
    versions = world.tracker.versions(begun.recipe)
    return next(item.run for item in versions if item.version == begun.treatment.version)


def test_a_bad_candidate_is_taken_back_and_everybody_hears(world: World, begun: Rollout) -> None:
    record(world, begun, failing=True)
    assert tick(begun).is_completed()
    found = ledger.latest(world.settings().database, begun.recipe)
    assert found is not None and found.position.status == "rolled_back"
    started, back = heard(begun, 2)
    assert (started["event"], back["event"]) == (
        "tunesmith.rollout.started",
        "tunesmith.rollout.rolled_back",
    )
    assert (back["payload"]["by"], back["payload"]["why"]) == ("tick", "credibly worse: errors")
    assert back["payload"]["control"] == begun.control.model
    page = Artifact.get(f"rollout-{begun.recipe}")
    assert page is not None and "credibly worse: errors" in str(page.data)
    assert world.tracker.serving(begun.recipe) == "1"
    run = run_of(world, begun)
    tags = world.tracker.tags(run)
    assert (tags["rollout"], tags["rollout.status"]) == (begun.id, "rolled_back")
    assert tags["rollout.why"] == "credibly worse: errors"
    html = Path(world.tracker.client.download_artifacts(run, rollouts.PAGE)).read_text()
    assert html.startswith("<!doctype html>") and "credibly worse" in html
    # Over, told and shown: a further tick has nothing to say.
    assert tick(begun).is_completed()
    assert len(shown(begun)) == 1
    assert len(heard(begun, 2)) == 2
    # What a gateway answered before it had heard of it comes later.
    assert tags["rollout.treated_after"] == "0.000 s"
    verdict = ledger.history(world.settings().database, begun.id)[-1].at
    record(world, begun, count=1, since=verdict + HOUR / 9_000, served="treatment")
    assert tick(begun).is_completed()
    assert len(shown(begun)) == 2
    page = Artifact.get(f"rollout-{begun.recipe}")
    assert page is not None and "went to it 0.4 s after" in str(page.data)
    assert world.tracker.tags(run)["rollout.treated_after"] in ("0.399 s", "0.400 s")
    html = Path(world.tracker.client.download_artifacts(run, rollouts.PAGE)).read_text()
    assert "went to it 0.4 s after" in html


def test_a_persons_move_is_shown_by_the_next_tick(world: World, begun: Rollout) -> None:
    database = world.settings().database
    assert tick(begun).is_completed()
    now = datetime.datetime.now(datetime.UTC)
    ledger.move(database, begun, "hold", "ann@host", "lunch", now)
    assert tick(begun).is_completed()
    assert [event["event"].rsplit(".")[-1] for event in heard(begun, 2)] == ["started", "held"]
    page = Artifact.get(f"rollout-{begun.recipe}")
    assert page is not None and "lunch" in str(page.data)
    assert world.tracker.tags(run_of(world, begun))["rollout.status"] == "held"


def test_what_a_killed_tick_left_the_next_one_does(
    world: World, begun: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them dies one step later; the first has moved the rollout."""
    record(world, begun)

    def dies(*args: object, **more: object) -> None:
        raise RuntimeError("killed")

    for step in (
        "tasks.rollout.create_markdown_artifact",
        "prefect.variables.Variable.set",
        "tunesmith.champions.mirror",
        "tunesmith.reporting.tracking.Tracker.set_alias",
        "tunesmith.reporting.rollout_page.page",
        "tunesmith.reporting.tracking.Tracker.tag",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(step, dies)
            assert tick(begun).is_failed()
    assert tick(begun).is_completed()
    entries = ledger.history(world.settings().database, begun.id)
    assert [entry.kind for entry in entries] == ["start", "advance"]
    assert [event["payload"]["move"] for event in heard(begun, 2)] == [0, 1]
    assert world.tracker.serving(begun.recipe) == "2"
    moves = [move.how for move in world.tracker.moves(begun.recipe)]
    assert moves == ["promote", "promote", "rollout"]
    page = Artifact.get(f"rollout-{begun.recipe}")
    assert page is not None and "100 %" in str(page.data)
    assert world.tracker.tags(run_of(world, begun))["rollout.stage"] == "100"
