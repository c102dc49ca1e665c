"""Forgetting a row: a tombstone in its place, everywhere in the store.

The order is such that a kill can harm nothing, and that the same call finishes what it left: first
unfinished work that may have read the row, then artifact by artifact (see `Store.exchange`), then
unfinished work that began in between, and what it sealed. Who looks once more finds the tombstones,
and from them everything that must still go.
"""

import contextlib
import io
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from tunesmith.commands.upkeep import ROWS, read_ref, refs_in
from tunesmith.errors import InputError
from tunesmith.store import INPUTS, MANIFEST, Store, lease
from tunesmith.store.files import TEMPORARY, owned_name, private_folder
from tunesmith.store.rows import entombed, lines_with, rewritten

LOCK = "work/forget/rows"
"""Where whoever forgets holds a lease: two at once would undo each other's manifests."""


class Held(NamedTuple):
    """An artifact in which a row stands, or stood."""

    name: str
    """Its kind and digest."""
    shards: dict[str, int]
    """How many rows are still to be forgotten in it, by shard."""
    strays: tuple[str, ...]
    """Shards with the row that no manifest names, left by a writer that died."""
    kept: bool
    """Whether the row is, or was, among its kept rows."""
    forgotten: int
    """How many tombstones stand for the row already."""


class Found(NamedTuple):
    """Where a row is."""

    asked: str
    held: dict[str, Held]
    lines: tuple[str, ...]
    """The lines that it came from, as `file:line`."""
    relatives: dict[str, str]
    """Other rows that were made from these lines, such as pieces of it: source by row id."""
    work: tuple[str, ...]
    """Unfinished work that may have read it, and goes."""
    unreadable: tuple[str, ...]
    """Files that could not be looked into."""

    @property
    def rows(self) -> int:
        """How many times it still stands somewhere."""
        return sum(sum(held.shards.values()) + len(held.strays) for held in self.held.values())

    @property
    def made_from(self) -> frozenset[str]:
        """The artifacts that hold it among their kept rows."""
        return frozenset(
            name for name, held in self.held.items() if held.kept and name.startswith("examples/")
        )


def find(store: Store, asked: str) -> Found:
    """Find a row and its tombstones in every rows artifact of the store.

    Args:
        store: The store.
        asked: The row's id; for a dropped line that never became a row, its `file:line`.

    Raises:
        InputError: when it is nowhere.
    """
    look = _Look(store, asked)
    held = {item.name: item for item in look.artifacts(frozenset())}
    if not held:
        raise InputError(
            f"no row {asked!r} in {store.url}. Row ids stand in `tunesmith show ARTIFACT`, 16 "
            "hexadecimal digits each; a line that ingest dropped is named as "
            "`tunesmith quarantine show` does, file:line"
        )
    return Found(
        asked=asked,
        held=held,
        lines=tuple(sorted(look.sources)),
        relatives=look.relatives(held),
        work=tuple(_work(store, held)),
        unreadable=tuple(sorted(look.unreadable)),
    )


def forget(store: Store, found: Found, by: str, when: str, why: str) -> Counter[str]:
    """Put a tombstone in the place of a row, wherever it is; return how many, by artifact.

    Waits for builders at work that may have read the row. Only one forgets at a time.

    Args:
        store: The store.
        found: Where the row is.
        by: Who asks.
        when: The time (ISO 8601).
        why: Their reason; it stands in every tombstone.

    Raises:
        InputError: without a reason.
    """
    if not why.strip():
        raise InputError("say why the row is forgotten: the reason is all that will be left of it")
    done: Counter[str] = Counter()
    with lease.held(store.storage, LOCK):
        look = _Look(store, found.asked)
        affected: set[str] = set()
        # What was found before the lease was held may have changed.
        held = list(look.artifacts(frozenset()))
        while held:
            affected |= {item.name for item in held}
            _clear(store, affected)
            for item in held:
                _replace(store, item, found.asked, by, when, why)
                done[item.name] += sum(item.shards.values()) + len(item.strays)
            # Who began in between has read the row: what they seal is looked at next.
            _clear(store, affected)
            held = list(look.artifacts(look.seen))
    return done


