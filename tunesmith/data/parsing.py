"""One item of a source into an example, or the reason why not.

Most lines are good and take the fast way: one pass of msgspec, and a count of their strings that
finds keys that stand twice. Whatever looks odd goes the careful way, which can say what is wrong;
where both read a line they read the same.
"""

import datetime
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any

import msgspec

from tunesmith.canonical import canonical
from tunesmith.data.exported_lines import restore
from tunesmith.data.readers.items import MAX_LINE, Bad, Item, Line, Record, item_size
from tunesmith.data.secret_hints import may_hold_secret
from tunesmith.data.secrets import find_secrets, mask
from tunesmith.data.shapes import PROVENANCE, SHAPES, ShapeName, Told, tell
from tunesmith.data.shapes.rows import Facts
from tunesmith.data.shapes.values import Problem, Values, kind
from tunesmith.records import Dropped, Example, Origin, row_id

READING_PROBLEMS = frozenset(
    {
        "too_long",
        "not_utf8",
        "bad_json",
        "bad_csv",
        "bad_value",
        "bad_provenance",
        "duplicate_key",
        "wrong_shape",
        "empty_message",
        "no_answer",
    }
)
"""Reasons that say that a row is not what its source should hold."""

PEEKED = 100
"""Rows of a source from which its shape is told."""
_PEEKED_ITEMS = 1000

_KEPT_BYTES = 100_000
_LONGEST_SECRET = 11_000
_KEPT_DETAIL = 400

_ESCAPED = 2
"""Times that a text may have been escaped: logs in a message are often JSON themselves."""
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_FAST_DEPTH = 50
_TRUST: tuple[Origin, ...] = ("human", "production", "model")
"""Origins from the most trusted to the least."""
_OWN_VARIANTS = ("candidate", "treatment")
_LAST_SECOND = 1e11
"""A time as a larger number is in milliseconds; in seconds it would be after the year 5000."""

_decoder = msgspec.json.Decoder()


@dataclass(frozen=True)
class Reading:
    """How a source's items are read; `columns` gives their keys by field where they differ."""

    origin: Origin
    group_by: str | None
    shape: ShapeName = "chat"
    columns: Mapping[str, str] = field(default_factory=dict)


def read_item(item: Item, reading: Reading) -> Example | Dropped:
    """Make an example of an item; what is wrong with it becomes the reason of a drop.

    Reasons: those of `READING_PROBLEMS`, `no_preference`, `unreviewed_model_output`, `secret`. A
    dropped item that holds a secret is kept masked, whatever its reason.
    """
    beside = ""
    try:
        if isinstance(item, Line):
            value, text = _line_value(item)
        else:
            value, text = _record_value(item)
        example = _example(value, item, reading)
        if isinstance(item, Line) and item.provenance is not None:
            example, beside = _restored(example, item, item.provenance)
            # What is dropped from here on says of its origin what its provenance says.
            text = _stating(text, example, reading)
    except Problem as problem:
        detail = mask(problem.detail)[:_KEPT_DETAIL]
        return Dropped(
            source=item.source, reason=problem.reason, detail=detail, row=_start(_raw(item))
        )
    if example.origin == "model" and example.reviewed_by is None:
        reviewed_by = reading.columns.get("reviewed_by", "reviewed_by")
        return Dropped(
            source=item.source,
            reason="unreviewed_model_output",
            detail=f"a model wrote it, and {reviewed_by} names nobody who reviewed it",
            row=_start(text.encode() if beside else _raw(item)),
        )
    return _secret(item, text, beside) or example


def as_json(item: Item) -> bytes:
    """Return a good item as a line of JSON, without its line break."""
    if isinstance(item, Line):
        return b" ".join(item.content.splitlines())
    return _record_value(item)[1].encode()


