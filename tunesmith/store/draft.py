"""What a stage's body works with: its inputs, a place that survives a kill, and sealing.

Nothing in a draft is an artifact until it is sealed: files are uploaded under their digest, the
manifest last. A body that dies leaves only unfinished work, which the next builder of the same
key finds in `state`.
"""

import contextlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from tunesmith import observe
from tunesmith.artifacts import Examples, Ref
from tunesmith.canonical import canonical, file_digest, files_digest
from tunesmith.engine import Engine, batched
from tunesmith.records import Dropped, Example, Extra
from tunesmith.store.files import private_folder
from tunesmith.store.rows import Encoded, RowsWriter, encode

if TYPE_CHECKING:
    from tunesmith.store import Store

Out = TypeVar("Out", bound=Ref)
T = TypeVar("T")
Rows = Iterable[Example | Dropped | Extra]

BATCH_ROWS = 512
BATCH_SIZE = 4 << 20
"""Rows, and characters of JSON, in a batch of row-wise work at most."""


class Draft:
    """One build in progress.

    Attributes:
        state: A folder that a later build of the same key finds as it was left (from a store
            elsewhere, as it was at the last `save`).
        timings: Seconds by name; they go to the record, never into the artifact.
        notes: Other facts for the record alone, such as the versions of a model.
        drops: Dropped rows by reason, over all that was sealed.
    """

    def __init__(
        self,
        store: "Store",
        stage: str,
        key: str,
        folder: Path,
        saved: dict[str, tuple[int, int]],
    ) -> None:
        self._store, self._stage, self._folder = store, stage, folder
        self.key = key
        self.state = folder / "state"
        private_folder(self.state)
        self.timings: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}
        self.drops: Counter[str] = Counter()
        self._saved = saved
        self._rows_in = self._rows_out = 0
        self._counted = False
        self._outs = 0

    # Inputs

    def path(self, ref: Ref) -> Path:
        """Return a local folder with the files of an artifact, verified."""
        return self._store.path(ref)

    def rows(self, ref: Ref, row_type: Any = Example) -> Iterator[Any]:
        """Read the rows that this stage must account for: each is kept or dropped at sealing."""
        for row in self._store.rows(ref, row_type):
            self._rows_in += 1
            yield row

    def peek(self, ref: Ref, row_type: Any = Example) -> Iterator[Any]:
        """Read rows that only inform the stage, such as a fence or a sample."""
        return self._store.rows(ref, row_type)

    def dropped(self, ref: Ref) -> Iterator[Dropped]:
        """Read the rows that an earlier stage dropped."""
        return self._store.dropped(ref)

    @property
    def secrets(self) -> Mapping[str, str]:
        """Keys of services by name, to be sent to these and to stand nowhere else.

        They come from the settings of this process. Parameters name the one that they need.
        """
        return self._store.secrets

    def count_in(self, rows: int = 1) -> None:
        """Account for rows that do not come from an artifact, such as lines of a file."""
        self._rows_in += rows

    # Row-wise work, on the store's engine

    def transform(self, source: Examples, work: Callable[[list[Example]], Rows]) -> Examples:
        """Run `work` on batches of rows and seal what comes out, in the order of the rows.

        Args:
            source: The rows; each must come out once, kept or dropped, in order. Rows that are
                made beside them come as `Extra`.
            work: A function of a module, or an instance of a module's frozen dataclass with
                `__call__`; it goes to other processes.
        """
        batches = self._batches(source)
        return self._seal_encoded(self._engine.map(_Transform(work), batches), source.rows)

    def survey(self, source: Examples, work: Callable[[list[Example]], T]) -> Iterator[T]:
        """Yield what `work` finds in each batch of rows, in order; accounts for no row."""
        return self._engine.map(_Survey(work), self._batches(source))

    def seal_made(self, batches: Iterable[list[T]], work: Callable[[list[T]], Rows]) -> Examples:
        """Make rows of what is none yet, such as lines of files, and seal them.

        Args:
            batches: Lists of items; each item must come out as one row, kept or dropped.
            work: As for `transform`.

        Nobody knows how many there will be, so no progress is told.
        """
        return self._seal_encoded(self._engine.map(_Make(work), batches), None)

    @property
    def _engine(self) -> Engine:
        return self._store.engine

    def _batches(self, source: Examples) -> Iterator[list[str]]:
        return batched(self._store.lines(source), BATCH_ROWS, BATCH_SIZE, len)

    def _seal_encoded(self, batches: Iterable[Encoded], total: int | None) -> Examples:
        folder = self.scratch()
        writer = RowsWriter(folder)
        for encoded in batches:
            writer.add_encoded(encoded)
            self._rows_in += len(encoded.kept.rows) + len(encoded.dropped.rows)
            if total is not None:
                self.progress(min(writer.kept + writer.dropped, total), total, "rows")
        return self._seal_written(Examples, folder, writer, counted=True)

    # Unfinished work

    def save(self) -> None:
        """Make `state` survive the loss of this machine too, where the store is elsewhere."""
        self._saved = self._store.upload_state(self._stage, self.key, self.state, self._saved)

    def batches(
        self, name: str, item: type[T]
    ) -> tuple[dict[int, T], Callable[[int, dict[int, T]], None]]:
        """Return what earlier builds kept of some planned work, and what keeps a finished batch.

        Args:
            name: What the work is called.
            item: Type of a result; results go by their place.
        """
        folder = self.state / name
        folder.mkdir(exist_ok=True)

        def keep(number: int, results: dict[int, T]) -> None:
            part = folder / f"{number:06d}.part"
            part.write_bytes(msgspec.json.encode(results))
            part.rename(part.with_suffix(".json"))
            self.save()

        finished: dict[int, T] = {}
        of: Any = dict[int, item]  # type: ignore[valid-type]
        for path in sorted(folder.glob("*.json")):
            finished.update(msgspec.json.decode(path.read_bytes(), type=of))
        return finished, keep

    def progress(self, done: int, total: int, unit: str) -> None:
        """Say how far the work is."""
        observe.tell_progress(self._stage, done, total, unit)

    def measured(self, steps: Sequence[dict[str, float]]) -> None:
        """Hand on what training steps measured, as they come."""
        observe.tell_steps(steps)

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the seconds that the block takes to a timing."""
        start = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - start
            self.timings[name] = round(self.timings.get(name, 0.0) + passed, 3)

    # Outputs

    def scratch(self) -> Path:
        """Return a new, empty folder for the files of an artifact."""
        self._outs += 1
        folder = self._folder / "out" / str(self._outs)
        if folder.exists():
            shutil.rmtree(folder)
        private_folder(folder)
        return folder

    def seal_examples(self, rows: Iterable[Example | Dropped]) -> Examples:
        """Write kept and dropped rows and seal them."""
        return self._seal_rows(Examples, rows, counted=True)

    def seal_parts(
        self, rows: Iterable[tuple[str, Example | Dropped]], names: Sequence[str]
    ) -> dict[str, Examples]:
        """Write rows to the part that each names, in one pass, and seal every part."""
        folders = {name: self.scratch() for name in names}
        writers = {name: RowsWriter(folder) for name, folder in folders.items()}
        for name, row in rows:
            writers[name].add(row)
        return {
            name: self._seal_written(Examples, folders[name], writers[name], counted=True)
            for name in names
        }

    def seal_rows(self, kind: type[Out], rows: Iterable[msgspec.Struct]) -> Out:
        """Write rows of another kind, such as predictions, and seal them."""
        return self._seal_rows(kind, rows, counted=False)

    def _seal_rows(self, kind: type[Out], rows: Iterable[msgspec.Struct], counted: bool) -> Out:
        folder = self.scratch()
        writer = RowsWriter(folder)
        for row in rows:
            writer.add(row)
        return self._seal_written(kind, folder, writer, counted)

    def _seal_written(
        self, kind: type[Out], folder: Path, writer: RowsWriter, counted: bool
    ) -> Out:
        content = writer.close()
        facts: dict[str, int] = {"rows": writer.kept}
        if counted:
            self._counted = True
            facts["dropped"] = writer.dropped
            self.drops.update(writer.reasons)
            self._rows_out += writer.kept + writer.dropped
        ref = kind(digest=content, **facts)
        counts = {"kept": writer.kept, "dropped": dict(sorted(writer.reasons.items()))}
        self._store.seal(ref, folder, counts)
        return ref

    def seal_files(self, kind: type[Out], folder: Path, **facts: Any) -> Out:
        """Seal all files of a folder; the digest is over names and contents in sorted order."""
        paths = (path for path in folder.rglob("*") if path.is_file())
        content = files_digest(
            {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}
        )
        ref = kind(digest=content, **facts)
        self._store.seal(ref, folder, {})
        return ref

    def seal_json(self, kind: type[Out], name: str, value: Any, **facts: Any) -> Out:
        """Seal one JSON document, in canonical form."""
        folder = self.scratch()
        (folder / name).write_bytes(canonical(value))
        return self.seal_files(kind, folder, **facts)

    def check_counts(self) -> dict[str, Any]:
        """Return rows in and out by reason.

        Raises:
            RuntimeError: when rows got lost or were invented, which is an error in the stage.
        """
        if self._counted and self._rows_in != self._rows_out:
            raise RuntimeError(
                f"{self._stage}: {self._rows_in} rows in, but {self._rows_out} kept or dropped"
            )
        return {
            "rows_in": self._rows_in,
            "kept": self._rows_out - self.drops.total(),
            "dropped": dict(sorted(self.drops.items())),
        }


@dataclass(frozen=True)
class _Transform:
    work: Callable[[list[Example]], Rows]

    def __call__(self, lines: list[str]) -> Encoded:
        encoded = encode(self.work(_decode(lines)))
        return _check_all(encoded, len(lines))


@dataclass(frozen=True)
class _Make(Generic[T]):
    work: Callable[[list[T]], Rows]

    def __call__(self, items: list[T]) -> Encoded:
        return _check_all(encode(self.work(items)), len(items))


@dataclass(frozen=True)
class _Survey(Generic[T]):
    work: Callable[[list[Example]], T]

    def __call__(self, lines: list[str]) -> T:
        return self.work(_decode(lines))


def _decode(lines: list[str]) -> list[Example]:
    decoder: msgspec.json.Decoder[Example] = msgspec.json.Decoder(Example)
    return [decoder.decode(line) for line in lines]


def _check_all(encoded: Encoded, rows_in: int) -> Encoded:
    """Find rows that got lost or were invented where they did, an error in the stage."""
    out = len(encoded.kept.rows) + len(encoded.dropped.rows) - encoded.extra
    if out != rows_in:
        raise RuntimeError(f"{rows_in} rows in a batch, but {out} came out kept or dropped")
    return encoded


def read_json(path: Path) -> Any:
    """Read one JSON document of an artifact."""
    return json.loads(path.read_bytes())