class _Look:
    """One search for a row, shard by shard, in bounded memory."""

    def __init__(self, store: Store, asked: str) -> None:
        self._store, self.asked = store, asked
        self.sources: set[str] = set()
        self.seen: set[str] = set()
        self.unreadable: set[str] = set()

    def artifacts(self, known: Collection[str]) -> Iterator[Held]:
        """Yield the artifacts with the row or its tombstone, but not those that are known."""
        known = frozenset(known)
        for name, files in _folders(self._store).items():
            held = None if name in known else self._artifact(name, files)
            if held is not None:
                yield held

    def _artifact(self, name: str, files: Collection[str]) -> Held | None:
        named: Collection[str] = ()
        if MANIFEST in files:  # one that is still on its way is looked at again
            try:
                named = _manifest(self._store, name)["files"]
            except ValueError:
                self.unreadable.add(f"{name}/{MANIFEST}")
                return None
            self.seen.add(name)
        shards: dict[str, int] = {}
        strays: list[str] = []
        kept, forgotten = False, 0
        for file in _shards(files):
            rows, stones = self._count(f"{name}/{file}")
            if file not in named:
                strays += [file] * bool(rows)
                continue
            forgotten += stones
            kept |= bool(rows or stones) and file.startswith("kept-")
            if rows:
                shards[file] = rows
        if not (shards or strays or forgotten):
            return None
        return Held(name, shards, tuple(strays), kept, forgotten)

    def _count(self, path: str) -> tuple[int, int]:
        """Return how many lines of a shard are the row, and how many its tombstone."""
        rows = stones = 0
        for value in self._lines(path, self.asked):
            if value.get("forgotten", {}).get("id") == self.asked:
                stones += 1
            elif _is_row(value, self.asked):
                rows += 1
                if "source" in value:
                    self.sources.add(value["source"])
        return rows, stones

    def relatives(self, held: Collection[str]) -> dict[str, str]:
        """Find other rows from the same lines, in these artifacts and in what was made of them."""
        names = _descendants(self._store, held)
        folders = [item for item in _folders(self._store).items() if item[0] in names]
        found: dict[str, str] = {}
        for source in sorted(self.sources):
            for name, files in folders:
                for file in _shards(files):
                    for value in self._lines(f"{name}/{file}", source):
                        other = _row_id(value)
                        if other not in (None, self.asked) and value.get("source") == source:
                            found[str(other)] = source
        return found

    def _lines(self, path: str, text: str) -> Iterator[dict[str, Any]]:
        """Yield the lines of a shard in which a text stands as a whole JSON value."""
        try:
            for line in lines_with(_shard(self._store, path), _quoted(text)):
                yield msgspec.json.decode(line)
        except FileNotFoundError:  # exchanged for another while we looked
            return
        except (OSError, ValueError):  # pyarrow's errors are among these
            self.unreadable.add(path)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _row_id(value: Mapping[str, Any]) -> str | None:
    """Return the id of a row in plain form; of a dropped one, that of the example in it."""
    inner = value.get("row") if "reason" in value else value
    return inner.get("row_id") if isinstance(inner, dict) else None


def _is_row(value: Mapping[str, Any], asked: str) -> bool:
    """Whether a row in plain form is the one asked for: by its id, or a raw line by its place."""
    if "reason" in value and isinstance(value.get("row"), str):
        return bool(value["source"] == asked)
    return _row_id(value) == asked


def _folders(store: Store) -> dict[str, list[str]]:
    """Return the files of every rows artifact, whole or not, by kind and digest."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind in ROWS:
        for path in sorted(store.storage.sizes(kind)):
            digest, _, file = path.partition("/")
            found[f"{kind}/{digest}"].append(file)
    return found


def _shards(files: Collection[str]) -> list[str]:
    return sorted(file for file in files if file.endswith(".parquet"))


def _shard(store: Store, path: str) -> Path | BinaryIO:
    """Return a shard to read: in memory, where the store is elsewhere; nothing is left on disk."""
    if store.storage.local is not None:
        return store.storage.local / path
    return io.BytesIO(store.storage.read(path))


def _manifest(store: Store, name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(store.storage.read(f"{name}/{MANIFEST}"))
    return manifest


def _replace(store: Store, held: Held, asked: str, by: str, when: str, why: str) -> None:
    """Exchange the shards of one artifact that hold the row."""

    def change(line: str) -> str:
        if quoted in line and _is_row(msgspec.json.decode(line), asked):
            return entombed(line, asked, by, when, why)
        return line

    quoted = _quoted(asked)
    folder = store.scratch / TEMPORARY / owned_name()
    private_folder(folder)
    try:
        shards = {
            name: rewritten(_shard(store, f"{held.name}/{name}"), name, folder, change)
            for name in held.shards
        }
        for name in held.strays:
            store.storage.delete(f"{held.name}/{name}")
        with contextlib.suppress(FileNotFoundError):  # one without a manifest has only strays
            ref = read_ref(_manifest(store, held.name)["ref"])
            store.exchange(ref, shards, sum(held.shards.values()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _descendants(store: Store, names: Collection[str]) -> set[str]:
    """Return these artifacts and all that were made of them, by the records' inputs."""
    builds = [
        (_names(record.get("refs")), _names(record["output"])) for record in store.all_records()
    ]
    found = set(names)
    while True:
        more = {name for read, made in builds if read & found for name in made} - found
        if not more:
            return found
        found |= more


def _names(value: Any) -> set[str]:
    return {f"{ref['kind']}/{ref['digest']}" for ref in refs_in(value)}


def _work(store: Store, affected: Collection[str]) -> list[str]:
    """Return unfinished work that may have read the row.

    Work that reads no artifact reads files: which rows they hold is not known, so it counts.
    """
    names = {"/".join(name.split("/")[:2]) for name in store.storage.sizes("work")}
    found = []
    for folder in sorted(f"work/{name}" for name in names):
        if folder == LOCK:
            continue
        read: set[str] = set()
        with contextlib.suppress(FileNotFoundError, ValueError):
            read = _names(json.loads(store.storage.read(f"{folder}/{INPUTS}")))
        if not read or read & set(affected):
            found.append(folder)
    return found


def _clear(store: Store, affected: Collection[str]) -> None:
    """Remove unfinished work; where a builder is at work, wait until it has ended."""
    for folder in _work(store, affected):
        with lease.held(store.storage, folder):
            store.clear(folder)
