"""A whole retrain on the tiny model, from its sources to a registered version and back."""

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tunesmith import recipe as recipes
from tunesmith import retrains
from tunesmith.artifacts import Adapter, Examples
from tunesmith.commands.terminal import summary
from tunesmith.records import ChatExample
from tunesmith.reporting.looks import looks
from tunesmith.reporting.tracking import CHAMPION, lineage
from tunesmith.retrains import Ended
from tunesmith.settings import Settings

RECIPES = Path(__file__).parents[1] / "recipes"


class World(NamedTuple):
    """A folder with the tiny recipe, and the retrain that was run there."""

    recipe: Path
    settings: Settings
    ended: Ended


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> World:
    folder = tmp_path_factory.mktemp("retrain")
    shutil.copy(RECIPES / "tiny.yaml", folder)
    shutil.copytree(RECIPES / "tiny", folder / "tiny")
    shutil.copytree(tiny_base, folder / "tiny/base")
    settings = Settings(home=folder / "home")
    return World(folder / "tiny.yaml", settings, run(folder / "tiny.yaml", settings))


def run(recipe: Path, settings: Settings) -> Ended:
    return retrains.run(recipe, settings, trigger="manual", why="a test", accept=())


def test_it_promotes_and_registers(world: World) -> None:
    assert world.ended.outcome == "promote"
    assert world.ended.registered is not None
    assert Path(world.ended.report).read_text().startswith("<!doctype html>")
    assert all("better" in reason or "not worse" in reason for reason in world.ended.reasons)


def test_a_version_leads_to_rows_recipe_scores_and_reason(world: World) -> None:
    assert world.ended.registered is not None
    name, version = world.ended.registered.name, world.ended.registered.version
    found = lineage(retrains.open_tracker(world.settings), name, version)
    store, tags = world.settings.store(), found["tags"]

    recipe = recipes.load(world.recipe)
    assert found["recipe"] == json.loads(recipe.model_dump_json(by_alias=True))
    assert recipes.Recipe.model_validate(found["recipe"]).digest == recipe.digest
    assert found["verdict"]["decision"] == "promote"
    assert tags["reason"] == "; ".join(found["verdict"]["reasons"])
    assert (tags["trigger"], tags["why"]) == ("manual", "a test")
    assert tags["started_by"] and tags["commit"] and tags["sources"]
    train = Examples(digest=tags["train"], rows=0, dropped=0)
    assert all(isinstance(row, ChatExample) for row in store.rows(train, ChatExample))
    adapter = Adapter.model_validate_json(tags["adapter"])
    assert store.path(adapter).is_dir()
    assert found["metrics"]["test/candidate/format"] > found["metrics"]["test/base/format"]


def test_steps_stand_once_under_their_timestamps(world: World) -> None:
    tracker = retrains.open_tracker(world.settings)
    champion = tracker.champion("tiny")
    assert champion is not None
    run = tracker.client.get_model_version("tiny", champion.version).run_id
    history = tracker.client.get_metric_history(run, "train/loss")
    steps = [step for step in world.settings.store().steps(champion.adapter) if "loss" in step]
    assert {(item.step, item.timestamp, item.value) for item in history} == {
        (int(step["step"]), int(step["timestamp"] * 1000), step["loss"]) for step in steps
    }
    assert len(history) == len(steps)


def test_the_same_again_is_unchanged(world: World) -> None:
    tracker = retrains.open_tracker(world.settings)
    before = tracker.champion("tiny")
    again = run(world.recipe, world.settings)
    assert again.outcome == "unchanged"
    assert again.registered is None
    assert again.id != world.ended.id
    assert tracker.champion("tiny") == before
    assert len(tracker.client.search_model_versions("name='tiny'")) == 1


def test_an_unfinished_retrain_is_taken_up(world: World) -> None:
    recipe = recipes.load(world.recipe)
    first = retrains.start(recipe, world.settings, "drift", "first")
    second = retrains.start(recipe, world.settings, "manual", "second")
    assert second.resumed and not first.resumed
    assert (second.id, second.run, second.trigger) == (first.id, first.run, "drift")
    assert run(world.recipe, world.settings).id == first.id
    assert not retrains.start(recipe, world.settings, "manual", "").resumed


def test_the_version_has_a_name_a_card_and_an_account(world: World) -> None:
    tracker = retrains.open_tracker(world.settings)
    registered = world.ended.registered
    assert registered is not None
    version = tracker.client.get_model_version("tiny", registered.version)
    assert re.fullmatch(r"tiny-v1-20\d\d-[01]\d", registered.release)
    assert f"(registered as {registered.release}, version 1 of tiny)" in summary(world.ended)
    assert version.tags["tunesmith.release"] == registered.release
    assert version.description.startswith(f"# {registered.release}\n\nPromoted by the gate on ")
    folder = tracker.client.download_artifacts(version.run_id, "adapter")
    card = Path(folder, "README.md").read_text()
    assert "## How to make it again" in card
    assert recipes.load(world.recipe).digest in card
    assert "golden set: 1 verdict so far" in card
    assert "golden set: 1 verdict so far" in Path(world.ended.report).read_text()
    [move] = tracker.moves("tiny")
    assert (move.how, move.before, move.to) == ("promote", None, "1")
    assert move.retrain == world.ended.id


def test_one_verdict_is_one_look(world: World) -> None:
    """Also when the same retrain has run again: nothing new was seen."""
    champion = retrains.open_tracker(world.settings).versions("tiny")[0]
    found = looks(world.settings.store())
    for name in ("test", "golden"):
        assert [look.verdict for look in found[champion.tags[name]]] == [champion.tags["verdict"]]


def test_registering_twice_makes_one_version(world: World) -> None:
    tracker = retrains.open_tracker(world.settings)
    version = tracker.client.get_model_version_by_alias("tiny", CHAMPION)
    again = tracker.register(
        "tiny", version.tags["tunesmith.retrain"], version.run_id, Path("unused"), {}
    )
    assert again.version == str(version.version)
