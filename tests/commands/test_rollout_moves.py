"""What a person does with a rollout: each move has a reason, and is written once or not at all."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from tests.made_release import World
from tests.made_story import BEGUN, HOUR, OLD, PARAMS, begun, moved, seen
from tunesmith import champions
from tunesmith.cli import main
from tunesmith.commands import rollout_moves
from tunesmith.commands.rollout_moves import advance, hold, resume, rollback, start
from tunesmith.errors import InputError, Transient, Unready
from tunesmith.reporting.tracking import CHAMPION
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import Version, history, latest
from tunesmith.settings import Settings


@pytest.fixture
def here(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def live(here):
    """At 10 %, with evidence that all is well."""
    return moved(here.database, begun(here.database), "advance", 2)


@pytest.fixture(autouse=True)
def evidence(monkeypatch):
    """What a look gives; a test may put another in."""
    given = {"seen": seen(0.001)}
    monkeypatch.setattr(rollout_moves, "look", lambda *_: given["seen"])
    return given


def last(settings):
    return history(settings.database, latest(settings.database, "mail").id)[-1]


def test_advance_keeps_who_why_and_what_was_seen(here, live):
    text = advance("mail", here, "  the numbers\nare good ")
    entry = last(here)
    assert (entry.kind, entry.why, entry.stage) == ("advance", "the numbers are good", 2)
    assert "@" in entry.by
    assert entry.evidence["readings"][0]["name"] == "errors"
    assert text.startswith(f"mail: 10 % → 50 %, by {entry.by}: the numbers are good\n")
    assert "within a second every gateway sends 50 % of the users to mail-v4" in text
    assert "it would not have gone on yet: 380 more requests are needed at 10 %" in text


def test_hold_and_resume(here, live):
    text = hold("mail", here, "a proxy is replaced")
    assert "held at 10 %" in text and "mail-v4 stays at 10 % of the users" in text
    assert latest(here.database, "mail").position.status == "held"
    with pytest.raises(Unready, match="held already, by .*@.*: a proxy is replaced"):
        hold("mail", here, "again")
    assert "goes on at 10 %" in resume("mail", here, "it is in place")
    assert (last(here).kind, last(here).status) == ("resume", "running")
    with pytest.raises(Unready, match="at 10 % and running; there is nothing to resume"):
        resume("mail", here, "again")


def test_a_question_is_answered_by_any_of_three(here, live):
    asking = moved(here.database, live, "ask", 3)
    resume("mail", here, "measure on")
    moved(here.database, latest(here.database, "mail"), "ask", 4)
    advance("mail", here, "good enough")
    assert latest(here.database, "mail").position.status == "running"
    moved(here.database, latest(here.database, "mail"), "ask", 5)
    rollback("mail", here, "not good enough")
    assert latest(here.database, "mail").position.status == "rolled_back"
    assert asking.id == latest(here.database, "mail").id


def test_a_question_that_is_answered_twice_leads_one_stage_on(here, live):
    moved(here.database, live, "ask", 3)
    advance("mail", here, "good enough")
    with pytest.raises(
        Unready, match=r"has moved it on .*, and since then .* name the stage: .*--to"
    ):
        advance("mail", here, "good enough")
    assert "at 50 % already; nothing was moved" in advance("mail", here, "good enough", "50")
    with pytest.raises(InputError, match="--to bake: after 50 comes 100; expected that"):
        advance("mail", here, "good enough", "bake")
    assert latest(here.database, "mail").position.stage == 2
    advance("mail", here, "in a hurry", "100")
    assert latest(here.database, "mail").weight == 10_000


@pytest.mark.parametrize("command", [advance, resume])
def test_what_was_held_for_long_goes_on_with_its_budget_anew(here, evidence, command):
    params = PARAMS.model_copy(update={"unsettled": "roll_back"})
    live = moved(here.database, begun(here.database, params=params), "advance", 2)
    moved(here.database, live, "hold", 3)
    evidence["seen"] = replace(seen(0.001), in_stage=900, spent=31_000)
    command("mail", here, "Monday")
    assert latest(here.database, "mail").position.status == "running"


def test_rollback_waits_for_no_evidence(here, live, monkeypatch):
    def slow(*_):
        raise AssertionError("a rollback looks at nothing first")

    monkeypatch.setattr(rollout_moves, "look", slow)
    monkeypatch.setattr(rollout_moves.retrains, "open_tracker", slow)
    text = rollback("mail", here, "invents numbers")
    assert "rolled back: 10 % → 0 %" in text
    assert "within a second every gateway sends everybody to mail-v3" in text
    assert latest(here.database, "mail").weight == 0


def test_out_of_shadow_and_back(here):
    begun(here.database)
    held = hold("mail", here, "wait")
    assert "mail-v4 stays at 0 % of the users" in held
    assert "10 % of the users to mail-v4" in advance("mail", here, "enough pairs")


@pytest.mark.parametrize("command", [advance, hold, resume, rollback])
def test_a_reason_is_needed(here, live, command):
    if command is resume:
        moved(here.database, live, "hold", 3)
    before = len(history(here.database, live.id))
    with pytest.raises(InputError, match="--why is empty"):
        command("mail", here, " \n")
    with pytest.raises(InputError, match="2,001 characters"):
        command("mail", here, "x" * 2001)
    with pytest.raises(InputError, match=r"'caf\\udce9': is not UTF-8"):
        command("mail", here, "caf\udce9")
    assert len(history(here.database, live.id)) == before


@pytest.mark.parametrize("command", [advance, hold, resume, rollback])
def test_what_is_over_does_not_move(here, live, command):
    moved(here.database, live, "roll_back", 3, why="credibly worse: errors")
    with pytest.raises(Unready) as error:
        command("mail", here, "all the same")
    assert (
        f"is over, and cannot {command.__name__}: rolled back on 2026-11-02 12:30 UTC by tick: "
        in (str(error.value))
    )
    assert "credibly worse: errors; to begin anew: tunesmith rollout start mail --version 4" in (
        str(error.value)
    )


def test_of_one_that_was_promoted_the_way_back_is_told(here):
    ledger.settle(
        here.database, "mail", OLD, Version(version="4", model="mail-v4"), "ann", "", BEGUN
    )
    with pytest.raises(
        Unready, match="to go back to mail-v3: tunesmith rollback mail --to 3 --why"
    ):
        rollback("mail", here, "invents numbers")


@pytest.mark.parametrize("command", [advance, resume])
def test_what_the_next_tick_would_roll_back_does_not_go_on(here, live, evidence, command):
    held = moved(here.database, live, "hold", 3)
    evidence["seen"] = seen(0.05, worse=True)
    with pytest.raises(
        Unready, match=f"credibly worse: errors. .* so it cannot {command.__name__}"
    ):
        command("mail", here, "all the same")
    assert latest(here.database, "mail") == held


@pytest.mark.parametrize("command", [advance, hold, rollback])
def test_who_comes_too_late_is_told_what_happened(here, live, monkeypatch, command):
    move = ledger.move

    def late(database, seen_, kind, by, *more):
        monkeypatch.setattr(ledger, "move", move)
        moved(database, live, "advance", 3, why="every guardrail is shown")
        return move(database, seen_, kind, by, *more)

    monkeypatch.setattr(ledger, "move", late)
    with pytest.raises(Unready) as error:
        command("mail", here, "it's time")
    assert "somebody came first (10 % → 50 %, by tick: every guardrail is shown)" in str(
        error.value
    )
    name = command.__name__
    assert str(error.value).endswith(f"tunesmith rollout {name} mail --why 'it'\"'\"'s time'")
    assert [entry.kind for entry in history(here.database, live.id)] == [
        "start",
        "advance",
        "advance",
    ]


def test_the_command_line_wants_a_reason_and_tells_errors_by_code(here, live, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(here.home))

    def run(*words):
        return CliRunner().invoke(main, ["rollout", *words])

    assert run("hold", "mail").exit_code == 2
    assert run("hold", "mail", "--why", "wait").exit_code == 0
    assert run("hold", "mail", "--why", "wait").exit_code == 6
    assert run("resume", "mail", "--why", "go on").exit_code == 0
    assert run("advance", "mail", "--why", "go on").exit_code == 0
    assert run("rollback", "nobody", "--why", "go back").exit_code == 4
    assert run("rollback", "mail", "--why", "go back").exit_code == 0


@pytest.fixture
def two(world: World, request) -> str:
    """A model with a champion and, newer, a candidate; its name."""
    name = request.node.name.removeprefix("test_")[:40].rstrip("-_").replace("_", "-")
    for number in (1, 2):
        world.promoted(name, f"{name[:34]}-{number}")
    world.tracker.client.set_registered_model_alias(name, CHAMPION, "1")
    return name


def test_a_rollout_runs_from_start_to_promotion_by_hand(world: World, two: str):
    settings = world.settings()
    text = start(two, settings, None)
    rollout = latest(settings.database, two)
    assert (rollout.control.version, rollout.treatment.version) == ("1", "2")
    assert rollout.treatment.model == world.tracker.versions(two)[1].tags["release"]
    assert (
        f"{rollout.treatment.model} against {rollout.control.model} has begun; its recipe" in text
    )
    assert f"sends everybody to {rollout.control.model}, and asks " in text
    assert "on its way already; nothing was begun" in start(two, settings, "2")
    for stage in rollout.params.stages[1:-1]:
        assert world.tracker.serving(two) == "1"
        text = advance(two, settings, "go on", str(stage))
    assert "the alias champion is on version 2" in text
    assert world.tracker.serving(two) == "2"
    assert "→ bake" in advance(two, settings, "go on", "bake")
    assert "promoted: 100 % for good" in advance(two, settings, "go on", "done")
    assert latest(settings.database, two).position.status == "done"
    with pytest.raises(Unready, match="version 2 is the champion already"):
        start(two, settings, "v2")
    assert "promoted already; nothing was moved" in advance(two, settings, "go on", "done")


def test_going_back_from_all_users_takes_the_alias_along(world: World, two: str, monkeypatch):
    settings = world.settings()
    start(two, settings, None)
    rollout = latest(settings.database, two)
    for _ in rollout.params.stages[1:]:
        rollout = ledger.move(settings.database, rollout, "advance", "tick", "w", BEGUN + HOUR)
    champions.mirror(world.tracker, settings.database, two)
    assert world.tracker.serving(two) == "2"
    mirror = champions.mirror

    def away(*_):
        raise Transient("MLflow: gone")

    with monkeypatch.context() as patch:
        patch.setattr(champions, "mirror", away)
        text = rollback(two, settings, "invents numbers")
    assert "the alias champion follows with the next tick: MLflow: gone" in text
    assert latest(settings.database, two).weight == 0
    assert mirror(world.tracker, settings.database, two)
    assert world.tracker.serving(two) == "1"


def test_a_version_that_is_not_there_is_told(world: World, two: str):
    with pytest.raises(InputError, match="no version of a model of this name"):
        start("unheard-of", world.settings(), None)
    with pytest.raises(InputError, match="no version of a model of this name"):
        start("it's", world.settings(), None)
    with pytest.raises(InputError, match=r"--version 7: .* expected one of "):
        start(two, world.settings(), "7")
    world.tracker.client.delete_registered_model_alias(two, "candidate")
    with pytest.raises(InputError, match="no version has the alias candidate"):
        start(two, world.settings(), None)


def test_a_rollout_is_as_the_recipe_of_the_version_says(world: World, two: str, monkeypatch):
    monkeypatch.setattr(rollout_moves, "_params", lambda *_: PARAMS)
    text = start(two, world.settings(), None)
    assert latest(world.settings().database, two).params == PARAMS
    assert "the defaults hold" not in text


def test_the_params_are_read_from_the_versions_run(world: World, two: str):
    version = world.tracker.versions(two)[1]
    document = world.tracker.document(version.run, "recipe.json")
    assert rollout_moves._params(world.tracker, version) is None
    changed = document | {"rollout": {"stages": [10, 100]}}

    world.tracker.documents(version.run, {"recipe.json": json.dumps(changed)})
    assert rollout_moves._params(world.tracker, version).stages == (10, 100)
