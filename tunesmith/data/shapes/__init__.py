"""The shapes that rows come in, and telling which one a source has.

The shape is told from the keys of a source's first rows, and holds for the whole source: a row of
another shape is dropped. Where they fit no shape by its own keys, common other names of these are
tried. Where the keys fit no shape, or two, the recipe must say it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from tunesmith.data.shapes import chats, pairs
from tunesmith.data.shapes.rows import Facts
from tunesmith.data.shapes.values import Values
from tunesmith.errors import InputError
from tunesmith.records import Example

ShapeName = Literal[
    "chat",
    "prompt_completion",
    "alpaca",
    "sharegpt",
    "preference",
    "openai_preference",
    "label",
]


class Shape(NamedTuple):
    """A shape: the fields that tell it, those that it may have, and how to read it."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[Values, Facts], Example]


SHAPES: Mapping[ShapeName, Shape] = {
    "chat": Shape(("messages",), ("tools",), chats.from_messages),
    "prompt_completion": Shape(
        ("prompt", "completion"), ("system", "tools"), chats.from_completion
    ),
    "alpaca": Shape(
        ("instruction", "output"), ("input", "system", "history"), chats.from_instruction
    ),
    "sharegpt": Shape(("conversations",), ("system", "tools"), chats.from_conversations),
    "preference": Shape(("chosen", "rejected"), ("prompt", "system"), pairs.from_pair),
    "openai_preference": Shape(
        ("input", "preferred_output", "non_preferred_output"), (), pairs.from_outputs
    ),
    "label": Shape(("text", "label"), (), pairs.from_label),
}
SYNONYMS: tuple[tuple[ShapeName, Mapping[str, str]], ...] = (
    ("label", {"label": "category"}),
    ("label", {"label": "intent"}),
    ("label", {"label": "class"}),
    ("alpaca", {"output": "response"}),
    ("alpaca", {"input": "context", "output": "response"}),
    ("prompt_completion", {"completion": "response"}),
    ("prompt_completion", {"prompt": "question", "completion": "answer"}),
)
"""Keys by field that stand for a shape's own, and are taken without a mapping."""
_GROUNDS = (
    "context", "contexts", "passage", "document", "documents", "article", "input", "history",
    "choices", "options",
)  # fmt: skip
"""Keys of what an answer rests on: a shape that would pass over one is not guessed."""
PROVENANCE = {"origin": "origin", "reviewed_by": "reviewed_by", "reviewed_at": "reviewed_at",
              "written": "created_at"}  # fmt: skip
"""Fields that any row may have, by their usual keys."""
FIELDS = frozenset(PROVENANCE).union(
    *(shape.required + shape.optional for shape in SHAPES.values())
)
"""Fields that a recipe may map columns to."""


class Told(NamedTuple):
    """A shape, and the keys of its fields where they differ."""

    shape: ShapeName
    columns: Mapping[str, str]


def tell(rows: Iterable[Mapping[str, Any]], names: Mapping[str, str], where: str) -> Told:
    """Return the shape of rows: the one that most of them fit.

    Args:
        rows: The first rows of a source; without any, they count as chats.
        names: Keys by field, where the recipe maps them.
        where: The source, for the message.

    Returns:
        The shape, with `names` and the synonyms that were taken.

    Raises:
        InputError: when they fit none, or two alike, with what to write into the recipe.
    """
    rows = list(rows)
    keys = dict.fromkeys(key for row in rows for key in row)
    if not keys:
        return Told("chat", names)
    ranked = _ranked(rows, [Told(name, names) for name in SHAPES])
    if not ranked:
        filled = {key for row in rows for key, value in row.items() if value is not None}
        ranked = _ranked(rows, _synonymous(names, filled))
    found = ", ".join(keys)[:300]
    if not ranked:
        raise InputError(
            f"{where}: rows with the keys {found} have no shape that is known. Say in the recipe "
            "which keys hold what, such as `columns: {prompt: question, completion: answer}` "
            f"beside the path; expected one of these: {_known()}"
        )
    if len(ranked) > 1 and 2 * ranked[1][1] > ranked[0][1]:
        first, second = (stated(*way, names) for way, _ in ranked[:2])
        asked = " or ".join(_asked(way, names) for way, _ in ranked[:2])
        raise InputError(
            f"{where}: rows with the keys {found} can be read as {first} and as {second}. Say in "
            f"the recipe which: {asked} beside the path"
        )
    return ranked[0][0]


def stated(shape: ShapeName, columns: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Say a shape with the synonyms that were taken beside what the recipe names."""
    taken = _taken(columns, names)
    return f"{shape} ({taken})" if taken else shape


def _asked(way: Told, names: Mapping[str, str]) -> str:
    taken = _taken(way.columns, names)
    return f"`columns: {{{taken}}}`" if taken else f"`shape: {way.shape}`"


def _taken(columns: Mapping[str, str], names: Mapping[str, str]) -> str:
    return ", ".join(f"{field}: {key}" for field, key in columns.items() if field not in names)


def _synonymous(names: Mapping[str, str], filled: set[str]) -> list[Told]:
    """Return the ways to read rows by synonyms of fields that the recipe does not map itself.

    Args:
        names: Keys by field, where the recipe maps them.
        filled: The keys that hold something in any row.
    """
    ways = []
    for name, taken in SYNONYMS:
        columns = {**names, **taken}
        shape = SHAPES[name]
        read = {columns.get(field, field) for field in shape.required + shape.optional}
        passed_over = filled.intersection(_GROUNDS) - read
        if names.keys().isdisjoint(taken) and filled.issuperset(taken.values()) and not passed_over:
            ways.append(Told(name, columns))
    return ways


def _ranked(rows: list[Mapping[str, Any]], ways: Iterable[Told]) -> list[tuple[Told, int]]:
    """Return the ways that rows can be read in, with how many can, most first."""
    fits = []
    for way in ways:
        needed = [way.columns.get(field, field) for field in SHAPES[way.shape].required]
        count = sum(all(row.get(key) is not None for key in needed) for row in rows)
        if count:
            fits.append((way, count))
    return sorted(fits, key=lambda fit: -fit[1])


def _known() -> str:
    return "; ".join(f"{name} ({', '.join(shape.required)})" for name, shape in SHAPES.items())
