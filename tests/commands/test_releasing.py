"""People move the alias champion: forward against a verdict, back in one command."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.made_release import RUN_TAGS, World
from tunesmith import champions
from tunesmith.cli import main
from tunesmith.commands.overriding import override
from tunesmith.commands.releasing import lagging, rollback
from tunesmith.errors import InputError, MissingArtifact, Unready
from tunesmith.releases import Release
from tunesmith.reporting.tracking import CANDIDATE, CHAMPION, Registered, Tracker


@pytest.fixture
def three(world: World, request: pytest.FixtureRequest) -> str:
    """A model with three versions that the gate promoted one after the other; its name."""
    name = request.node.name.removeprefix("test_")[:40]
    for number in (1, 2, 3):
        world.promoted(name, f"{name[:36]}-{number}")
    return name


def test_back_to_the_version_before(world: World, three: str) -> None:
    told = rollback(three, world.settings(), None, "  invents\norder numbers ")
    assert world.tracker.serving(three) == "2"
    move = world.tracker.moves(three)[-1]
    assert (move.how, move.before, move.to) == ("rollback", "3", "2")
    assert move.why == "invents order numbers"
    assert "@" in move.by and move.at.endswith("+00:00")
    assert f"tunesmith rollback {three} --to 3" in told


def test_pressed_twice_goes_back_once(world: World, three: str) -> None:
    rollback(three, world.settings(), None, "")
    told = rollback(three, world.settings(), None, "")
    assert world.tracker.serving(three) == "2"
    assert "since the rollback from version 3" in told and "nothing was moved" in told
    assert len(world.tracker.moves(three)) == 4


def test_further_back_when_named(world: World, three: str) -> None:
    rollback(three, world.settings(), None, "")
    release = world.tracker.versions(three)[0].tags["release"]
    rollback(three, world.settings(), release, "")
    assert world.tracker.serving(three) == "1"
    assert rollback(three, world.settings(), "v1", "").endswith("--to VERSION")
    assert len(world.tracker.moves(three)) == 5


def test_a_promotion_after_a_rollback_can_be_undone_too(world: World, three: str) -> None:
    rollback(three, world.settings(), None, "")
    world.promoted(three, "promoted-later")
    rollback(three, world.settings(), None, "")
    assert [move.to for move in world.tracker.moves(three)[-3:]] == ["2", "4", "2"]
    assert world.tracker.serving(three) == "2"


def test_a_killed_rollback_is_ended(
    world: World, three: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Tracker, registered: Registered, alias: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tracker, "set_alias", killed)
        rollback(three, world.settings(), None, "first")
    assert world.tracker.serving(three) == "3"
    rollback(three, world.settings(), None, "second")
    assert world.tracker.serving(three) == "2"
    assert [move.why for move in world.tracker.moves(three) if move.how == "rollback"] == ["first"]


def test_an_alias_that_was_moved_by_hand_lags(world: World, three: str) -> None:
    assert lagging(world.tracker, three) == ""
    rollback(three, world.settings(), None, "")
    assert lagging(world.tracker, three) == ""
    world.tracker.client.set_registered_model_alias(three, CHAMPION, "1")
    found = lagging(world.tracker, three)
    assert "the last rollback put the alias champion on version 2, but it points at 1" in found
    rollback(three, world.settings(), "2", "")
    assert lagging(world.tracker, three) == lagging(world.tracker, "unheard-of") == ""


def test_nothing_to_go_back_to(world: World) -> None:
    with pytest.raises(InputError, match="no version of a model of this name"):
        rollback("unheard-of", world.settings(), None, "")
    world.promoted("only-one", "only-one-1")
    with pytest.raises(Unready, match="version 1 serves, and no version served before it"):
        rollback("only-one", world.settings(), None, "")
    with pytest.raises(InputError, match=r"--to 7: .* expected one of only-one-v1-20"):
        rollback("only-one", world.settings(), "7", "")
    with pytest.raises(InputError, match="2,001 characters"):
        rollback("only-one", world.settings(), None, "x" * 2001)
    world.tracker.client.delete_registered_model_alias("only-one", CHAMPION)
    with pytest.raises(Unready, match="no version has the alias champion"):
        rollback("only-one", world.settings(), None, "")
    rollback("only-one", world.settings(), "1", "")
    assert world.tracker.serving("only-one") == "1"


def test_a_finished_promotion_is_not_made_again_after_a_rollback(world: World, three: str) -> None:
    """The end of a retrain may run again after a kill; by then somebody may have gone back."""
    release = world.ended(three, "taken-up-again", "promote")
    assert world.register(release).version == "4"
    rollback(three, world.settings(), None, "")
    assert world.register(release).version == "4"
    assert world.tracker.serving(three) == "3"
    assert [move.how for move in world.tracker.moves(three)].count("promote") == 4


def versions_of(world: World, name: str, *adapters: str) -> None:
    """Versions that the gate promoted, with adapters of these digests."""
    for number, digest in enumerate(adapters, 1):
        release = world.ended(name, f"{name}-{number}", "promote")
        adapter = release.adapter.model_copy(update={"digest": digest})
        tags = {**release.tags, "adapter": adapter.model_dump_json()}
        world.register(release.model_copy(update={"tags": tags}))


def withdrawn(world: World, name: str) -> dict[str, str]:
    return champions.withdrawn(world.tracker, world.settings().database, name)


def test_what_was_rolled_back_is_withdrawn_until_a_person_brings_it_back(world: World) -> None:
    versions_of(world, "withdrawn", "a", "b", "c")
    assert withdrawn(world, "withdrawn") == {}
    rollback("withdrawn", world.settings(), None, "invents numbers")
    [(adapter, why)] = withdrawn(world, "withdrawn").items()
    assert adapter == "c"
    assert "version 3 of withdrawn had this very adapter, and " in why
    assert "@" in why and why.endswith(" UTC: invents numbers")

    rollback("withdrawn", world.settings(), "1", "")
    assert list(withdrawn(world, "withdrawn")) == ["c", "b"]
    rollback("withdrawn", world.settings(), "3", "it was the proxy")
    # Version 1 served meanwhile, and a newer one took its place: that says nothing against it.
    assert list(withdrawn(world, "withdrawn")) == ["b"]


def test_an_override_brings_back_what_was_withdrawn(world: World) -> None:
    versions_of(world, "brought-back", "a")
    release = world.ended("brought-back", "brought-back-2", "reject")
    override("brought-back-2", world.settings("reject"), "first")
    rollback("brought-back", world.settings("reject"), None, "")
    assert "rolled it back" in withdrawn(world, "brought-back")[release.adapter.digest]
    override("brought-back-2", world.settings("reject"), "second")
    assert withdrawn(world, "brought-back") == {}
    assert withdrawn(world, "unheard-of") == {}


def told_at_home(world: World, retrain: str) -> str:
    return (world.home / "reports" / f"{retrain}.html").read_text()


def told_in_mlflow(world: World, release: Release, tmp_path: Path) -> str:
    found = world.tracker.client.download_artifacts(release.run, "report.html", str(tmp_path))
    return Path(found).read_text()


@pytest.mark.parametrize("kind", ["reject", "inconclusive"])
def test_a_person_promotes_with_a_reason(world: World, kind: str, tmp_path: Path) -> None:
    name = f"overridden-{kind}"
    world.promoted(name, f"{name}-1")
    release = world.ended(name, f"{name}-2", kind)
    told = override(f"{name}-2", world.settings(kind), " It is\nthe law. ")

    tracker = world.tracker
    assert tracker.serving(name) == "2"
    assert str(tracker.client.get_model_version_by_alias(name, CANDIDATE).version) == "2"
    assert kind in told and f"tunesmith rollback {name}" in told
    version = tracker.versions(name)[-1]
    kept = json.loads(version.tags["override"])
    assert kept["reason"] == "It is the law."
    assert "@" in kept["by"]
    assert (version.tags["decision"], version.tags["promoted"]) == (kind, "override")
    assert version.tags["replaced"] == "1"
    card = tracker.client.get_model_version(name, "2").description
    assert f"against the verdict**, which is *{kind}*" in card and "> It is the law." in card
    verdict = tracker.document(release.run, "verdict.json")
    assert verdict["decision"] == kind
    assert verdict["override"] == {**kept, "version": "2"}
    for page in (told_at_home(world, f"{name}-2"), told_in_mlflow(world, release, tmp_path)):
        assert "Promoted by a person" in page
        first, then = page.index("because “It is the law.”"), page.index("The gate did not promote")
        assert page.index("The verdict") > first and then > first
    tags = tracker.client.get_run(release.run).data.tags
    assert json.loads(tags["tunesmith.override"])["reason"] == "It is the law."
    assert "It is the law." in tags["mlflow.note.content"]


def test_overriding_twice_changes_nothing(world: World) -> None:
    world.ended("twice", "twice-1", "reject")
    first = override("twice-1", world.settings("reject"), "first")
    assert override("twice-1", world.settings("reject"), "second") == first
    assert [move.why for move in world.tracker.moves("twice")] == ["first"]
    assert len(world.tracker.versions("twice")) == 1


def test_a_killed_override_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(self: Tracker, registered: Registered, alias: str) -> None:
        if alias == CHAMPION:
            raise KeyboardInterrupt

    world.promoted("killed", "killed-1")
    world.ended("killed", "killed-2", "reject")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tracker, "set_alias", killed)
        override("killed-2", world.settings("reject"), "because")
    assert world.tracker.serving("killed") == "1"
    override("killed-2", world.settings("reject"), "because")
    assert world.tracker.serving("killed") == "2"
    assert [move.how for move in world.tracker.moves("killed")] == ["promote", "override"]
    assert (
        "tunesmith.override"
        in world.tracker.client.get_run(world.tracker.versions("killed")[1].run).data.tags
    )


def test_overriding_after_a_rollback_is_a_new_decision(world: World) -> None:
    world.promoted("anew", "anew-1")
    world.ended("anew", "anew-2", "reject")
    override("anew-2", world.settings("reject"), "first")
    rollback("anew", world.settings("reject"), None, "")
    override("anew-2", world.settings("reject"), "second")
    assert world.tracker.serving("anew") == "2"
    tags = world.tracker.versions("anew")[-1].tags
    assert json.loads(tags["override"])["reason"] == "second"
    assert [move.why for move in world.tracker.moves("anew") if move.how == "override"] == [
        "first",
        "second",
    ]


@pytest.mark.parametrize("reason", ["", " \n "])
def test_no_reason_no_override(world: World, reason: str) -> None:
    world.ended("unreasoned", f"unreasoned-{len(reason)}", "reject")
    with pytest.raises(InputError, match="--reason is empty"):
        override(f"unreasoned-{len(reason)}", world.settings("reject"), reason)
    assert world.tracker.serving("unreasoned") is None


@pytest.mark.parametrize(
    "outcome, found",
    [
        (None, "has not ended"),
        ("promote", "was promoted by the gate"),
        ("unchanged", "ended as unchanged"),
        ("inputerror", "ended as inputerror"),
    ],
)
def test_nothing_to_override(world: World, outcome: str | None, found: str) -> None:
    world.row("refused", f"refused-{outcome}", outcome)
    with pytest.raises(Unready, match=found):
        override(f"refused-{outcome}", world.settings(), "because")


def test_an_unknown_retrain_names_those_that_could_be_meant(world: World) -> None:
    world.ended("named", "named-1", "reject")
    with pytest.raises(InputError, match="newest that were not promoted: .*named-1"):
        override("named-2", world.settings("reject"), "because")


def test_no_reason_overrules_a_package_that_is_not_fit(world: World) -> None:
    world.ended("broken", "broken-1", "unfit")
    with pytest.raises(Unready, match="stop_token: 2 of 8 answers end by a stop token"):
        override("broken-1", world.settings("unfit"), "because")
    assert world.tracker.versions("broken") == []


def test_a_retrain_of_another_mlflow_cannot_be_overridden(world: World) -> None:
    run = world.tracker.start_run("bare", "bare-1", RUN_TAGS)
    world.row("bare", "bare-1", "reject", run)
    with pytest.raises(MissingArtifact, match=r"has no release\.json"):
        override("bare-1", world.settings("reject"), "because")


def test_the_commands(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.promoted("told", "told-1")
    world.ended("told", "told-2", "reject")
    monkeypatch.setenv("TUNESMITH_HOME", str(world.home))
    monkeypatch.setenv("TUNESMITH_STORE", world.settings("reject").store_location)
    run = CliRunner().invoke
    assert run(main, ["override", "told-2"]).exit_code == 2
    assert run(main, ["override", "told-2", "--reason", " "]).exit_code == InputError.exit_code
    assert run(main, ["override", "told-2", "--reason", "because"]).exit_code == 0
    assert world.tracker.serving("told") == "2"
    assert "told-v2-" in run(main, ["history", "told"]).output
    assert run(main, ["rollback", "told", "--why", "it was wrong"]).exit_code == 0
    assert world.tracker.moves("told")[-1].why == "it was wrong"
    assert world.tracker.serving("told") == "1"
