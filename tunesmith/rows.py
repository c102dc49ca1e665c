"""Rows on disk: Parquet shards whose digest does not depend on how they were cut.

A rows artifact holds `kept-*.parquet` and `dropped-*.parquet`. Each has two columns: `source`
(or the row id) for people who query it, and `row`, the canonical JSON of the row. The digest is
taken over the ordered sha256 of every row's canonical JSON and the schema version, so the shard
layout, the worker count and the Parquet library may change without changing it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tunesmith.canonical import canonical_row, digest, file_digest
from tunesmith.records import SCHEMA_VERSION, Dropped, Extra

SHARD_BYTES = 64 << 20
"""Characters of canonical JSON after which a shard is closed; bounds a writer's memory."""


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
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(
            {
                "label": pa.array(self._labels, pa.string()),
                "row": pa.array(self._rows, pa.large_string()),
            }
        )
        part = self._folder / f"{self._name}.part"
        pq.write_table(table, part, compression="zstd")
        # The file's own hash in its name: two writers with other shard sizes never collide.
        part.rename(
            self._folder / f"{self._name}-{self._shard:05d}-{file_digest(part)[:12]}.parquet"
        )
        self._labels, self._rows, self._bytes = [], [], 0
        self._shard += 1


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
    """Compute the digest again from the shards, for `tunesmith doctor`."""
    names = list(names)
    hashes = {}
    for which in ("kept", "dropped"):
        hashed = hashlib.sha256()
        for line in read_lines(folder, names, which):
            hashed.update(hashlib.sha256(line.encode()).digest())
        hashes[which] = hashed.hexdigest()
    return digest({"schema": SCHEMA_VERSION, **hashes})


def read_lines(folder: Path, names: Iterable[str], which: str) -> Iterator[str]:
    """Read the rows of an artifact in order, as canonical JSON; arguments as for `read_rows`."""
    import pyarrow.parquet as pq

    for name in sorted(name for name in names if name.startswith(f"{which}-")):
        with pq.ParquetFile(folder / name) as file:
            for batch in file.iter_batches(batch_size=4096, columns=["row"]):
                yield from batch.column("row").to_pylist()