def reading_of(
    items: Iterable[Item],
    origin: Origin,
    where: str,
    *,
    group_by: str | None = None,
    shape: ShapeName | None = None,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> Reading:
    """Return how to read a source, its shape told from its first rows unless it is given.

    Raises:
        InputError: when they fit no shape, or two alike.
    """
    if shape is not None:
        return Reading(origin, group_by, shape, dict(columns))
    told = _told(items, columns, where)
    return Reading(origin, group_by, told.shape, dict(told.columns))


def _told(items: Iterable[Item], columns: Mapping[str, str], where: str) -> Told:
    rows = []
    size = 0
    for item in islice(items, _PEEKED_ITEMS):
        size += item_size(item)
        try:
            rows.append(_line_value(item)[0] if isinstance(item, Line) else _record_value(item)[0])
        except Problem:
            continue
        if len(rows) == PEEKED or size > MAX_LINE:
            break
    return tell(rows, columns, where)


# Secrets


def _secret(item: Item, text: str, beside: str) -> Dropped | None:
    """Return the drop of an item that holds a secret, itself or in its provenance."""
    for part, where in ((text, ""), (beside, "its provenance ")):
        found = _secrets(part) if may_hold_secret(part) else None
        if found:
            detail = f"{where}contains {', '.join(sorted(found))}"
            return Dropped(source=item.source, reason="secret", detail=detail, row=_masked(text))
    return None


def _start(content: bytes) -> str:
    """Return the start of an item that is no example, for whoever looks at what was dropped."""
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


# Lines


def _line_value(line: Line) -> tuple[dict[str, Any], str]:
    value = _fast(line.content) if line.whole else None
    text = _text(line)
    return (_careful(text) if value is None else value), text


def _fast(content: bytes) -> dict[str, Any] | None:
    """Read a good object; None for whatever the careful way must look at."""
    try:
        value = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if type(value) is not dict:
        return None
    # Of a key that stands twice only the last is left, so strings are missing.
    quotes = content.replace(b"\\\\", b"") if b"\\" in content else content
    count = quotes.count(b'"') - quotes.count(b'\\"')
    return value if 2 * _strings(value, _FAST_DEPTH) == count else None


def _strings(value: Any, depth: int) -> int:
    """Count the strings of a value, keys too; too few where it is nested too deep."""
    if depth == 0:
        return -1_000_000_000
    count = 0
    if type(value) is dict:
        count = len(value)
        value = value.values()
    for item in value:
        found = type(item)
        if found is str:
            count += 1
        elif found is dict or found is list:
            count += _strings(item, depth - 1)
    return count


def _text(line: Line) -> str:
    if not line.whole:
        raise Problem("too_long", f"the line is longer than {MAX_LINE >> 20} MiB")
    try:
        return line.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("not_utf8", f"byte {error.start} of the line is not UTF-8") from error


def _careful(text: str) -> dict[str, Any]:
    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise Problem("duplicate_key", f"the key {twice!r} stands twice in one object")
        return found

    def refuse_constant(name: str) -> None:
        raise Problem("bad_json", f"{name} is not a JSON number")

    try:
        value = json.loads(
            text, object_pairs_hook=refuse_duplicates, parse_constant=refuse_constant
        )
        canonical(value)  # json reads numbers beyond all floats and half characters too
    except json.JSONDecodeError as error:
        raise Problem("bad_json", f"column {error.colno}: {error.msg}") from error
    except (RecursionError, TypeError, ValueError) as error:
        raise Problem("bad_json", f"cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise Problem("wrong_shape", f"expected an object, found {kind(value)}")
    return value


# Records of tables


def _record_value(item: Record | Bad) -> tuple[dict[str, Any], str]:
    if isinstance(item, Bad):
        raise Problem(item.reason, item.detail)
    try:
        value: dict[str, Any] = _plain(item.values, "the row")
        return value, canonical(value).decode()
    except (RecursionError, TypeError, ValueError) as error:
        raise Problem("bad_value", f"cannot be stored: {error}") from error


def _plain(value: Any, where: str) -> Any:
    """Return a table's value as JSON has it: times as ISO 8601, decimals as text, NaN as null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, where) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{where} is {type(value).__name__}, which has no JSON form")


def _raw(item: Item) -> bytes:
    """Return an item as it stood in its file, or for tables of values as JSON."""
    if not isinstance(item, Record):
        return item.content
    if item.content is not None:
        return item.content
    try:
        return msgspec.json.encode(item.values, enc_hook=repr)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return repr(item.values).encode("utf-8", "backslashreplace")


# Examples


def _example(value: dict[str, Any], item: Item, reading: Reading) -> Example:
    columns = reading.columns
    values = Values(value, columns, cells=not isinstance(item, Line))
    fields = _provenance(value, values, reading)
    # The shape is read first with what the row has, so that the rest is known as metadata.
    group = _group(value, reading.group_by)
    fields["source"] = item.source
    fields["metadata"] = metadata = dict(value)
    example = SHAPES[reading.shape].read(values, Facts(fields, group))
    for key in values.used:
        metadata.pop(key, None)
    return example


def _restored(example: Example, line: Line, provenance: bytes) -> tuple[Example, str]:
    """Return the row that was exported as a line, and its provenance as text."""
    if not provenance:
        raise Problem("bad_provenance", "the file of provenance has no line for it")
    try:
        text = provenance.decode("utf-8")
        facts = _careful(text)
    except (Problem, UnicodeDecodeError) as error:
        detail = error.detail if isinstance(error, Problem) else str(error)
        raise Problem("bad_provenance", f"its line is no JSON object: {detail}") from error
    found = restore(example, line.content, facts)
    if _is_own(found.metadata):
        found = msgspec.structs.replace(found, origin="model")
    return found, text


def _stating(text: str, example: Example, reading: Reading) -> str:
    """Return a line with the origin that it has by its provenance alone.

    A person who reads a dropped line again has only this.
    """
    if example.origin == reading.origin:
        return text
    key = reading.columns.get("origin", "origin")
    return f"{text.rstrip()[:-1]}, {json.dumps(key)}: {json.dumps(example.origin)}}}"


def _provenance(value: dict[str, Any], values: Values, reading: Reading) -> dict[str, Any]:
    """Return who wrote a row, when, and who reviewed it, as the source and the row itself say."""
    fields: dict[str, Any] = {
        "origin": reading.origin,
        "reviewed_by": None,
        "reviewed_at": None,
        "written": None,
    }
    for name, usual in PROVENANCE.items():
        key = reading.columns.get(name, usual)
        if key not in value:
            continue
        found = value[key]
        if name == "origin":
            found = found if found in _TRUST else None
        elif name == "reviewed_by":
            found = found if isinstance(found, str) and found.strip() else None
        else:
            found = _time(found)
        if found is not None or value[key] in (None, ""):
            values.used.add(key)
        if name == "origin" and found is not None:
            found = max(reading.origin, found, key=_TRUST.index)
        if found is not None:
            fields[name] = found
    if _is_own(value):
        fields["origin"] = "model"
    return fields


def _is_own(row: Mapping[str, Any]) -> bool:
    """Whether a candidate of ours wrote a row, as its interaction says."""
    inner = row.get("metadata")
    return any(
        holder.get("tunesmith_variant") in _OWN_VARIANTS
        for holder in (row, inner if isinstance(inner, dict) else {})
    )


def _time(value: Any) -> str | None:
    """Return a time in UTC as ISO 8601, None where it is none; numbers count from 1970."""
    try:
        if isinstance(value, str):
            found = datetime.datetime.fromisoformat(value.strip())
        elif isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > _LAST_SECOND else value
            found = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        else:
            return None
        if found.tzinfo is None:
            found = found.replace(tzinfo=datetime.UTC)
        return found.astimezone(datetime.UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def _group(row: dict[str, Any], group_by: str | None) -> str | None:
    value = row.get(group_by) if group_by else None
    return None if value is None else row_id([group_by, value])
