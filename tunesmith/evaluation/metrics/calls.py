"""Calls of tools in what a model wrote, and whether they are the expected ones.

Models write calls as JSON between marks of their own. Read are `<tool_call>…</tool_call>` (Hermes,
Qwen, SmolLM), `[TOOL_CALLS]` with a list (Mistral), `<|python_tag|>` (Llama), and an answer that is
nothing but a call or a list of calls, as is left where a tokenizer takes the marks out. A call is
an object with `name` and `arguments` (or `parameters`), or with these under `function`; arguments
may be JSON text.
"""

import re
from typing import Any, NamedTuple

from tunesmith.evaluation.metrics.json_reading import read_json, same
from tunesmith.records import ChatExample, Example


class Call(NamedTuple):
    """A call; `arguments` is None where they are not JSON."""

    name: str
    arguments: Any


class Written(NamedTuple):
    """What an output holds: what it says, its calls, and what looks like one but is none."""

    text: str
    calls: tuple[Call, ...]
    broken: str = ""


_MARKED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_FROM_HERE = re.compile(r"(?:\[TOOL_CALLS\]|<\|python_tag\|>)(.*)\Z", re.DOTALL)


def written(output: str) -> Written:
    """Read an output."""
    for pattern in (_MARKED, _FROM_HERE):
        inside = [match.group(1) for match in pattern.finditer(output)]
        if not inside:
            continue
        text = pattern.sub("", output).strip()
        calls: list[Call] = []
        for part in inside:
            found = read_json(part)
            read = _calls(found.value) if not found.problem else None
            if read is None:
                return Written(text, tuple(calls), found.problem or "no name and arguments")
            calls += read
        return Written(text, tuple(calls))
    if output.lstrip()[:1] in ("{", "["):
        found = read_json(output)
        bare = _calls(found.value) if not found.problem else None
        if bare:
            return Written("", tuple(bare))
    return Written(output, ())


def _calls(value: Any) -> list[Call] | None:
    """Return the calls that a JSON value is, or None."""
    items = value if isinstance(value, list) else [value]
    made = [_call(item) for item in items]
    return None if None in made else [call for call in made if call is not None]


def _call(item: Any) -> Call | None:
    if not isinstance(item, dict):
        return None
    inner = item.get("function")
    item = inner if isinstance(inner, dict) else item
    name = item.get("name")
    given = item.get("arguments", item.get("parameters", _NOTHING))
    if not isinstance(name, str) or given is _NOTHING:
        return None
    return Call(name, _arguments(given) if isinstance(given, str) else given)


_NOTHING = object()


def _arguments(text: str) -> Any:
    if not text.strip():  # endpoints write nothing for no arguments
        return {}
    found = read_json(text)
    return None if found.problem else found.value


def said(output: str) -> str:
    """Return what an output says beside its calls."""
    return written(output).text


def expected_calls(example: Example) -> tuple[Call, ...]:
    """Return the calls that the example's answer makes."""
    if not isinstance(example, ChatExample):
        return ()
    return tuple(
        Call(call.name, _arguments(call.arguments)) for call in example.messages[-1].tool_calls
    )


def compare(expected: tuple[Call, ...], output: str) -> str:
    """Return how the output's calls differ from the expected ones; empty where they do not.

    Calls made together have no order. Arguments are compared as JSON values: the order of keys and
    the spelling of a number make no difference.
    """
    found = written(output)
    if found.broken:
        return f"a call that cannot be read: {found.broken}"
    if expected and not found.calls:
        return f"no call; expected {', '.join(call.name for call in expected)}"
    left = list(found.calls)
    for call in expected:
        match = next((other for other in left if _equal(call, other)), None)
        if match is None:
            named = any(other.name == call.name for other in left)
            return f"{call.name} with other arguments" if named else f"no call of {call.name}"
        left = [other for other in left if other is not match]
    return f"a call of {left[0].name} too many" if left else ""


def _equal(ours: Call, theirs: Call) -> bool:
    if ours.arguments is None or theirs.arguments is None:
        return False
    return ours.name == theirs.name and same(ours.arguments, theirs.arguments)
