"""What readers hand on: one item for every line, record or element of a source."""

from typing import Any, NamedTuple

MAX_LINE = 64 << 20
"""Longest item in bytes that is read as one row; a longer line is dropped, not loaded."""


class Line(NamedTuple):
    """JSON text: a line of a file, without its line break, or an element of a JSON list."""

    source: str
    content: bytes
    whole: bool
    """False when the line was cut at `MAX_LINE`."""
    provenance: bytes | None = None
    """Its line in the file beside it, empty where it has none; None where there is no such file."""


class Record(NamedTuple):
    """A row of a table, by column; `content` is its raw text where the file has one."""

    source: str
    values: dict[str, Any]
    content: bytes | None


class Bad(NamedTuple):
    """What its reader could not make a row of, and why."""

    source: str
    reason: str
    detail: str
    content: bytes


Item = Line | Record | Bad


def item_size(item: Item) -> int:
    """Return about how many bytes an item has."""
    if isinstance(item, Line):
        return len(item.content) + len(item.provenance or b"")
    if isinstance(item, Bad):
        return len(item.content)
    if item.content is not None:
        return 2 * len(item.content)
    return _size(item.values)


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value) + 2
    if isinstance(value, dict):
        return sum(len(str(key)) + _size(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return 8
