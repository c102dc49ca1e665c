"""Metrics of answers that are JSON, and of calls of tools."""

import functools
import json
from collections.abc import Iterator
from typing import Any

from tunesmith.evaluation.metrics.calls import compare, expected_calls, written
from tunesmith.evaluation.metrics.json_reading import leaves, named, read_json, same
from tunesmith.evaluation.metrics.schemas import first_error, validator_of
from tunesmith.evaluation.metrics.spec import MetricParams, Value
from tunesmith.records import ChatExample, Example

SHOWN = 3


def json_valid(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the whole output is one JSON value, else 0; higher is better.

    RFC 8259, read strictly: see `json_reading`. A Markdown fence around it is a 0.
    """
    read = read_json(output)
    return Value(float(not read.problem), read.problem)


def json_schema(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output is JSON that complies with the recipe's JSON Schema, else 0.

    Higher is better. The draft is the schema's `$schema`, 2020-12 without one; `format` is not
    asserted, as that draft has it by default.
    """
    if params.json_schema is None:
        return Value(None, "the recipe has no JSON Schema")
    read = read_json(output)
    if read.problem:
        return Value(0.0, read.problem)
    error = first_error(_validator(params.json_schema), read.value)
    return Value(float(error is None), error or "")


@functools.lru_cache(maxsize=8)
def _validator(schema: str) -> Any:
    return validator_of(json.loads(schema))


def fields(example: Example, output: str, params: MetricParams) -> Value:
    """Share of leaf fields with the right value, 0 to 1; higher is better.

    Over the leaf fields of the reference answer and those that only the output has: so a field
    too many costs as much as one that is missing (the index of Jaccard, 1912, on pairs of place
    and value where a wrong value counts once). Places in lists count. 0 if the output is not JSON.
    Does not apply where the reference answer is not a JSON object or list.
    """
    reference = read_json(example.answer)
    if reference.problem or not isinstance(reference.value, dict | list):
        return Value(None, "the reference answer is not a JSON object or list")
    read = read_json(output)
    if read.problem:
        return Value(0.0, read.problem)
    expected, found = dict(leaves(reference.value)), dict(leaves(read.value))
    right = sum(at in found and same(value, found[at]) for at, value in expected.items())
    wrong = list(_differences(expected, found))
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return Value(right / len(expected.keys() | found.keys()), "; ".join(wrong[:SHOWN]) + more)


def _differences(expected: dict[Any, Any], found: dict[Any, Any]) -> Iterator[str]:
    for at, value in expected.items():
        if at not in found:
            yield f"{named(at)} is missing"
        elif not same(value, found[at]):
            yield f"{named(at)} is {str(found[at])[:60]!r}"
    for at in found:
        if at not in expected:
            yield f"{named(at)} is too many"


def tool_call(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output calls exactly the expected tools with the expected arguments, else 0.

    Higher is better. Calls are a bag, arguments equal as JSON values; stricter than the match of
    the Berkeley Function Calling Leaderboard (Patil et al. 2025), which takes any of several
    listed values. Where tools are offered and the expected answer calls none, calling one is a 0.
    Does not apply where no tool is offered and none is expected. See `calls` for what is read.
    """
    expected = expected_calls(example)
    if not expected:
        if not isinstance(example, ChatExample) or not example.tools:
            return Value(None, "no tool is offered and none is expected")
        found = written(output)
        if not found.calls and not found.broken:
            return Value(1.0)
    difference = compare(expected, output)
    return Value(float(not difference), difference)
