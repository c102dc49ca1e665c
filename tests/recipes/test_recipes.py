"""Every recipe of the repository loads."""

from pathlib import Path

import pytest

from tunesmith import recipe
from tunesmith.example_data.support_email import FORMAT

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted(FOLDER.rglob("*.yaml"))


def test_there_are_recipes() -> None:
    assert {path.stem for path in RECIPES} >= {"tiny", "support_email"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_loads(path: Path) -> None:
    loaded = recipe.load(path)
    assert loaded.split.salt == loaded.name
    assert loaded.evaluate.format == loaded.score.format
    assert loaded.gate.primary == loaded.evaluate.primary


def test_the_demo_asks_the_suites_and_bends_none() -> None:
    demo = recipe.load(FOLDER / "support_email.yaml")
    assert demo.probe is not None
    assert demo.probe.of_suite >= 40
    assert not demo.gate.tolerances
    assert demo.mix.replay is not None


def test_the_demo_wants_the_form_that_its_data_have() -> None:
    assert recipe.load(FOLDER / "support_email.yaml").score.format == FORMAT + r"\Z"
