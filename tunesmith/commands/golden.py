"""Making a golden set, once: the examples that never change and never enter training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tunesmith.canonical import file_digest
from tunesmith.data.parsing import as_json, read_item, reading_of
from tunesmith.data.readers import read_files
from tunesmith.data.shapes import FIELDS
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError
from tunesmith.records import Dropped, Example
from tunesmith.replacing import replace_file
from tunesmith.sampling import sample
from tunesmith.wording import counted

ADVISED = (100, 200)
"""Rows of a golden set for a real task: fewer settle little, more cost time at every look."""


def mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Return keys by field of pairs such as "prompt=question".

    Raises:
        InputError: when one is no such pair, or names no field.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        field, _, key = pair.partition("=")
        if field not in FIELDS or not key or field in found:
            raise InputError(
                f"--column {pair}: expected FIELD=KEY, each field once, with one of "
                f"{', '.join(sorted(FIELDS))} as the field, such as prompt=question"
            )
        found[field] = key
    return found


def create(
    source: Path, target: Path, size: int, salt: str, columns: Mapping[str, str] | None = None
) -> str:
    """Choose `size` examples of a file by hash, write them, and return the file's sha256.

    Args:
        source: The file.
        target: The file to write.
        size: How many.
        salt: Another one chooses others.
        columns: Keys of its rows by field, as for a source of a recipe.

    Raises:
        InputError: when a line cannot be read, rows repeat, there are too few, or the target
            exists: a golden set is not made again.
    """
    if target.exists():
        raise InputError(
            f"{target} exists, with the sha256 {file_digest(target)}. A golden set never changes; "
            "give a new one another name"
        )
    rows: list[Example] = []
    raw: dict[str, bytes] = {}
    files = gather([source.name], source.parent)
    reading = reading_of(read_files(files), "human", str(source), columns=columns or {})
    for item in read_files(files):
        row = read_item(item, reading)
        if isinstance(row, Dropped):
            raise InputError(f"{source.parent / row.source}: {row.reason}: {row.detail}")
        if row.row_id in raw:
            raise InputError(f"{source.parent / row.source}: the same example stands there twice")
        raw[row.row_id] = as_json(item)
        rows.append(row)
    if len(rows) < size:
        raise InputError(f"{source} has {counted(len(rows), 'example')}; expected at least {size}")
    chosen = sample(rows, size, f"golden {salt}")
    replace_file(target, b"".join(raw[row.row_id] + b"\n" for row in chosen))
    return file_digest(target)
