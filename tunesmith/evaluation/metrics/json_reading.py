"""JSON as a strict reader takes it, within bounds that keep any output harmless.

RFC 8259, so neither `NaN` nor `Infinity`; and no key twice in an object, where readers disagree
on which one counts (RFC 7493). White space around the value is allowed; a Markdown fence, or a
word before it, is not: the program that takes the answer would stumble over them as well.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

LONGEST = 100_000
"""Characters that are read."""
DEEPEST = 30
"""Levels of nesting that are read: what validates them by recursion has stack for so many."""
_LONGEST_INTEGER = 4_000
"""Digits that Python turns into an integer at once."""

Path = tuple[str | int, ...]


class Read(NamedTuple):
    """A JSON value, or the problem that kept it from being read."""

    value: Any
    problem: str = ""


class _NotJson(ValueError):
    """What the standard library would take, but the standard does not."""


def read_json(text: str) -> Read:
    """Read a text that should be one JSON value."""
    text = text.strip(" \t\r\n")
    if not text:
        return Read(None, "empty")
    if len(text) > LONGEST:
        return Read(None, f"longer than {LONGEST} characters")
    if text.startswith("```"):
        return Read(None, "in a Markdown fence")
    if _is_deep(text):
        return Read(None, f"nested more than {DEEPEST} levels deep")
    try:
        value = json.loads(
            text, parse_constant=_refuse, parse_int=_integer, object_pairs_hook=_object
        )
    except _NotJson as error:
        return Read(None, str(error))
    except json.JSONDecodeError as error:
        return Read(None, f"not JSON: {error.msg} at character {error.pos + 1}")
    return Read(value)


_STRUCTURE = re.compile(r'\\.|["\[\]{}]', re.DOTALL)


def _is_deep(text: str) -> bool:
    """Whether it is nested too deep; reading it would tell only by running out of stack."""
    depth, in_text = 0, False
    for match in _STRUCTURE.finditer(text):
        sign = match.group()
        if sign == '"':
            in_text = not in_text
        elif not in_text and sign in ("[", "{"):
            depth += 1
            if depth > DEEPEST:
                return True
        elif not in_text and sign in ("]", "}"):
            depth -= 1
    return False


def _refuse(name: str) -> Any:
    raise _NotJson(f"not JSON: {name} is no JSON number")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _NotJson(f"the key {twice[:60]!r} stands twice in an object")
    return made


def same(ours: Any, theirs: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but true is not 1."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(
            same(value, theirs[name]) for name, value in ours.items()
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def leaves(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every place that holds no further ones: scalars, and empty lists and objects."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    if not inside:
        yield at, value
    for name, item in inside:
        yield from leaves(item, (*at, name))


def named(path: Path) -> str:
    """Return a place in words, such as `items[2].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the value"
