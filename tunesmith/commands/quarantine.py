"""The rows that ingest dropped: to look at, to mend, and to read again.

What a person mends is a file of its own, JSON lines of `source`, `reason`, `detail` and `raw`. It
holds raw text, so it is for its owner alone. Trying it again moves what is good now into a file of
plain rows, and leaves the rest; every line is in one of the two at any moment.
"""

import contextlib
import filecmp
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from tunesmith import recipe as recipes
from tunesmith.artifacts import Examples, Files
from tunesmith.canonical import canonical_row
from tunesmith.commands.upkeep import find_artifact, refs_in
from tunesmith.data.parsing import Reading, as_json, read_item, reading_of
from tunesmith.data.readers.items import MAX_LINE, Line
from tunesmith.data.readers.places import matches
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError
from tunesmith.records import Dropped
from tunesmith.stages import ingest
from tunesmith.store import Store
from tunesmith.wording import counted

SHOWN = 2000
"""Characters of a raw row that are shown."""
UNTRUSTED = "bad_provenance"
"""Reason of rows that are not tried again: without their provenance nobody knows whose they are."""


class Quarantined(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a quarantine file; of these, a person mends `raw`."""

    source: str
    reason: str
    detail: str
    raw: str


class Retried(NamedTuple):
    """How many rows are good now, and why the others are not."""

    good: int
    left: Counter[str]


class Unread(NamedTuple):
    """Sources of which no run made anything, such as those that it refused."""

    params: ingest.IngestParams
    files: Files
    note: str
    """What is known of them."""


class Rows(Iterator[Quarantined]):
    """Dropped rows, in order, and a note to read before them, or None."""

    def __init__(self, rows: Iterator[Quarantined], note: str | None = None) -> None:
        self._rows, self.note = rows, note

    def __next__(self) -> Quarantined:
        return next(self._rows)


def locate(store: Store, what: str) -> Examples | Unread:
    """Find what ingest made, by the start of its digest or by a recipe's file.

    A recipe whose sources were never kept as they are now leads to these themselves.

    Raises:
        InputError: when there is none, or it is something else; says what to type instead.
    """
    if what.endswith((".yaml", ".yml")) or Path(what).is_file():
        return _of_recipe(store, Path(what))
    ref, record = find_artifact(store, what)
    if record["stage"] == ingest.STAGE.name and isinstance(ref, Examples):
        return ref
    sources = _ingested(store, ref.digest)
    more = f"; the lines it came from: {', '.join(sources)}" if sources else ""
    raise InputError(
        f"{ref.kind} {ref.short} was made by {record['stage']}; only what ingest made has dropped "
        f"lines{more}. `tunesmith show {ref.short} --dropped all` shows what other stages dropped"
    )


def _of_recipe(store: Store, path: Path) -> Examples | Unread:
    recipe = recipes.load(path, training=False)
    files = gather([source.path for source in recipe.ingest.sources], recipe.root)
    found = store.find(ingest.STAGE, recipe.ingest, files)
    if found is not None:
        return found
    wanted = recipe.ingest.model_dump(mode="json")
    before = [
        (str(record["created"]), str(record["output"]["digest"]))
        for record in store.all_records(ingest.STAGE.name)
        if record["params"] == wanted
    ]
    if before:
        created, digest = max(before)
        return Unread(
            recipe.ingest,
            files,
            f"{path}: its sources have changed since a run last kept them, on {created}; see those "
            f"rows with `tunesmith quarantine show {digest[:12]}`",
        )
    return Unread(recipe.ingest, files, f"{path}: no run has kept its sources")


def _ingested(store: Store, digest: str) -> list[str]:
    """Follow the records from an artifact to what ingest made of its sources."""
    builds = {
        value["digest"]: record
        for record in store.all_records()
        for value in refs_in(record["output"])
    }
    found, ahead, seen = [], [digest], set()
    while ahead:
        name = ahead.pop()
        if name in seen or name not in builds:
            continue
        seen.add(name)
        if builds[name]["stage"] == ingest.STAGE.name:
            found.append(name[:12])
        ahead += [value["digest"] for value in refs_in(builds[name].get("refs"))]
    return sorted(found)


def dropped(store: Store, what: Examples | Unread, reason: str | None) -> Rows:
    """Return the dropped rows of an artifact, or those of one reason, in order.

    Sources without one are read here, twice: the note must know how they end.

    Raises:
        InputError: when no row was dropped for this reason, or the sources cannot be read.
    """
    if isinstance(what, Examples):
        reasons = store.manifest(what)["counts"]["dropped"]
        _check_reason(reason, reasons, f"examples {what.short}")
        return Rows(_quarantined(store.dropped(what), reason))
    seen = ingest.Tally(what.params, what.files)
    for row in ingest.read(what.params, what.files):
        seen.add(row)
    try:
        seen.check()
        end = "These are the rows that one would drop now:"
    except InputError as error:
        end = f"A run refuses them now: {error}"
    _check_reason(reason, seen.dropped, ", ".join(what.files.names))
    again = (row for row in ingest.read(what.params, what.files) if isinstance(row, Dropped))
    return Rows(_quarantined(again, reason), f"{what.note}. {end}")


def _check_reason(reason: str | None, reasons: Mapping[str, int], where: str) -> None:
    if reason is not None and reason not in reasons:
        known = ", ".join(f"{count} {name}" for name, count in reasons.items()) or "none"
        raise InputError(f"{where}: no row was dropped for {reason!r}; dropped were: {known}")


def _quarantined(rows: Iterable[Dropped], reason: str | None) -> Iterator[Quarantined]:
    for row in rows:
        if reason in (None, row.reason):
            raw = row.row if isinstance(row.row, str) else canonical_row(row.row).decode()
            yield Quarantined(row.source, row.reason, row.detail, raw)


def shown(rows: Iterator[Quarantined]) -> Iterator[str]:
    """Yield rows as text for a person, and how many they are."""
    if isinstance(rows, Rows) and rows.note:
        yield rows.note
    count = 0
    for row in rows:
        count += 1
        yield f"{row.source}  {row.reason}: {row.detail}"
        more = len(row.raw) - SHOWN
        yield from (f"    {line}" for line in row.raw[:SHOWN].splitlines())
        if more > 0:
            yield f"    … {counted(more, 'character')} more; --out FILE has them"
    yield counted(count, "row") if count else "no row was dropped by ingest"


def write(rows: Iterable[Quarantined], out: Path) -> int:
    """Write a quarantine file; return how many rows it has.

    Raises:
        InputError: when the file is there already, since it may hold somebody's mending.
    """
    if out.exists():
        raise InputError(f"{out}: is there already, perhaps with mended rows; name another file")
    count = 0
    with _beside(out) as part:
        for row in rows:
            part.write(msgspec.json.encode(row) + b"\n")
            count += 1
        part.put(out)
    return count


def retry(path: Path, out: Path, recipe: Path | None) -> Retried:
    """Read mended rows again; move the good ones to `out`, and leave the rest where it is.

    Rows whose provenance is what is wrong stay: that file must be mended, or the rows exported
    again. Killed at any moment and called again, it gives the same two files.

    Args:
        path: A quarantine file; what is left of it has its new reasons.
        out: A new file of plain rows, to be named as a source in the recipe.
        recipe: The recipe they are for: its shapes, columns and groups. Without one, the shape is
            told from the rows.

    Raises:
        InputError: when a line of the file is not one of a quarantine file, or `out` is another
            file already; then nothing was changed.
    """
    if out.resolve() == path.resolve():
        raise InputError(f"{out}: is the quarantine file itself; name another file for good rows")
    before = _state(path)
    readings = _Readings(path, recipe)
    good, left = 0, Counter[str]()
    with _beside(path) as rest, _beside(out) as moved:
        for row in _rows(path):
            if row.reason == UNTRUSTED:
                left[row.reason] += 1
                rest.write(msgspec.json.encode(row) + b"\n")
                continue
            item = _item(row)
            found = read_item(item, readings.of(row))
            if isinstance(found, Dropped):
                left[found.reason] += 1
                again = Quarantined(row.source, found.reason, found.detail, row.raw)
                rest.write(msgspec.json.encode(again) + b"\n")
            else:
                good += 1
                moved.write(as_json(item) + b"\n")
        if _state(path) != before:
            raise InputError(f"{path}: changed while it was being read; nothing was moved")
        if good:
            moved.put(out)
        # Only now: a kill before this leaves the moved rows in both files, never in neither.
        rest.replace(path)
    return Retried(good, left)


class _Readings:
    """How the rows of a quarantine file are read: as the source that each came from."""

    def __init__(self, path: Path, recipe: Path | None) -> None:
        self._path, self._recipe = path, recipe
        self._params = recipes.load(recipe, training=False).ingest if recipe else None
        self._known: dict[int, Reading] = {}

    def of(self, row: Quarantined) -> Reading:
        """Return the reading of a row's source."""
        index = self._source(row)
        if index not in self._known:
            self._known[index] = self._reading(index)
        return self._known[index]

    def _source(self, row: Quarantined) -> int:
        if self._params is None:
            return 0
        name = row.source.rsplit(":", 1)[0]
        for index, source in enumerate(self._params.sources):
            if matches(name, source.path):
                return index
        raise InputError(
            f"{self._path}: the row of {row.source} belongs to no source of {self._recipe}; "
            "name the recipe that it was dropped for, or none. Nothing was changed"
        )

    def _reading(self, index: int) -> Reading:
        items = (
            _item(row)
            for row in _rows(self._path)
            if row.reason != UNTRUSTED and self._source(row) == index
        )
        if self._params is None:
            return reading_of(items, "human", str(self._path))
        source = self._params.sources[index]
        return reading_of(
            items,
            source.origin,
            source.path,
            group_by=self._params.group_by,
            shape=source.shape,
            columns=source.columns,
        )


def _item(row: Quarantined) -> Line:
    content = row.raw.encode()
    return Line(row.source, content[:MAX_LINE], len(content) <= MAX_LINE)


def _rows(path: Path) -> Iterator[Quarantined]:
    """Yield the lines of a quarantine file; blank ones hold nothing."""
    decoder = msgspec.json.Decoder(Quarantined)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    yield decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise InputError(
                        f"{path}:{number}: is no line of a quarantine file: {error}. Expected "
                        '{"source", "reason", "detail", "raw"}, each text; mend the text of raw '
                        "alone. Nothing was changed"
                    ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}. `tunesmith quarantine show RECIPE --out "
            "FILE` writes such a file"
        ) from error
    return found.st_ino, found.st_size, found.st_mtime_ns


class _Part(NamedTuple):
    """A file on its way to its name."""

    path: Path
    file: BinaryIO

    def write(self, content: bytes) -> None:
        self.file.write(content)

    def put(self, target: Path) -> None:
        """Give the file its name, unless another has it; one with the same bytes is this one."""
        self._sync()
        try:
            os.link(self.path, target)
        except FileExistsError:
            if not filecmp.cmp(self.path, target, shallow=False):
                raise InputError(
                    f"{target}: is there already with other rows; name another file. Nothing was "
                    "changed"
                ) from None

    def replace(self, target: Path) -> None:
        """Give the file the name of another, in its place."""
        self._sync()
        self.path.replace(target)

    def _sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[_Part]:
    """Open a new file beside another, for its owner alone; what is left of it at the end goes."""
    part = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield _Part(part, file)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
