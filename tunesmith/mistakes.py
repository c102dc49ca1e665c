"""What is wrong with a file that people write: each mistake with its field, told by line."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from tunesmith.yaml_files import Place, line_of

Mistake = tuple[Place, str]
_Model = type[BaseModel]
_OF_KEYS = ("missing", "extra_forbidden")
"""Of which a value may have several."""


def message(path: Path, marks: dict[Place, int], mistakes: list[Mistake]) -> str:
    """Tell all mistakes, in the order of the file's lines; `marks` has the line of each field."""
    lines = []
    for field, text in mistakes:
        line = line_of(field, marks)
        name = f"{'.'.join(str(part) for part in field)}: " if field else ""
        lines.append((line, f"{path} line {line}: {name}{text}"))
    count = f"{len(lines)} mistakes" if len(lines) > 1 else "a mistake"
    head = f"{path} has {count}; nothing was run:"
    return "\n".join([head, *(text for _, text in sorted(lines))])


def of_validation(
    model: _Model,
    errors: Sequence[Any],
    marks: dict[Place, int],
    known: Sequence[Mistake] = (),
    taking: Sequence[str] = (),
    private: Sequence[str] = (),
) -> Iterator[Mistake]:
    """Yield what a model found wrong, but what says nothing new beside the known mistakes.

    Args:
        model: It.
        errors: What it found.
        marks: The line of each field.
        known: Mistakes that are told already.
        taking: Parts that take values from others.
        private: Parts in which somebody may have put a key: no value of theirs is shown.
    """
    # That something is missing which stands in a file that cannot be read says nothing new.
    unread = {field[:1] for field, _ in known}
    told = [{**item, "msg": _in_words(model, item)} for item in errors]
    for item in _causes(_alternatives(told, marks)):
        if not _is_taken(item, marks, taking) and item["loc"] not in unread:
            yield _describe(model, item, private)


def _alternatives(errors: Sequence[Any], marks: dict[Place, int]) -> Sequence[Any]:
    """Tell what a value is none of once, at the value, and not once for each thing it may be."""
    told: dict[tuple[Place, int], Any] = {}
    for item in errors:
        at = tuple(item["loc"])
        of_many = len(at) > 1 and at not in marks and at[:-1] in marks
        key = (at[:-1], id(item["input"])) if of_many else (at, len(told))
        if key in told and item["type"] in _OF_KEYS and told[key]["type"] in _OF_KEYS:
            told[at, len(told)] = item
        elif key in told and item["type"] not in _OF_KEYS:
            first = told[key]["msg"]
            told[key] = {**item, "loc": at[:-1], "msg": f"{first}, or {item['msg']}"}
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


def _is_taken(item: Any, marks: dict[Place, int], taking: Sequence[str]) -> bool:
    """Whether a value was filled in from another part, where its mistake is told already."""
    field = tuple(item["loc"][:2])
    return (
        len(field) == 2
        and field[0] in taking
        and field not in marks
        and (item["type"] != "missing")
    )


def _describe(model: _Model, item: Any, private: Sequence[str]) -> Mistake:
    field, found, text = tuple(item["loc"]), item["input"], item["msg"]
    if item["type"] == "missing":
        return field, f"is missing; {expected(model, field)}"
    if item["type"] == "extra_forbidden":
        return field, "is not a key that is known here; check its spelling, or remove it"
    if (field and field[0] in private) or isinstance(found, dict | list):
        return field, text
    shown = (
        repr(found) if isinstance(found, str | int | float | bool | None) else type(found).__name__
    )
    return field, f"found {shown[:80]}; {text}"


def _in_words(model: _Model, item: Any) -> str:
    """Say what was expected, as somebody says it who does not know the code."""
    match item["type"]:
        case "string_pattern_mismatch" if _description(model, item["loc"]):
            return expected(model, item["loc"])
        case "dict_type" | "model_type":
            return "expected keys, each with a value"
        case "too_short":
            return f"expected at least {item['ctx']['min_length']}"
    text = str(item["msg"]).removeprefix("Value error, ")
    return f"{text[0].lower()}{text[1:]}"


def expected(model: _Model, field: Place) -> str:
    """Say what stands in a field, by its description."""
    description = _description(model, field)
    return f"expected: {description}" if description else "it is required"


def _description(model: _Model, field: Place) -> str | None:
    """Return the description of a field; None where it has none of its own."""
    kind: Any = model
    description = None
    for part in field:
        kind = _one(kind)
        if get_origin(kind) in (dict, list, tuple):
            description, kind = None, get_args(kind)[1 if get_origin(kind) is dict else 0]
            continue
        fields = getattr(kind, "model_fields", {})
        info = {info.alias or name: info for name, info in fields.items()}.get(str(part))
        if info is None:
            return None
        description, kind = info.description, info.annotation
    return description


def _one(kind: Any) -> Any:
    """Return the type of a value that is there, without what else is noted of it."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    return kind
