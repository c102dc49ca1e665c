"""Sorting more rows than fit into memory: sorted runs on disk, then one merge.

The textbook method (Knuth, "The Art of Computer Programming", volume 3, section 5.4).
"""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tunesmith.records import Example

RUN_BYTES = 64 << 20
"""Bytes of rows that are sorted in memory at a time."""


class _Line(msgspec.Struct, frozen=True, array_like=True):
    key: float
    row: Example


def in_order(rows: Iterable[tuple[float, Example]], folder: Path) -> Iterator[Example]:
    """Yield rows by ascending key; rows of equal keys keep their order.

    Args:
        rows: Each with its key.
        folder: An empty folder for the runs.
    """
    encoder = msgspec.json.Encoder()
    runs: list[Path] = []
    held: list[tuple[float, bytes]] = []
    size = 0
    for key, row in rows:
        line = encoder.encode(_Line(key, row))
        held.append((key, line))
        size += len(line)
        if size >= RUN_BYTES:
            runs.append(_write(held, folder / f"{len(runs)}.run"))
            held, size = [], 0
    runs.append(_write(held, folder / f"{len(runs)}.run"))
    # Sorting and merging are both stable: of equal keys the earlier row, of an earlier run, first.
    for found in heapq.merge(*map(_read, runs), key=lambda each: each.key):
        yield found.row
    for run in runs:
        run.unlink()


def _write(held: list[tuple[float, bytes]], path: Path) -> Path:
    with path.open("wb") as file:
        file.writelines(line + b"\n" for _, line in sorted(held, key=lambda item: item[0]))
    return path


def _read(path: Path) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
