"""CSV (RFC 4180) and TSV: a header with the names of the columns, then one record a row.

A file's name promises commas or tabs, but spreadsheets also write semicolons, and tabs into
`.csv`. Where the header is one column by what the name promises and several by another
separator, that one is used, and said.
"""

import csv
import functools
import io
import logging
from collections.abc import Iterator

from tunesmith.data.readers import items
from tunesmith.data.readers.items import Bad, Item, Record
from tunesmith.data.readers.json_lines import BOM
from tunesmith.errors import InputError

_log = logging.getLogger(__name__)
_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}


class _Taken:
    """The lines that the current record was read from."""

    def __init__(self, stream: io.BufferedReader, name: str) -> None:
        self._stream, self._name = stream, name
        self._lines: list[bytes] = []
        self._size = 0
        self.number = 0
        self.first = 1

    def __iter__(self) -> Iterator[str]:
        while raw := self._stream.readline(items.MAX_LINE + 1):
            self.number += 1
            if self.number == 1:
                raw = raw.removeprefix(BOM)
            self._lines.append(raw)
            self._size += len(raw)
            if self._size > items.MAX_LINE:
                raise InputError(
                    f"{self._name}:{self.first}: a record longer than {items.MAX_LINE >> 20} MiB; "
                    "is a quote not closed?"
                )
            yield raw.decode("utf-8", "surrogateescape")

    def take(self) -> bytes:
        """Return the record's bytes, and begin the next."""
        content = b"".join(self._lines).rstrip(b"\r\n")
        self._lines, self._size, self.first = [], 0, self.number + 1
        return content


def read(stream: io.BufferedReader, name: str, delimiter: str) -> Iterator[Item]:
    """Yield every record that is not blank, with the number of its first line.

    Raises:
        InputError: when the header cannot be used, or a quote is never closed: nobody can say
            how many records it swallowed.
    """
    if csv.field_size_limit() < items.MAX_LINE:  # of the process, so it is never lowered
        csv.field_size_limit(items.MAX_LINE)
    taken = _Taken(stream, name)
    lines = iter(taken)
    records = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        problem, record = "", []
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            problem = str(error)
        if problem == "unexpected end of data":
            raise InputError(
                f"{name}:{taken.first}: a quote that opens here is never closed, so the rest of "
                "the file is one field. Close it, or double the quotes within fields"
            )
        source, content = f"{name}:{taken.first}", taken.take()
        if not content and not problem:
            continue
        if header is None:
            other = _other_separator(record, content, problem, delimiter)
            if other:
                _say(name, other)
                records = csv.reader(lines, delimiter=other, strict=True)
                record, problem = _split(content, other), ""
            header = _header(record, content, problem, source)
        else:
            yield _item(source, header, record, content, problem)


@functools.lru_cache(maxsize=1024)  # a file is read more than once, and this is said once
def _say(name: str, separator: str) -> None:
    _log.info("%s: its columns are separated by %s", name, _SEPARATORS[separator])


def _other_separator(record: list[str], content: bytes, problem: str, promised: str) -> str:
    """Return what separates the columns of a header, where it is not what was promised."""
    if not _is_text(content) or (len(record) > 1 and not problem):
        return ""
    others = (other for other in _SEPARATORS if other != promised)
    return next((other for other in others if len(_split(content, other)) > 1), "")


def _split(content: bytes, delimiter: str) -> list[str]:
    """Return the columns of a header; none where it cannot be read so."""
    lines = io.StringIO(content.removeprefix(BOM).decode("utf-8"), newline="")
    try:
        records = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    return records[0] if len(records) == 1 else []


def _header(record: list[str], content: bytes, problem: str, source: str) -> list[str]:
    twice = sorted({name for name in record if record.count(name) > 1})
    if problem or twice or not _is_text(content):
        found = problem or (f"{twice[0]!r} twice" if twice else "bytes that are not UTF-8 text")
        raise InputError(f"{source}: the header holds {found}; expected the columns' names, once")
    return record


def _item(source: str, header: list[str], record: list[str], content: bytes, problem: str) -> Item:
    if not _is_text(content):
        return Bad(source, "not_utf8", "the record is not UTF-8 text", content)
    if problem:
        return Bad(source, "bad_csv", f"cannot be read: {problem}", content)
    if len(record) != len(header):
        return Bad(
            source,
            "wrong_shape",
            f"found {len(record)} columns; expected {len(header)}, as the header has",
            content,
        )
    return Record(source, dict(zip(header, record, strict=True)), content)


def _is_text(content: bytes) -> bool:
    if b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
