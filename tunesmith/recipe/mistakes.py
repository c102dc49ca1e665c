"""What is wrong with a recipe, each mistake with its field, told by line."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tunesmith.recipe.model import Recipe
from tunesmith.yaml_files import Place, line_of

Mistake = tuple[Place, str]


_TAKING = ("evaluate", "package", "probe", "examine", "gate", "split", "mix")
"""Parts that take values from others."""


def message(path: Path, marks: dict[Place, int], mistakes: list[Mistake]) -> str:
    """Tell all mistakes, in the order of the file's lines; `marks` has the line of each field."""
    lines = []
    for field, text in mistakes:
        name, line = ".".join(str(part) for part in field) or "recipe", line_of(field, marks)
        lines.append((line, f"{path} line {line}: {name}: {text}"))
    count = f"{len(lines)} mistakes" if len(lines) > 1 else "a mistake"
    head = f"{path} has {count}; nothing was run:"
    return "\n".join([head, *(text for _, text in sorted(lines))])


def of_validation(
    errors: Sequence[Any], marks: dict[Place, int], known: Sequence[Mistake]
) -> Iterator[Mistake]:
    """Yield what the model found wrong, but what says nothing new beside the known mistakes."""
    # That something is missing which stands in a file that cannot be read says nothing new.
    unread = {field[:1] for field, _ in known}
    for item in _causes(_alternatives(errors, marks)):
        if not _is_taken(item, marks) and item["loc"] not in unread:
            yield _describe(item)


def _alternatives(errors: Sequence[Any], marks: dict[Place, int]) -> Sequence[Any]:
    """Tell what a value is none of once, at the value, and not once for each thing it may be."""
    told: dict[tuple[Place, int], Any] = {}
    for item in errors:
        at = tuple(item["loc"])
        of_many = len(at) > 1 and at not in marks and at[:-1] in marks
        key = (at[:-1], id(item["input"])) if of_many else (at, len(told))
        if key in told and item["type"] not in ("missing", "extra_forbidden"):
            first = told[key]["msg"]
            told[key] = {**item, "loc": at[:-1], "msg": f"{first}, or {_lower(item['msg'])}"}
        else:
            told[key] = item
    return list(told.values())


def _causes(errors: Sequence[Any]) -> Iterator[Any]:
    """Leave out that a list is too short where its own items are what is wrong."""
    for item in errors:
        at = item["loc"]
        inside = any(
            len(other["loc"]) > len(at) and other["loc"][: len(at)] == at for other in errors
        )
        if item["type"] != "too_short" or not inside:
            yield item


def _is_taken(item: Any, marks: dict[Place, int]) -> bool:
    """Whether a value was filled in from another part, where its mistake is told already."""
    field = tuple(item["loc"][:2])
    return (
        len(field) == 2
        and field[0] in _TAKING
        and field not in marks
        and (item["type"] != "missing")
    )


def _describe(item: Any) -> Mistake:
    field = tuple(part for part in item["loc"])
    found, text = item["input"], item["msg"].removeprefix("Value error, ")
    if item["type"] == "missing":
        return field, f"is missing; {expected(field)}"
    if item["type"] == "extra_forbidden":
        return field, "is not a key that is known here; check its spelling, or remove it"
    if field[:1] == ("judge",):  # where somebody may have put a key
        return field, _lower(text)
    shown = (
        repr(found) if isinstance(found, str | int | float | bool | None) else type(found).__name__
    )
    return field, f"found {shown[:80]}; {_lower(text)}"


def _lower(text: str) -> str:
    return f"{text[0].lower()}{text[1:]}"


def expected(field: Place) -> str:
    """Say what stands in a field, by its description."""
    model: Any = Recipe
    description = None
    for part in field:
        names = {
            info.alias or name: info for name, info in getattr(model, "model_fields", {}).items()
        }
        info = names.get(str(part))
        if info is None:
            break
        description, model = info.description, info.annotation
    return f"expected: {description}" if description else "it is required"
