"""YAML that people write: the line of every field, and no key that stands twice."""

from pathlib import Path
from typing import Any

import yaml

from tunesmith.errors import RecipeError

Place = tuple[str | int, ...]
"""Keys and indices that lead to a field."""
MAX_BYTES = 1 << 20
MAX_FIELDS = 20_000
"""Fields of a file, each alias written out: a few lines of YAML can stand for billions."""


class _Loader(yaml.SafeLoader):
    """Tells what cannot be, such as the 30th of February, as anything else that is no YAML."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                problem=f"this is read as {kind}, and is none; put text into quotes",
                problem_mark=node.start_mark,
            ) from error


def read_yaml(path: Path, what: str, keys: str) -> tuple[dict[str, Any], dict[Place, int]]:
    """Return what a file says, and the line of each field.

    Args:
        path: The file.
        what: It should be, such as "a recipe".
        keys: Some that it should have, for whoever gives another file.

    Raises:
        RecipeError: it cannot be read, is no mapping, or a key stands twice.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"{path}: larger than {MAX_BYTES >> 20} MiB; is this {what}?")
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; expected {what} in YAML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        marks: dict[Place, int] = {}
        if node is not None:
            _mark(node, (), marks, path, what)
        raw = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise RecipeError(f"{path}{at}: not YAML: {problem}") from error
    if not isinstance(raw, dict):
        raise RecipeError(f"{path} line 1: expected keys such as {keys}")
    return raw, marks


def line_of(field: Place, marks: dict[Place, int]) -> int:
    """Return the line of a field, or of what it should stand in."""
    while field and field not in marks:
        field = field[:-1]
    return marks.get(field, 1)


def _mark(node: yaml.Node, at: Place, marks: dict[Place, int], path: Path, what: str) -> None:
    """Note the line of every field, and refuse a key that stands twice."""
    marks.setdefault(at, node.start_mark.line + 1)
    if len(marks) > MAX_FIELDS:
        raise RecipeError(f"{path}: more than {MAX_FIELDS} fields; is this {what}?")
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
            _mark(value, field, marks, path, what)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _mark(value, (*at, index), marks, path, what)
