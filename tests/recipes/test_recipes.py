"""Every recipe of the repository loads."""

from pathlib import Path

import pytest

from tunesmith import recipe

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
