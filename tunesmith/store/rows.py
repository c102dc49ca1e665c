"""Rows on disk: Parquet shards whose digest does not depend on how they were cut.

A rows artifact holds `kept-*.parquet` and `dropped-*.parquet`. Each has two columns: `source`
(or the row id) for people who query it, and `row`, the canonical JSON of the row. The digest is
taken over the ordered sha256 of every row's canonical JSON and the schema version, so the shard
layout, the worker count and the Parquet library may change without changing it.

A forgotten row is a tombstone in its place: the sha256 that it adds to the digest stays, so the
artifact can still be verified, and nothing else of it does. Readers skip tombstones.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from tunesmith.canonical import canonical_row, digest, file_digest
from tunesmith.records import SCHEMA_VERSION, Dropped, Extra

SHARD_BYTES = 64 << 20
"""Characters of canonical JSON after which a shard is closed; bounds a writer's memory."""


_STONE = '{"forgotten":{'
"""How a tombstone begins; no row type has a field of this name."""


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a forgotten row: the id it was asked for by, its sha256, who, when, why."""

    id: str
    sha256: str
    by: str
    when: str
    why: str


class _Stone(msgspec.Struct, frozen=True):
    forgotten: Tombstone


class Lines(NamedTuple):
    """Rows of one sequence in canonical form: labels, JSON, and their sha256 one after another."""

    labels: list[str]
    rows: list[str]
    hashes: bytes


class Encoded(NamedTuple):
    """Rows ready to be written; encoding is most of the work, and this can travel to the writer."""

    kept: Lines
    dropped: Lines
    extra: int
    """How many of them are in addition to the rows that came in."""


def encode(rows: Iterable[msgspec.Struct]) -> Encoded:
    """Bring rows into canonical form; `Dropped` ones apart, `Extra` ones counted."""
    kept: list[str] = []
    dropped: list[str] = []
    kept_labels: list[str] = []
    dropped_labels: list[str] = []
    kept_hashes, dropped_hashes = bytearray(), bytearray()
    extra = 0
    for row in rows:
        if isinstance(row, Extra):
            extra += 1
            row = row.row
        line = canonical_row(row)
        hashed = hashlib.sha256(line).digest()
        if isinstance(row, Dropped):
            dropped_labels.append(row.reason)
            dropped.append(line.decode())
            dropped_hashes += hashed
        else:
            kept_labels.append(getattr(row, "row_id", ""))
            kept.append(line.decode())
            kept_hashes += hashed
    return Encoded(
        Lines(kept_labels, kept, bytes(kept_hashes)),
        Lines(dropped_labels, dropped, bytes(dropped_hashes)),
        extra,
    )


class _Shards:
    """One sequence of rows, kept or dropped, going into shards."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._hash = hashlib.sha256()
        self._labels: list[str] = []
        self._rows: list[str] = []
        self._bytes = 0
        self._shard = 0
        self.count = 0

    def add(self, lines: Lines) -> None:
        self._hash.update(lines.hashes)
        self.count += len(lines.rows)
        for label, row in zip(lines.labels, lines.rows, strict=True):
            self._labels.append(label)
            self._rows.append(row)
            self._bytes += len(row)
            if self._bytes >= SHARD_BYTES:
                self._flush()

    def close(self) -> str:
        if self._rows:
            self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        start = f"{self._name}-{self._shard:05d}"
        _write_shard(self._folder, start, self._labels, self._rows)
        self._labels, self._rows, self._bytes = [], [], 0
        self._shard += 1


def _write_shard(folder: Path, start: str, labels: list[str], rows: list[str]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"label": pa.array(labels, pa.string()), "row": pa.array(rows, pa.large_string())}
    part = folder / f"{start}.part"
    pq.write_table(pa.table(columns), part, compression="zstd")
    # The file's own hash in its name: two writers with other shard sizes never collide.
    return part.rename(folder / f"{start}-{file_digest(part)[:12]}.parquet")


