"""Loading a recipe: every mistake is collected before raising, each with file, line and field."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tunesmith.errors import RecipeError
from tunesmith.recipe import checks
from tunesmith.recipe.mistakes import Place, expected, message, of_validation
from tunesmith.recipe.model import Recipe
from tunesmith.recipe.named_files import MAX_BYTES, read_named_files, read_systems

TRAINING_KEYS = ("reference_examples", "golden", "evaluate", "train")
"""What `tunesmith prepare` does without, and a retrain does not."""
MAX_FIELDS = 20_000
"""Fields of a recipe, each alias written out: a few lines of YAML can stand for billions."""


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
    raw, marks = _parse(path)
    if change is not None:
        raw = change(raw)
    mistakes = [*read_named_files(raw, path), *read_systems(raw, path), *checks.prompting(raw)]
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False)
        mistakes += list(of_validation(found, marks, mistakes))
    mistakes.extend(checks.of_files(raw, path))
    if training:
        missing = (name for name in TRAINING_KEYS if raw.get(name) is None)
        mistakes.extend(((name,), f"is missing; {expected((name,))}") for name in missing)
    if recipe is not None:
        recipe._path = path.absolute()
        mistakes.extend(checks.of_recipe(recipe, raw, training))
        if not any(field[:1] == ("judge",) for field, _ in mistakes):
            mistakes.extend(checks.of_judge(recipe))
    if mistakes or recipe is None:
        raise RecipeError(message(path, marks, mistakes))
    return recipe


def _parse(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"{path}: larger than {MAX_BYTES >> 20} MiB; is this a recipe?")
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; expected a recipe in YAML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        marks: dict[Place, int] = {}
        if node is not None:
            _mark(node, (), marks, path)
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise RecipeError(f"{path}{at}: not YAML: {problem}") from error
    if not isinstance(raw, dict):
        raise RecipeError(f"{path} line 1: expected keys such as name, task and base")
    return raw, marks


def _mark(node: yaml.Node, at: Place, marks: dict[Place, int], path: Path) -> None:
    """Note the line of every field, and refuse a key that stands twice."""
    marks.setdefault(at, node.start_mark.line + 1)
    if len(marks) > MAX_FIELDS:
        raise RecipeError(f"{path}: more than {MAX_FIELDS} fields; is this a recipe?")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise RecipeError(f"{path} line {line}: a key is a list or a mapping, not a word")
            field = (*at, key.value)
            if field in marks:
                raise RecipeError(
                    f"{path} line {line}: {key.value} stands twice; the first is on line "
                    f"{marks[field]}. Remove one"
                )
            marks[field] = line
            _mark(value, field, marks, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _mark(value, (*at, index), marks, path)
