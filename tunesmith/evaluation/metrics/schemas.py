"""JSON Schema, checked when the recipe is read and bounded when an answer is.

Nothing is fetched: a `$ref` must point into the schema itself. Patterns run on what a model wrote,
so they get a time limit; running over it is an error of the schema, never a score. A
keyword that would run them elsewhere is refused. What takes the library long is done here.
"""

from collections.abc import Iterator
from typing import Any

import regex

from tunesmith.errors import InputError
from tunesmith.evaluation.metrics.timed import compiled, search

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_VALUES = ("const", "enum", "default", "examples")
"""Keywords whose content is data, not a schema."""
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose keys are names, not keywords."""


def validator_of(schema: Any) -> Any:
    """Return what validates with a schema.

    Raises:
        ValueError: it is not a JSON Schema, or one that cannot be used here.
    """
    import jsonschema
    from referencing import Registry

    draft = _draft(schema)
    try:
        draft.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"not a JSON Schema: {error.json_path}: {error.message}") from error
    for problem in _problems(schema):
        raise ValueError(problem)
    _check_references(schema, draft)
    bounded = jsonschema.validators.extend(
        draft,
        {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
            "uniqueItems": _unique_items,
        },
    )
    validator = bounded(schema, registry=Registry())
    _check_ends(validator, schema)
    return validator


def _check_ends(validator: Any, schema: Any) -> None:
    """Refuse references that lead to themselves: tried from each, on values that hold nothing."""
    tried: list[tuple[str | None, Any]] = [(None, schema)]
    tried += [(at, {name: to}) for at, name, to in _keywords(schema, "$") if name in _REFERENCES]
    trials: tuple[Any, ...] = (None, {}, [], "", 0)
    for at, part in tried:
        try:
            for trial in trials:
                list(validator.evolve(schema=part).iter_errors(trial))
        except RecursionError:
            raise ValueError(f"{at or 'the schema'} refers to itself without an end") from None


def _draft(schema: Any) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    if not isinstance(schema, dict):
        raise ValueError("expected a JSON object: a JSON Schema")
    named = schema.get("$schema")
    if named is None:
        return Draft202012Validator
    draft = validator_for(schema, default=None) if isinstance(named, str) else None
    if draft is None:
        raise ValueError(f"$schema is {named!r}; expected the address of a known draft")
    return draft


def first_error(validator: Any, value: Any) -> str | None:
    """Return the first error of a value, by its place, or None.

    Raises:
        InputError: the schema cannot be worked through on this value.
    """
    try:
        error = next(iter(validator.iter_errors(value)), None)
    except RecursionError:
        raise InputError(
            "evaluate.json_schema: an answer leads too deep into the schema; use fewer references"
        ) from None
    return None if error is None else f"{error.json_path}: {error.message}"


def _problems(schema: Any) -> Iterator[str]:
    keywords = list(_keywords(schema, "$"))
    patterned = any(name == "patternProperties" for _, name, _ in keywords)
    for at, name, value in keywords:
        if name in _REFERENCES and isinstance(value, str) and not value.startswith("#"):
            yield f"{at} is {value!r}; nothing is fetched: expected a place in the schema, as #/…"
        if name == "unevaluatedProperties" and patterned:
            yield f"{at} is not supported beside patternProperties; use additionalProperties"
        for pattern in _patterns(name, value):
            try:
                compiled(pattern)
            except regex.error as error:
                yield f"{at}: {pattern!r} is not a regular expression: {error}"


def _patterns(name: str, value: Any) -> list[str]:
    if name == "pattern":
        return [value]
    return list(value) if name == "patternProperties" else []


def _keywords(schema: Any, at: str) -> Iterator[tuple[str, str, Any]]:
    """Yield every keyword of a schema and those inside it, with its place."""
    if isinstance(schema, list):
        for place, item in enumerate(schema):
            yield from _keywords(item, f"{at}[{place}]")
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        here = f"{at}.{name}"
        yield here, name, value
        if name in _MAPS and isinstance(value, dict):
            for key, inner in value.items():
                yield from _keywords(inner, f"{here}.{key}")
        elif name not in _VALUES:
            yield from _keywords(value, here)


def _check_references(schema: Any, draft: Any) -> None:
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import specification_with

    known = specification_with(draft.ID_OF(draft.META_SCHEMA))
    resource = Resource.from_contents(schema, default_specification=known)
    resolver = Registry().resolver_with_root(resource)
    for at, name, value in _keywords(schema, "$"):
        if name in _REFERENCES and isinstance(value, str):
            try:
                resolver.lookup(value)
            except Unresolvable:
                raise ValueError(f"{at} is {value!r}, which leads nowhere in the schema") from None


def _matches(pattern: str, text: str) -> bool:
    return search("evaluate.json_schema", pattern, text) is not None


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if validator.is_type(value, "string") and not _matches(pattern, value):
        yield ValidationError(f"{value[:60]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    for pattern, inner in patterns.items():
        for name, item in value.items():
            if _matches(pattern, name):
                yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(value, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, item in value.items():
        if name in known or any(_matches(pattern, name) for pattern in patterns):
            continue
        if validator.is_type(allowed, "object"):
            yield from validator.descend(item, allowed, path=name)
        elif not allowed:
            yield ValidationError(f"{name[:60]!r} is a field too many")


def _unique_items(validator: Any, unique: Any, value: Any, schema: Any) -> Iterator[Any]:
    """Compare all items at once; the library compares each with each, which takes minutes."""
    from jsonschema import ValidationError

    if unique and validator.is_type(value, "array"):
        seen = set(map(_hashable, value))
        if len(seen) < len(value):
            yield ValidationError("an item stands twice")


def _hashable(value: Any) -> Any:
    """Return what is equal exactly for equal JSON values."""
    if isinstance(value, bool):
        return "true" if value else "false", ()
    if isinstance(value, dict):
        return "object", frozenset((name, _hashable(item)) for name, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_hashable, value))
    return "scalar", value
