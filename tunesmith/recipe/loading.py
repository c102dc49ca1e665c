"""Loading a recipe: every mistake is collected before raising, each with file, line and field."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tunesmith.errors import RecipeError
from tunesmith.mistakes import expected, message, of_validation
from tunesmith.recipe import checks
from tunesmith.recipe.model import Recipe
from tunesmith.recipe.named_files import read_named_files, read_systems
from tunesmith.yaml_files import read_yaml

TRAINING_KEYS = ("reference_examples", "golden", "evaluate", "train")
"""What `tunesmith prepare` does without, and a retrain does not."""
_TAKING = ("evaluate", "package", "probe", "examine", "gate", "split", "mix")
"""Parts that take values from others."""
_PRIVATE = ("judge",)
"""Parts in which somebody may have put a key."""


def load(
    path: Path,
    training: bool = True,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Recipe:
    """Load a recipe and check everything that can be checked before a stage runs.

    Args:
        path: The recipe.
        training: Ask for what training and judging need too.
        change: Changes what the file says before it is checked, to try something out.

    Raises:
        RecipeError: with every mistake, one a line.
    """
    raw, marks = read_yaml(path, "a recipe", "name, task and base")
    if change is not None:
        raw = change(raw)
    mistakes = [*read_named_files(raw, path), *read_systems(raw, path), *checks.prompting(raw)]
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False)
        mistakes += list(of_validation(Recipe, found, marks, mistakes, _TAKING, _PRIVATE))
    mistakes.extend(checks.of_files(raw, path))
    if training:
        missing = (name for name in TRAINING_KEYS if raw.get(name) is None)
        mistakes.extend(((name,), f"is missing; {expected(Recipe, (name,))}") for name in missing)
    if recipe is not None:
        recipe._path = path.absolute()
        mistakes.extend(checks.of_recipe(recipe, raw, training))
        if not any(field[:1] == ("judge",) for field, _ in mistakes):
            mistakes.extend(checks.of_judge(recipe))
    if mistakes or recipe is None:
        raise RecipeError(message(path, marks, mistakes))
    return recipe
