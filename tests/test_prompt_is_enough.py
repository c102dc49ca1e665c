"""A retrain whose target a baseline reaches: it stops, and goes on where the recipe says so."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from click.testing import CliRunner

from tests.test_retrains import RECIPES
from tunesmith import recipe as recipes
from tunesmith import retrains
from tunesmith.cli import main
from tunesmith.commands.terminal import summary
from tunesmith.retrains import Ended
from tunesmith.settings import Settings


class World(NamedTuple):
    """A folder with the tiny task, on which the base is asked what it can do already."""

    recipe: Path
    settings: Settings

    def run(self, **changes: Any) -> Ended:
        """Run the recipe with changes; `target` is of grounding, which the base has."""
        raw = yaml.safe_load(self.recipe.read_text())
        self.recipe.write_text(yaml.safe_dump({**raw, **changes}))
        return retrains.run(self.recipe, self.settings, trigger="manual", why="", accept=())

    def built(self) -> dict[str, int]:
        """How often each stage has been built."""
        counts: dict[str, int] = {}
        for record in self.settings.store().all_records():
            counts[record["stage"]] = counts.get(record["stage"], 0) + 1
        return counts


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> World:
    folder = tmp_path_factory.mktemp("enough")
    shutil.copytree(RECIPES / "tiny", folder / "tiny", ignore=shutil.ignore_patterns("base"))
    shutil.copytree(tiny_base, folder / "tiny/base")
    raw = yaml.safe_load((RECIPES / "tiny.yaml").read_text())
    raw["probe"] = None
    raw["predict"] |= {"sample": 24}
    raw["evaluate"] |= {"primary": "grounding"}
    raw["train"] |= {"sample": 16, "validation_sample": 8, "epochs": 1}
    small = {"prompt_baseline": {"shots": [0]}, "package": {"merged": False, "prompts": 2}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**raw, **small}))
    return World(folder / "tiny.yaml", Settings(home=folder / "home"))


@pytest.fixture(scope="module")
def stopped(world: World) -> Ended:
    return world.run(target=0.5)


def test_nothing_is_trained_and_it_says_why_and_what_to_do(stopped: Ended, world: World) -> None:
    assert (stopped.outcome, stopped.registered) == ("prompt_is_enough", None)
    assert not {"train", "package", "gate"} & world.built().keys()
    good_enough, figure, asked, failing, go_on = stopped.reasons
    assert good_enough == "The prompt baseline is good enough, so nothing was trained."
    assert figure.startswith("Its grounding is ")
    assert figure.endswith("all of it at or above the target of 0.5.")
    assert "the rows' own system prompt and no examples" in asked
    assert failing.startswith("Answers that do not pass every metric: 24 of 24;")  # the format
    assert "train_beyond_target: true" in go_on
    told = summary(stopped)
    assert told.startswith("\nA prompt is enough: nothing was registered or moved.\n")
    assert all(reason in told for reason in stopped.reasons)
    assert told.count("n = 24: all of it") == 1


def test_the_report_and_the_run_tell_the_same(stopped: Ended, world: World) -> None:
    page = Path(stopped.report).read_text()
    assert "<h1>A prompt is enough</h1>" in page
    assert "Is fine-tuning the answer?" in page
    assert "<h2>Training</h2>" not in page
    tracker = retrains.open_tracker(world.settings)
    [run] = tracker.client.search_runs(
        [tracker.client.get_experiment_by_name("tiny").experiment_id]
    )
    tags = run.data.tags
    assert tags["tunesmith.outcome"] == tags["tunesmith.decision"] == "prompt_is_enough"
    assert stopped.reasons[0] in tags["mlflow.note.content"]
    assert run.info.status == "FINISHED"
    assert tracker.document(run.info.run_id, "advice.json")["enough"] == "prompt_baseline"
    assert "test/prompt_baseline/grounding" in run.data.metrics


def test_again_it_ends_the_same_and_builds_nothing(stopped: Ended, world: World) -> None:
    before = world.built()
    killed = retrains.start(recipes.load(world.recipe), world.settings, "manual", "")
    again = world.run(target=0.5)
    assert again.id == killed.id != stopped.id
    assert (again.outcome, again.reasons) == (stopped.outcome, stopped.reasons)
    assert world.built() == before


def test_the_command_prints_what_was_built(
    stopped: Ended, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(world.settings.home))
    told = CliRunner().invoke(main, ["advise", str(world.recipe)], catch_exceptions=False).output
    assert told.startswith("advice for tiny: prompt\n  rule 'good enough'")
    assert stopped.reasons[1].removeprefix("Its ").removesuffix(".") in told
    checked = CliRunner().invoke(main, ["check", str(world.recipe)], catch_exceptions=False).output
    assert "the run stops here" in checked
    assert "  train  " not in checked


def test_it_trains_all_the_same_where_the_recipe_says_so(stopped: Ended, world: World) -> None:
    before = world.built()
    gone_on = world.run(target=0.5, train_beyond_target=True)
    assert gone_on.outcome in ("promote", "reject", "inconclusive")
    after = world.built()
    assert (before.get("train"), after["train"]) == (None, 1)
    assert after["advise"] == before["advise"]  # the advice is the same
    assert "at or above the target of 0.5" in gone_on.advice


def test_without_a_target_nothing_stops_and_it_says_so(stopped: Ended, world: World) -> None:
    ended = world.run(target=None, train_beyond_target=False)
    assert ended.outcome != "prompt_is_enough"
    assert "the recipe has no target, so nothing stops before training" in summary(ended)
    assert "the recipe has no target" in Path(ended.report).read_text()
