"""`tunesmith rollback` and `doctor` where a recipe has had a rollout: the ledger leads."""

import datetime

import pytest
from click.testing import CliRunner

from tests.made_release import World
from tests.made_rollout import database, follow, latest, moved, promote
from tunesmith import champions, retrains
from tunesmith.cli import main
from tunesmith.commands.overriding import override
from tunesmith.commands.releasing import lagging, mended, rollback
from tunesmith.errors import Transient, Unready
from tunesmith.reporting.tracking import CHAMPION
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import NotOver


@pytest.fixture
def begun(world: World, request: pytest.FixtureRequest) -> str:
    """A model whose second version is being rolled out; its name."""
    name = request.node.name.removeprefix("test_").strip("]").replace("[", "-")[-32:]
    promote(world, name, 1)
    promote(world, name, 2)
    return name


def standing(world: World, name: str) -> tuple[str, str | None]:
    """Whom the gateways serve outside of a rollout, and whom the alias names."""
    return latest(world, name).champion.version, world.tracker.serving(name)


def test_a_candidate_on_its_way_is_taken_back(world: World, begun: str) -> None:
    told = rollback(begun, world.settings(), None, "invents numbers")
    found = latest(world, begun)
    assert (found.position.status, found.weight) == ("rolled_back", 0)
    entry = ledger.history(database(world), found.id)[-1]
    assert (entry.kind, entry.why) == ("roll_back", "invents numbers") and "@" in entry.by
    assert standing(world, begun) == ("1", "1")
    assert f"To begin anew: tunesmith rollout start {begun} --version 2" in told
    again = rollback(begun, world.settings(), None, "")
    assert "nothing was moved" in again
    assert len(ledger.history(database(world), found.id)) == 2
    assert len(world.tracker.moves(begun)) == 1


@pytest.mark.parametrize("moves", [("advance",), ("advance", "advance", "finish")])
def test_from_100_percent_gateways_and_alias_go_back(
    world: World, begun: str, moves: tuple[ledger.Action, ...]
) -> None:
    moved(world, begun, *moves)
    told = rollback(begun, world.settings(), None, "late")
    assert f"To undo it: tunesmith rollback {begun} --to 2" in told
    assert standing(world, begun) == ("1", "1")
    assert [move.how for move in world.tracker.moves(begun)] == ["promote", "rollout", "rollback"]
    assert world.tracker.moves(begun)[-1].why.startswith("late; rollout ")


def test_after_the_window_it_must_be_named(
    world: World, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(world, begun, "advance", "advance", "finish")
    follow(world, begun)
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=15)
    with monkeypatch.context() as patch:
        patch.setattr(champions, "since", lambda *_: long_ago)
        with pytest.raises(Unready, match=f"more than the 14 days .* rollback {begun} --to 1"):
            rollback(begun, world.settings(), None, "")
        assert standing(world, begun) == ("2", "2")
        rollback(begun, world.settings(), "1", "")
    assert standing(world, begun) == ("1", "1")