class RowsWriter:
    """Writes kept and dropped rows into a folder, in order, with bounded memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._kept = _Shards(folder, "kept")
        self._dropped = _Shards(folder, "dropped")
        self.reasons: Counter[str] = Counter()

    def add(self, row: msgspec.Struct) -> None:
        """Write a row: to the dropped ones if it is `Dropped`, else to the kept ones."""
        self.add_encoded(encode([row]))

    def add_encoded(self, encoded: Encoded) -> None:
        """Write rows that are in canonical form already."""
        self._kept.add(encoded.kept)
        self._dropped.add(encoded.dropped)
        self.reasons.update(encoded.dropped.labels)

    def close(self) -> str:
        """Finish the last shards and return the digest of the content."""
        return digest(
            {"schema": SCHEMA_VERSION, "kept": self._kept.close(), "dropped": self._dropped.close()}
        )

    @property
    def kept(self) -> int:
        """How many rows were kept so far."""
        return self._kept.count

    @property
    def dropped(self) -> int:
        """How many rows were dropped so far."""
        return self._dropped.count


def read_rows(folder: Path, names: Iterable[str], which: str, row_type: Any) -> Iterator[Any]:
    """Read the rows of an artifact in order.

    Args:
        folder: Where its files are.
        names: Its files, from its manifest: a killed writer may have left others beside them.
        which: "kept" or "dropped".
        row_type: What a row is.
    """
    decoder = msgspec.json.Decoder(row_type)
    for line in read_lines(folder, names, which):
        yield decoder.decode(line)


def rows_digest(folder: Path, names: Iterable[str]) -> str:
    """Compute the digest again from the shards, for `tunesmith doctor`.

    For a tombstone the sha256 that it keeps counts, as that of the row that it stands for.
    """
    names = list(names)
    hashes = {}
    for which in ("kept", "dropped"):
        hashed = hashlib.sha256()
        for line in _every_line(folder, names, which):
            stone = tombstone(line)
            hashed.update(
                bytes.fromhex(stone.sha256) if stone else hashlib.sha256(line.encode()).digest()
            )
        hashes[which] = hashed.hexdigest()
    return digest({"schema": SCHEMA_VERSION, **hashes})


def read_lines(folder: Path, names: Iterable[str], which: str) -> Iterator[str]:
    """Read the rows of an artifact in order, as canonical JSON; arguments as for `read_rows`."""
    for line in _every_line(folder, names, which):
        if not line.startswith(_STONE):
            yield line


def _every_line(folder: Path, names: Iterable[str], which: str) -> Iterator[str]:
    """Read rows and tombstones."""
    import pyarrow.parquet as pq

    for name in sorted(name for name in names if name.startswith(f"{which}-")):
        with pq.ParquetFile(folder / name) as file:
            for batch in file.iter_batches(batch_size=4096, columns=["row"]):
                yield from batch.column("row").to_pylist()


# Forgetting


def tombstone(line: str) -> Tombstone | None:
    """Return the tombstone that a line of a shard is, or None where it is a row."""
    if not line.startswith(_STONE):
        return None
    return msgspec.json.decode(line, type=_Stone).forgotten


def entombed(line: str, asked: str, by: str, when: str, why: str) -> str:
    """Return the tombstone, as a line of a shard, for the row that a line is.

    Args:
        line: The row in canonical form.
        asked: The id by which it was asked for.
        by: Who forgets it.
        when: The time (ISO 8601).
        why: Their reason.
    """
    sha256 = hashlib.sha256(line.encode()).hexdigest()
    stone = Tombstone(id=asked, sha256=sha256, by=by, when=when, why=why)
    return canonical_row(_Stone(stone)).decode()


def lines_with(shard: Path | BinaryIO, text: str) -> Iterator[str]:
    """Yield the lines of one shard, rows and tombstones, in which a text stands.

    Raises:
        OSError, ValueError: when the shard is damaged.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(shard) as file:
        for batch in file.iter_batches(batch_size=4096, columns=["row"]):
            column = batch.column("row")
            yield from column.filter(pc.match_substring(column, text)).to_pylist()


def rewritten(
    shard: Path | BinaryIO, name: str, folder: Path, change: Callable[[str], str]
) -> Path:
    """Write a shard into a folder again, each line changed; labels and order stay.

    The new name has the same place in the order as `name`, and the new file's hash. A shard is
    read whole: it holds `SHARD_BYTES` and one row at most.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(shard)
    rows = [change(line) for line in table.column("row").to_pylist()]
    start = name.rsplit("-", 1)[0]
    return _write_shard(folder, start, table.column("label").to_pylist(), rows)
