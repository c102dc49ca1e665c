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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tunesmith import observe
from tunesmith.artifacts import Examples, Ref
from tunesmith.canonical import canonical, file_digest, files_digest
from tunesmith.records import Dropped, Example
from tunesmith.rows import RowsWriter
from tunesmith.storage import private_folder

if TYPE_CHECKING:
    from tunesmith.store import Store

Out = TypeVar("Out", bound=Ref)


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

    def count_in(self, rows: int = 1) -> None:
        """Account for rows that do not come from an artifact, such as lines of a file."""
        self._rows_in += rows

    # Unfinished work

    def save(self) -> None:
        """Make `state` survive the loss of this machine too, where the store is elsewhere."""
        self._saved = self._store.upload_state(self._stage, self.key, self.state, self._saved)

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
        ref, _ = self._seal_rows(Examples, rows, counted=True)
        return ref

    def seal_rows(self, kind: type[Out], rows: Iterable[msgspec.Struct]) -> Out:
        """Write rows of another kind, such as predictions, and seal them."""
        ref, _ = self._seal_rows(kind, rows, counted=False)
        return ref

    def _seal_rows(
        self, kind: type[Out], rows: Iterable[msgspec.Struct], counted: bool
    ) -> tuple[Out, RowsWriter]:
        folder = self.scratch()
        writer = RowsWriter(folder)
        for row in rows:
            writer.add(row)
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
        return ref, writer

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


def read_json(path: Path) -> Any:
    """Read one JSON document of an artifact."""
    return json.loads(path.read_bytes())