def test_users_go_back_while_mlflow_is_away(
    world: World, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(world, begun, "advance", "advance", "finish")
    follow(world, begun)

    def away(*_: object) -> None:
        raise Transient("MLflow: gone")

    with monkeypatch.context() as patch:
        patch.setattr(retrains, "open_tracker", away)
        told = rollback(begun, world.settings(), None, "invents numbers")
    assert "the alias champion follows with the next tick: MLflow: gone" in told
    assert standing(world, begun) == ("1", "2")
    follow(world, begun)
    assert standing(world, begun) == ("1", "1")


def test_one_that_serves_although_a_later_one_was_taken_back_can_go_back_too(
    world: World, begun: str
) -> None:
    moved(world, begun, "advance", "advance", "finish")
    promote(world, begun, 3)
    moved(world, begun, "roll_back")
    control = world.tracker.versions(begun)[0].tags["release"]
    told = rollback(begun, world.settings(), None, "invents numbers")
    assert told.endswith(f"To go back to {control}: tunesmith rollback {begun} --to 1")
    rollback(begun, world.settings(), "1", "invents numbers")
    assert standing(world, begun) == ("1", "1")


def test_to_go_to_what_bakes_changes_nothing(world: World, begun: str) -> None:
    moved(world, begun, "advance", "advance")
    told = rollback(begun, world.settings(), "2", "")
    assert "serves" in told and "goes on" in told
    assert latest(world, begun).open and standing(world, begun) == ("2", "2")


def test_to_any_version_gateways_and_alias_go(world: World, begun: str) -> None:
    moved(world, begun, "roll_back")
    promote(world, begun, 3)
    with pytest.raises(NotOver, match="is not over; end it first"):
        rollback(begun, world.settings(), "2", "")
    moved(world, begun, "advance", "advance", "finish")
    rollback(begun, world.settings(), "v2", "the proxy was at fault")
    assert standing(world, begun) == ("2", "2")
    move = world.tracker.moves(begun)[-1]
    assert (move.how, move.before, move.to) == ("rollback", "3", "2")
    assert "nothing was moved" in rollback(begun, world.settings(), None, "")
    rollback(begun, world.settings(), "3", "")
    assert standing(world, begun) == ("3", "3")


def test_an_alias_that_was_moved_by_hand_goes_where_the_gateways_are(
    world: World, begun: str
) -> None:
    moved(world, begun, "advance", "advance", "finish")
    follow(world, begun)
    promote(world, begun, 3)
    rollback(begun, world.settings(), None, "")
    world.tracker.client.set_registered_model_alias(begun, CHAMPION, "3")
    rollback(begun, world.settings(), "2", "")
    assert standing(world, begun) == ("2", "2")


def test_to_mend_an_alias_ends_no_rollout(world: World, begun: str) -> None:
    """What `doctor` advises where somebody moved the alias in MLflow."""
    promote(world, begun, 3)
    world.tracker.client.set_registered_model_alias(begun, CHAMPION, "3")
    advised = lagging(world.tracker, begun)
    assert advised.endswith(f"tunesmith rollback {begun} --to 1")
    told = rollback(begun, world.settings(), "1", "")
    assert standing(world, begun) == ("1", "1") and latest(world, begun).open
    assert "goes on" in told
    rollback(begun, world.settings(), "1", "")  # there is nothing to mend: it is meant
    assert latest(world, begun).position.status == "rolled_back"


def test_a_person_who_promotes_begins_a_rollout_too(
    world: World, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ended(begun, f"{begun}-3", "reject")
    settings = world.settings("reject")
    recipe = world.made["reject"][0].recipe
    staged = recipe.model_copy(update={"rollout": latest(world, begun).params})
    monkeypatch.setattr("tunesmith.commands.overriding.Recipe.model_validate", lambda _: staged)
    with pytest.raises(NotOver):
        override(f"{begun}-3", settings, "we need it")
    moved(world, begun, "roll_back")
    for _ in range(2):
        told = override(f"{begun}-3", settings, "we need it")
        assert "is rolled out, against the verdict reject" in told
    found = latest(world, begun)
    assert (found.treatment.version, found.position.status) == ("3", "running")
    assert len(ledger.all_of(database(world), begun)) == 2
    assert standing(world, begun) == ("1", "1")
    description = world.tracker.client.get_model_version(begun, "3").description
    assert "Promoted by a person against the verdict" in description and "we need it" in description


def test_the_doctor_mends_an_alias_that_lags(
    world: World, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(world, begun, "advance")
    assert standing(world, begun) == ("2", "1")
    found = [line for line in mended(world.settings()) if line.startswith(f"{begun}:")]
    assert standing(world, begun) == ("2", "2")
    assert len(found) == 1 and "lagged behind the ledger; it is on version 2 now" in found[0]
    assert not [line for line in mended(world.settings()) if line.startswith(f"{begun}:")]
    moved(world, begun, "roll_back")
    monkeypatch.setenv("TUNESMITH_HOME", str(world.home))
    told = CliRunner().invoke(main, ["doctor"]).output
    assert f"{begun}: the alias champion lagged behind the ledger; it is on version 1" in told
