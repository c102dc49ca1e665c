"""The shapes that rows come in, and telling which one a source has.

The shape is told from the keys of a source's first rows, and holds for the whole source: a row of
another shape is dropped. Where the keys fit no shape, or two, the recipe must say it.
"""

from collections import Counter
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
PROVENANCE = {"origin": "origin", "reviewed_by": "reviewed_by", "reviewed_at": "reviewed_at",
              "written": "created_at"}  # fmt: skip
"""Fields that any row may have, by their usual keys."""
FIELDS = frozenset(PROVENANCE).union(
    *(shape.required + shape.optional for shape in SHAPES.values())
)
"""Fields that a recipe may map columns to."""


def tell(rows: Iterable[Mapping[str, Any]], names: Mapping[str, str], where: str) -> ShapeName:
    """Return the shape of rows: the one that most of them fit.

    Args:
        rows: The first rows of a source; without any, they count as chats.
        names: Keys by field, where the recipe maps them.
        where: The source, for the message.

    Raises:
        InputError: when they fit none, or two alike, with what to write into the recipe.
    """
    fits: Counter[ShapeName] = Counter()
    keys: dict[str, None] = {}
    for row in rows:
        keys.update(dict.fromkeys(row))
        for shape_name, shape in SHAPES.items():
            if all(row.get(names.get(field, field)) is not None for field in shape.required):
                fits[shape_name] += 1
    if not keys:
        return "chat"
    found = ", ".join(keys)[:300]
    ranked = fits.most_common(2)
    if not ranked:
        raise InputError(
            f"{where}: rows with the keys {found} have no shape that is known. Say in the recipe "
            "which keys hold what, such as `columns: {prompt: question, completion: answer}` "
            f"beside the path; expected one of these: {_known()}"
        )
    if len(ranked) == 2 and 2 * ranked[1][1] > ranked[0][1]:
        raise InputError(
            f"{where}: rows with the keys {found} can be read as {ranked[0][0]} and as "
            f"{ranked[1][0]}. Say in the recipe which: `shape: {ranked[0][0]}` or "
            f"`shape: {ranked[1][0]}` beside the path"
        )
    return ranked[0][0]


def _known() -> str:
    return "; ".join(f"{name} ({', '.join(shape.required)})" for name, shape in SHAPES.items())
