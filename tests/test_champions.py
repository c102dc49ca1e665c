"""What a promotion leads to with a rollout in the recipe, and the alias that follows the ledger."""

import datetime
from pathlib import Path

import pytest

from tests.made_release import World
from tests.made_rollout import PARAMS, database, follow, latest, moved, promote
from tunesmith import champions, releases, retrains
from tunesmith.artifacts import Adapter
from tunesmith.errors import Unready
from tunesmith.reporting.tracking import CANDIDATE, CHAMPION, Tracker
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import NotOver

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)


@pytest.fixture
def begun(world: World, request: pytest.FixtureRequest) -> str:
    """A model whose second version is being rolled out; its name."""
    name = request.node.name.removeprefix("test_").strip("]").replace("[", "-")[-32:]
    promote(world, name, 1)
    promote(world, name, 2)
    return name


def test_the_first_version_serves_at_once(world: World) -> None:
    release = world.ended("rolled-first", "rolled-first-1", "promote")
    for _ in range(2):
        found = promote(world, "rolled-first", 1, release=release)
        assert world.tracker.serving("rolled-first") == "1"
        assert "rolled-first-v1-" in found.note
        assert found.note.endswith("serves at once: there was no champion to compare it with")
        assert ledger.latest(database(world), "rolled-first") is None
    assert len(world.tracker.moves("rolled-first")) == 1


def test_the_next_is_rolled_out_and_moves_the_alias_candidate_alone(
    world: World, begun: str
) -> None:
    found = latest(world, begun)
    assert (found.control.version, found.treatment.version) == ("1", "2")
    tags = {item.version: item.tags for item in world.tracker.versions(begun)}
    assert found.control.model == tags["1"]["release"]
    assert found.treatment.model == tags["2"]["release"] != found.control.model
    assert (found.params, found.position.status, found.weight) == (PARAMS, "running", 500)
    assert ledger.history(database(world), found.id)[0].by == f"retrain {begun}-2"
    assert world.tracker.serving(begun) == "1"
    assert world.tracker.serving(begun, CANDIDATE) == "2"
    assert len(world.tracker.moves(begun)) == 1
    assert tags["2"]["promoted"] == "promote"


