"""Parquet, Arrow and Feather files, batch by batch.

Every batch is validated in full before its values are touched: a damaged file may hold offsets
that lead out of its buffers.
"""

import json
from collections.abc import Callable, Iterator
from typing import IO, Any

from tunesmith.data.readers.items import Bad, Item, Record
from tunesmith.errors import InputError

BATCH_ROWS = 256
MAX_GROUP = 2 << 30
"""Largest row group or record batch in bytes: the least of these formats that can be read."""
MAX_EXPANDED = 1 << 30
"""Bytes that a batch may have where every value is as long as its row group."""
MAX_SLICE = 32 << 20
"""Bytes of Arrow values, about, that are turned into Python's at once."""
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def read_parquet(file: IO[bytes], name: str) -> Iterator[Item]:
    """Yield every row.

    Raises:
        InputError: when the file is damaged, cut short, or has a row group beyond `MAX_GROUP`.
    """
    import pyarrow.parquet as pq

    table, schema = _guarded(name, "Parquet", lambda: _opened(pq.ParquetFile(file)))
    largest = _guarded(name, "Parquet", lambda: _largest_group(table.metadata))
    _check_size(largest, name)
    # Every value may be the longest of its dictionary, which is stored once.
    rows_at_once = max(1, min(BATCH_ROWS, MAX_EXPANDED // max(1, largest)))
    batches = _guarded(name, "Parquet", lambda: table.iter_batches(batch_size=rows_at_once))
    rows = 0
    for item in _rows(schema, batches, name, "Parquet"):
        rows += 1
        yield item
    if rows != table.metadata.num_rows:
        raise InputError(
            f"{name}: Parquet that says {table.metadata.num_rows} rows and holds {rows}. Write it "
            "again"
        )


def _opened(table: Any) -> tuple[Any, Any]:
    return table, table.schema_arrow


def _largest_group(metadata: Any) -> int:
    """Return the bytes of the largest row group.

    Of the group as a whole: in a damaged file, looking at its columns can end the process.
    """
    groups = range(metadata.num_row_groups)
    return max((metadata.row_group(index).total_byte_size for index in groups), default=0)


def read_arrow(file: IO[bytes], name: str) -> Iterator[Item]:
    """Yield every row of an Arrow file (also called Feather version 2) or an Arrow stream.

    Raises:
        InputError: when the file is damaged or cut short.
    """
    import pyarrow as pa

    if file.read(6) == b"ARROW1":
        file.seek(0)
        opened = _guarded(name, "Arrow", lambda: pa.ipc.open_file(file))
        batches = (opened.get_batch(index) for index in range(opened.num_record_batches))
    else:
        # A stream that was cut between two batches reads like a whole one but for its end.
        file.seek(-min(8, file.seek(0, 2)), 2)
        if file.read() != _END_OF_STREAM:
            raise InputError(
                f"{name}: an Arrow stream that is cut short: its end is missing. Write it again"
            )
        file.seek(0)
        opened = _guarded(name, "Arrow", lambda: pa.ipc.open_stream(file))
        batches = iter(opened)
    yield from _rows(opened.schema, batches, name, "Arrow")
    if not isinstance(opened, pa.ipc.RecordBatchFileReader) and file.read(1):
        raise InputError(f"{name}: an Arrow stream that goes on after its end. Write it again")


def _rows(schema: Any, batches: Iterator[Any], name: str, kind: str) -> Iterator[Item]:
    columns = _guarded(name, kind, lambda: list(schema.names))
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{name}: {kind} with the column {twice!r} twice; expected it once")
    classes = class_names(schema.metadata)
    number = 0
    while (batch := _guarded(name, kind, lambda: next(batches, None))) is not None:
        for values in _values(batch, name):
            number += 1
            yield _item(f"{name}:row {number}", values, classes)


def _values(batch: Any, name: str) -> Iterator[dict[str, Any] | str]:
    """Yield the values of each row, or what is wrong with it."""
    if _flaw(batch) is None:
        _check_size(batch.nbytes, name)
        rows = max(1, min(BATCH_ROWS, MAX_SLICE * batch.num_rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, rows):
            part = batch.slice(start, rows)
            try:
                found = part.to_pylist()
            except _problems():
                yield from map(_row, (part.slice(index, 1) for index in range(part.num_rows)))
            else:
                yield from found
        return
    for index in range(batch.num_rows):
        row = batch.slice(index, 1)
        yield _flaw(row) or _row(row)


def _flaw(batch: Any) -> str | None:
    try:
        batch.validate(full=True)
    except _problems() as error:
        return str(error) or type(error).__name__
    return None


def _row(row: Any) -> dict[str, Any] | str:
    try:
        values: dict[str, Any] = row.to_pylist()[0]
    except _problems() as error:
        return str(error) or type(error).__name__
    return values


def _item(source: str, values: dict[str, Any] | str, classes: dict[str, list[str]]) -> Item:
    if isinstance(values, str):
        reason = "not_utf8" if "UTF" in values else "bad_value"
        return Bad(source, reason, values, b"")
    for column, names in classes.items():
        number = values.get(column)
        if isinstance(number, int) and 0 <= number < len(names):
            values[column] = names[number]
    return Record(source, values, None)


def class_names(metadata: dict[bytes, bytes] | None) -> dict[str, list[str]]:
    """Return the names of classes that `datasets` stores as numbers, by column."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _check_size(size: int, name: str) -> None:
    if size > MAX_GROUP:
        raise InputError(
            f"{name}: a row group of {size >> 20} MiB; expected at most {MAX_GROUP >> 20}. Write "
            "it again with smaller ones"
        )


def _guarded(name: str, kind: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except _problems() as error:
        raise InputError(
            f"{name}: {kind} that is damaged or cut short: {str(error)[:300]}. Fetch or write it "
            "again"
        ) from error


def _problems() -> tuple[type[Exception], ...]:
    """Return what reading a damaged file raises; most are also Python's own kinds."""
    import pyarrow as pa

    return pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, KeyError
