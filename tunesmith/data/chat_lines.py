"""One JSONL line of chat messages into an example, or the reason why not."""

import json
import re
from typing import Any, NamedTuple

from tunesmith.canonical import canonical
from tunesmith.data.secrets import find_secrets, mask
from tunesmith.data.source_files import MAX_LINE, Line
from tunesmith.records import ChatExample, Dropped, Message, Origin, row_id

_ROLES = ("system", "user", "assistant", "tool")
_KEPT_BYTES = 100_000
_LONGEST_SECRET = 11_000
_KEPT_DETAIL = 400

_ESCAPED = 2
"""Times that a text may have been escaped: logs in a message are often JSON themselves."""
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class _Problem(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class Reading(NamedTuple):
    """How a source's lines are read."""

    origin: Origin
    group_by: str | None


def read_line(line: Line, reading: Reading) -> ChatExample | Dropped:
    """Parse a line; what is wrong with it becomes the reason of a drop.

    Reasons: `too_long`, `not_utf8`, `bad_json`, `duplicate_key`, `wrong_shape`, `empty_message`,
    `no_answer`, `secret`. A dropped line that holds a secret is kept masked, whatever its reason.
    """
    try:
        text = _text(line)
        example = _example(_json(text), line.source, reading)
    except _Problem as problem:
        detail = mask(problem.detail)[:_KEPT_DETAIL]
        row = _start(line.content)
        return Dropped(source=line.source, reason=problem.reason, detail=detail, row=row)
    found = _secrets(text)
    if found:
        detail = f"contains {', '.join(sorted(found))}"
        return Dropped(source=line.source, reason="secret", detail=detail, row=_masked(text))
    return example


def _start(content: bytes) -> str:
    """Return the start of a line that is no example, for whoever looks at what was dropped."""
    raw = content[:_KEPT_BYTES].decode("utf-8", "backslashreplace")
    shown = _masked(raw) if _secrets(raw) else raw
    # Half a secret at the cut has no shape that is known.
    return shown if len(content) <= _KEPT_BYTES else shown[:-_LONGEST_SECRET]


def _secrets(text: str) -> set[str]:
    """Return the kinds of secret in JSON text, as it stands and as readers of it would see it."""
    kinds = {secret.kind for secret in find_secrets(text)}
    for _ in range(_ESCAPED):
        text, before = _read(text), text
        if text == before:
            break
        kinds |= {secret.kind for secret in find_secrets(text)}
    return kinds


def _masked(text: str) -> str:
    for _ in range(_ESCAPED):
        text = _read(mask(text))
    return mask(text)


def _read(text: str) -> str:
    """Resolve JSON's escapes: the letter of one would hide where the word after it begins."""

    def resolve(match: re.Match[str]) -> str:
        code, short = match.groups()
        if short:
            return _SHORT.get(short, short)
        char = chr(int(code, 16))
        return match.group() if 0xD800 <= ord(char) <= 0xDFFF else char

    return _ESCAPE.sub(resolve, text) if "\\" in text else text


def _text(line: Line) -> str:
    if not line.whole:
        raise _Problem("too_long", f"the line is longer than {MAX_LINE >> 20} MiB")
    try:
        return line.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Problem("not_utf8", f"byte {error.start} of the line is not UTF-8") from error


def _json(text: str) -> dict[str, Any]:
    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _Problem("duplicate_key", f"the key {twice!r} stands twice in one object")
        return found

    def refuse_constant(name: str) -> None:
        raise _Problem("bad_json", f"{name} is not a JSON number")

    try:
        value = json.loads(
            text, object_pairs_hook=refuse_duplicates, parse_constant=refuse_constant
        )
        canonical(value)  # json reads numbers beyond all floats and half characters too
    except json.JSONDecodeError as error:
        raise _Problem("bad_json", f"column {error.colno}: {error.msg}") from error
    except (RecursionError, TypeError, ValueError) as error:
        raise _Problem("bad_json", f"cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise _Problem("wrong_shape", f"expected an object, found {_kind(value)}")
    return value


def _example(value: dict[str, Any], source: str, reading: Reading) -> ChatExample:
    metadata = {name: item for name, item in value.items() if name != "messages"}
    raw = value.get("messages")
    if not isinstance(raw, list) or not raw:
        raise _Problem("wrong_shape", f"messages: expected a list, found {_kind(raw)}")
    messages = tuple(_message(item, index) for index, item in enumerate(raw))
    if messages[-1].role != "assistant" or not any(item.role == "user" for item in messages):
        raise _Problem(
            "no_answer",
            f"expected a user's message and last an assistant's, found "
            f"{', '.join(item.role for item in messages)}",
        )
    contents = [{"role": item.role, "content": item.content} for item in messages]
    return ChatExample(
        row_id=row_id(contents),
        group_id=_group(metadata, reading.group_by) or row_id(contents[:-1]),
        source=source,
        origin=reading.origin,
        messages=messages,
        metadata=metadata,
    )


def _message(item: Any, index: int) -> Message:
    at = f"messages[{index}]"
    if not isinstance(item, dict):
        raise _Problem("wrong_shape", f"{at}: expected an object, found {_kind(item)}")
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        raise _Problem("wrong_shape", f"{at}.role is {role!r}; expected one of {', '.join(_ROLES)}")
    if not isinstance(content, str):
        raise _Problem("wrong_shape", f"{at}.content: expected text, found {_kind(content)}")
    if not content.strip():
        raise _Problem("empty_message", f"{at}.content is empty")
    unknown = sorted(item.keys() - {"role", "content"})
    if unknown:
        raise _Problem("wrong_shape", f"{at}: {', '.join(unknown)} is not known here")
    return Message(role=role, content=content)


def _group(metadata: dict[str, Any], group_by: str | None) -> str | None:
    value = metadata.get(group_by) if group_by else None
    return None if value is None else row_id([group_by, value])


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "nothing"
    return names.get(type(value), "a number")