def test_killed_anywhere_it_begins_one_rollout(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time it gets one step further; what was killed before a step had done all the others."""
    promote(world, "rolled-killed", 1)
    release = world.ended("rolled-killed", "rolled-killed-2", "promote")

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    steps: list[tuple[object, str]] = [
        (Tracker, "register"),
        (champions, "mirror"),
        (ledger, "start"),
        (ledger, "history"),
        (releases, "present"),
        (Tracker, "set_alias"),
    ]
    for where, what in steps:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(where, what, killed)
            promote(world, "rolled-killed", 2, release=release)
    found = promote(world, "rolled-killed", 2, release=release)
    assert found.rollout == latest(world, "rolled-killed")
    assert len(ledger.all_of(database(world), "rolled-killed")) == 1
    versions = world.tracker.versions("rolled-killed")
    assert [item.version for item in versions] == ["1", "2"]
    assert versions[1].tags["promoted"] == "promote"
    serving = (
        world.tracker.serving("rolled-killed"),
        world.tracker.serving("rolled-killed", CANDIDATE),
    )
    assert serving == ("1", "2")


def test_a_rollout_that_is_over_is_not_begun_again_by_its_retrain(world: World, begun: str) -> None:
    release = world.ended(begun, f"{begun}-3", "promote")
    moved(world, begun, "roll_back")
    for _ in range(2):
        found = promote(world, begun, 3, release=release)
        assert found.rollout == latest(world, begun)
        if found.rollout.open:
            moved(world, begun, "roll_back")
    assert len(ledger.all_of(database(world), begun)) == 2


def test_while_another_is_rolled_out_a_candidate_waits(world: World, begun: str) -> None:
    waiting = promote(world, begun, 3)
    assert waiting.rollout is None
    assert f"waits, for rollout {latest(world, begun).id}" in waiting.note
    assert waiting.note.endswith(f"Then: tunesmith rollout start {begun}")
    assert world.tracker.serving(begun, CANDIDATE) == "3"
    with pytest.raises(NotOver):
        champions.roll_out(database(world), world.tracker, begun, "3", PARAMS, "ann")
    moved(world, begun, "roll_back")
    made = champions.roll_out(database(world), world.tracker, begun, "3", PARAMS, "ann")
    assert (made.control.version, made.treatment.version) == ("1", "3")
    assert champions.roll_out(database(world), world.tracker, begun, "3", PARAMS, "bob") == made


def test_what_serves_already_is_not_rolled_out(world: World, begun: str) -> None:
    moved(world, begun, "advance", "advance", "finish")
    with pytest.raises(Unready, match="version 2 is the champion already"):
        champions.roll_out(database(world), world.tracker, begun, "2", PARAMS, "ann")
    with pytest.raises(Unready, match="nothing to compare version 1 with"):
        champions.roll_out(database(world), world.tracker, "unheard-of", "1", PARAMS, "ann")


def test_at_100_percent_the_alias_follows_once_with_the_evidence(world: World, begun: str) -> None:
    follow(world, begun)
    assert world.tracker.serving(begun) == "1"
    found = moved(world, begun, "advance")
    for _ in range(2):
        follow(world, begun)
        assert world.tracker.serving(begun) == "2"
    first, move = world.tracker.moves(begun)
    assert (first.how, move.how, move.before, move.to) == ("promote", "rollout", "1", "2")
    assert (move.by, move.rollout) == ("tick", found.id)
    assert move.why == f"to advance; rollout {found.id}; errors +0.01 [-0.02, +0.03]"
    assert datetime.datetime.fromisoformat(move.at) == found.position.entered
    moved(world, begun, "advance", "finish")
    follow(world, begun)
    assert len(world.tracker.moves(begun)) == 2


def test_a_rollback_before_100_percent_touches_no_alias(world: World, begun: str) -> None:
    moved(world, begun, "roll_back")
    follow(world, begun)
    assert (world.tracker.serving(begun), len(world.tracker.moves(begun))) == ("1", 1)


@pytest.mark.parametrize("after", ["bake", "done"])
def test_a_rollback_after_100_percent_moves_it_back(world: World, begun: str, after: str) -> None:
    more: tuple[ledger.Action, ...] = ("finish",) if after == "done" else ()
    moved(world, begun, "advance", "advance", *more)
    follow(world, begun)
    found = moved(world, begun, "roll_back", by="ann")
    assert (found.champion.version, found.weight, found.open) == ("1", 0, False)
    follow(world, begun)
    follow(world, begun)
    assert world.tracker.serving(begun) == "1"
    moves = world.tracker.moves(begun)
    assert [move.how for move in moves] == ["promote", "rollout", "rollback"]
    assert (moves[-1].before, moves[-1].to, moves[-1].by) == ("2", "1", "ann")


def test_what_a_mirror_missed_is_followed_in_order(world: World, begun: str) -> None:
    moved(world, begun, "advance", "roll_back")
    follow(world, begun)
    assert [move.to for move in world.tracker.moves(begun)] == ["1", "2", "1"]
    assert world.tracker.serving(begun) == "1"


def test_a_mirror_that_was_killed_is_ended_and_a_hand_is_left_alone(
    world: World, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(world, begun, "advance")

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tracker, "set_alias", killed)
        follow(world, begun)
    assert world.tracker.serving(begun) == "1"
    follow(world, begun)
    assert (world.tracker.serving(begun), len(world.tracker.moves(begun))) == ("2", 2)
    promote(world, begun, 3, params=None)
    world.tracker.client.set_registered_model_alias(begun, CHAMPION, "3")
    follow(world, begun)
    assert world.tracker.serving(begun) == "3"


def test_a_rollout_that_begins_next_follows_what_the_last_one_left(
    world: World, begun: str
) -> None:
    moved(world, begun, "advance", "advance", "finish")
    found = promote(world, begun, 3)
    assert found.rollout is not None
    assert (found.rollout.control.version, world.tracker.serving(begun)) == ("2", "2")


def test_without_a_rollout_in_the_recipe_the_ledger_still_leads(world: World, begun: str) -> None:
    waiting = promote(world, begun, 3, params=None)
    assert "waits" in waiting.note and world.tracker.serving(begun) == "1"
    moved(world, begun, "roll_back")
    release = world.ended(begun, f"{begun}-4", "promote")
    for _ in range(2):
        promote(world, begun, 4, params=None, release=release)
        found = latest(world, begun)
        assert (found.champion.version, found.open, found.weight) == ("4", False, 10_000)
        assert world.tracker.serving(begun) == "4"
    assert len(ledger.all_of(database(world), begun)) == 2


def test_what_is_asked_for_twice_serves_once_and_leaves_a_way_back(
    world: World, begun: str
) -> None:
    moved(world, begun, "roll_back")
    promote(world, begun, 3)
    moved(world, begun, "roll_back")
    for _ in range(2):
        found = champions.serve(database(world), world.tracker, begun, "3", "ann", "we need it")
        assert (found.control.version, found.treatment.version) == ("1", "3")
    champions.roll_back(database(world), latest(world, begun), "ann", "no")
    follow(world, begun)
    assert (latest(world, begun).champion.version, world.tracker.serving(begun)) == ("1", "1")


def test_evidence_withdraws_an_adapter_until_a_person_brings_it_back(world: World) -> None:
    for number, digest in enumerate("ab", 1):
        release = world.ended("withdrawn-2", f"withdrawn-2-{number}", "promote")
        adapter = release.adapter.model_copy(update={"digest": digest})
        tags = {**release.tags, "adapter": adapter.model_dump_json()}
        promote(world, "withdrawn-2", number, release=release.model_copy(update={"tags": tags}))
    assert Adapter.model_validate_json(tags["adapter"]).digest == "b"
    assert withdrawn(world) == {}
    moved(world, "withdrawn-2", "roll_back")
    [(adapter_digest, why)] = withdrawn(world).items()
    assert adapter_digest == "b"
    assert "version 2 of withdrawn-2" in why and "tick rolled it back" in why
    assert why.endswith("to roll_back")
    champions.roll_out(database(world), world.tracker, "withdrawn-2", "2", PARAMS, "ann")
    assert withdrawn(world) == {}


def withdrawn(world: World) -> dict[str, str]:
    return champions.withdrawn(world.tracker, database(world), "withdrawn-2")


def test_a_retrain_ends_with_a_rollout_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the recipe's key to the ledger, by the end of a whole retrain."""
    monkeypatch.setattr(retrains, "data_docs", lambda *_: tmp_path)
    promote(world, "rolled-whole", 1)
    run = world.ended("rolled-whole", "rolled-whole-2", "promote").run
    made, _ = world.made["promote"]
    recipe = made.recipe.model_copy(update={"name": "rolled-whole", "rollout": PARAMS})
    started = made.started.model_copy(update={"id": "rolled-whole-2", "run": run})
    for _ in range(2):
        ended = retrains.finish(recipe, world.settings(), started, made.result)
        assert ended.registered is not None and ended.registered.version == "2"
        assert ended.reasons[-1] == (
            f"{ended.registered.release} is rolled out: tunesmith rollout status rolled-whole"
        )
    found = latest(world, "rolled-whole")
    assert (found.control.version, found.treatment.version) == ("1", "2")
    assert len(ledger.all_of(database(world), "rolled-whole")) == 1
    assert world.tracker.serving("rolled-whole") == "1"


def test_a_registry_that_does_not_know_the_champion_is_left_alone(world: World) -> None:
    """Such as a new one: the ledger's version cannot be pointed at, and nothing may break."""
    old, new = (ledger.Version(version=number, model=f"m-{number}") for number in "12")
    ledger.settle(database(world), "rolled-elsewhere", old, new, "ann", "", NOW)
    follow(world, "rolled-elsewhere")
    assert world.tracker.serving("rolled-elsewhere") is None
    found = promote(world, "rolled-elsewhere", 1).rollout
    assert found is not None and found.control == new


def test_whoever_goes_back_while_a_rollout_begins_is_not_undone(
    world: World, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at who serves and the beginning a person goes back further."""
    moved(world, begun, "advance", "advance", "finish")
    start = ledger.start

    def late(*args: object) -> ledger.Rollout:
        monkeypatch.setattr(ledger, "start", start)
        champions.roll_back(database(world), latest(world, begun), "ann", "it leaks")
        return start(*args)

    monkeypatch.setattr(ledger, "start", late)
    promote(world, begun, 3)
    found = latest(world, begun)
    assert (found.open, found.control.version, found.treatment.version) == (True, "1", "3")


def test_going_back_ends_where_another_rollout_has_begun_meanwhile(
    world: World, begun: str
) -> None:
    done = moved(world, begun, "advance", "advance", "finish")
    promote(world, begun, 3)
    with pytest.raises(Unready, match=f"another rollout has begun .* rollout status {begun}"):
        champions.roll_back(database(world), done, "ann", "it leaks")
    assert latest(world, begun).open


def test_an_alias_that_was_moved_by_hand_sends_no_user_anywhere(world: World, begun: str) -> None:
    """Nobody has shown that what it names now may serve."""
    moved(world, begun, "roll_back")
    for number in (3, 4):
        world.promoted(begun, f"{begun}-{number}")
    world.tracker.client.set_registered_model_alias(begun, CHAMPION, "3")
    champions.roll_out(database(world), world.tracker, begun, "4", PARAMS, "ann")
    assert latest(world, begun).control.version == "1"
