"""The store: the only writer of artifacts and records.

    <kind>/<digest>/            an artifact's files, `manifest.json` written last
    records/<stage>/<key>/<n>   append-only accounts of builds
    work/<stage>/<key>/         unfinished work, leased to one builder

`build` finds the newest record of the key whose artifact is intact, or runs the stage's body.
Nothing that is complete is ever overwritten, so two writers can meet without harm: whoever comes
second finds the record of the first and adopts its artifact.
"""

import contextlib
import datetime
import errno
import json
import logging
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tunesmith import observe
from tunesmith.artifacts import STEPS, Adapter, Ref
from tunesmith.canonical import canonical, file_digest
from tunesmith.engine import Engine, LocalEngine
from tunesmith.errors import MissingArtifact, Transient
from tunesmith.records import Dropped
from tunesmith.stage import Ins, Out, P, Stage
from tunesmith.store import lease, provenance
from tunesmith.store.draft import Draft
from tunesmith.store.files import Storage, open_storage
from tunesmith.store.rows import read_lines, read_rows

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
INPUTS = "inputs.json"
"""The references that unfinished work reads, beside it."""

# Artifacts whose every file has been hashed in this process; they never change.
_verified: set[tuple[str, str]] = set()
_verifying = threading.Lock()


class Store:
    """Artifacts and records at one URL.

    Args:
        url: A local folder, or an fsspec URL such as `s3://bucket/folder`.
        scratch: A local folder for unfinished work and fetched files; a local store needs none.
        rebuild: Names of stages to run even though a record exists, in a further record.
        engine: What row-wise work runs on; no artifact depends on it. This process by default.
        secrets: Keys of services by the name that a recipe calls them, such as the environment.
    """

    def __init__(
        self,
        url: str,
        scratch: Path | None = None,
        rebuild: frozenset[str] = frozenset(),
        engine: Engine | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self.storage: Storage = open_storage(url)
        local = self.storage.local or scratch
        if local is None:
            raise ValueError(f"a store at {url} needs a local scratch folder")
        self._local = local
        self._place = str(self.storage.local or url)
        self.rebuild = rebuild
        self.engine = engine or LocalEngine(workers=1)
        self.secrets = secrets or {}

    @property
    def scratch(self) -> Path:
        """The local folder for unfinished work and fetched files."""
        return self._local

    # Building

    def build(self, stage: Stage[P, Out, *Ins], params: P, *inputs: *Ins) -> Out:
        """Return the stage's artifact for these parameters and inputs, building it if needed.

        Raises:
            MissingArtifact: when a record of a stage that is not repeatable has lost its artifact.
        """
        key = stage.key(params, *inputs)
        before = self._newest(stage.name, key)
        if stage.name not in self.rebuild:
            found = self._find(stage, key)
            if found:
                return self._tell(stage, key, found, hit=True)
        folder = f"work/{stage.name}/{key}"
        with lease.held(self.storage, folder) as holder, _saying_when_full():
            # Somebody else may have finished while we waited; their record is as good as ours.
            found = self._find(stage, key) if self._newest(stage.name, key) > before else None
            if found is None:
                self._refuse_lost(stage, key)
                found = self._run(stage, key, params, inputs, holder)
                hit = False
            else:
                hit = True
            self.clear(folder)
        return self._tell(stage, key, found, hit=hit)

    def find(self, stage: Stage[P, Out, *Ins], params: P, *inputs: *Ins) -> Out | None:
        """Return the stage's artifact if it is there and intact; builds nothing."""
        if stage.name in self.rebuild:
            return None
        found = self._find(stage, stage.key(params, *inputs))
        return None if found is None else stage.produces.model_validate(found["output"])

    def _find(self, stage: Stage[P, Out, *Ins], key: str) -> dict[str, Any] | None:
        for record in self.records(stage.name, key):
            if self._intact(stage.produces.model_validate(record["output"])):
                return record
        return None

    def _refuse_lost(self, stage: Stage[P, Out, *Ins], key: str) -> None:
        if stage.repeatable or stage.name in self.rebuild:
            return
        for record in self.records(stage.name, key):
            lost = stage.produces.model_validate(record["output"])
            raise MissingArtifact(
                f"{lost.kind} {lost.short}, built by {stage.name} on {record['created']}, is no "
                f"longer intact in {self.url}. Another build would not give the same bytes. "
                f"Restore it from a backup, or build anew with --rebuild {stage.name}"
            )

    def _run(
        self,
        stage: Stage[P, Out, *Ins],
        key: str,
        params: P,
        inputs: tuple[Any, ...],
        holder: lease.Lease,
    ) -> dict[str, Any]:
        folder = self._local / "work" / stage.name / key
        shutil.rmtree(folder / "out", ignore_errors=True)
        saved = self._download_state(stage.name, key, folder / "state")
        # From this `forget` knows whether the unfinished work can hold a row.
        self.storage.replace(f"work/{stage.name}/{key}/{INPUTS}", canonical(_plain(inputs)))
        draft = Draft(self, stage.name, key, folder, saved)
        start = time.perf_counter()
        output = stage.body(params, draft, *inputs)
        draft.timings["total"] = round(time.perf_counter() - start, 3)
        counts = draft.check_counts()
        holder.check()
        return self._write_record(
            {
                **stage.identity(params, *inputs),
                "key": key,
                "refs": _plain(inputs),
                "output": output.model_dump(mode="json"),
                "counts": counts,
                "timings": draft.timings,
                "notes": draft.notes,
                "created": _now(),
                **provenance.here(),
            }
        )

    def _tell(self, stage: Stage[P, Out, *Ins], key: str, record: dict[str, Any], hit: bool) -> Out:
        ref = stage.produces.model_validate(record["output"])
        counts = record["counts"]
        dropped = sum(counts["dropped"].values())
        logger.info(
            "%s %s %s %s%s",
            observe.label(stage.name),
            "cached" if hit else f"built in {record['timings']['total']:.1f} s:",
            ref.kind,
            ref.short,
            f", {counts['kept']} rows kept, {dropped} dropped" if counts["rows_in"] else "",
        )
        observe.tell_built(stage.name, key, ref, hit, record)
        return ref

    # Records

    def records(self, stage: str, key: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a key, newest first."""
        folder = f"records/{stage}/{key}"
        for name in sorted(self.storage.sizes(folder), reverse=True):
            yield self._record(f"{folder}/{name}")

    def all_records(self, stage: str = "") -> Iterator[dict[str, Any]]:
        """Yield every record of the store, or of one stage, in no particular order."""
        folder = f"records/{stage}".rstrip("/")
        for name in self.storage.sizes(folder):
            yield self._record(f"{folder}/{name}")

    def _record(self, path: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads(self.storage.read(path))
        except ValueError as error:
            raise MissingArtifact(
                f"{self.url}/{path}: the record is damaged: {error}. Restore it from a backup, or "
                "remove it and build again"
            ) from error
        return record

    def _newest(self, stage: str, key: str) -> int:
        names = self.storage.sizes(f"records/{stage}/{key}")
        return max((int(name.removesuffix(".json")) for name in names), default=0)

    def _write_record(self, record: dict[str, Any]) -> dict[str, Any]:
        stage, key = record["stage"], record["key"]
        content = canonical(record)
        number = self._newest(stage, key)
        while True:
            number += 1
            if self.storage.create(f"records/{stage}/{key}/{number:06d}.json", content):
                return record

    # Artifacts

    def seal(self, ref: Ref, folder: Path, counts: dict[str, Any]) -> None:
        """Put the files of a folder into the store as the artifact `ref`; manifest last."""
        files: dict[str, dict[str, Any]] = {
            path.relative_to(folder).as_posix(): {
                "bytes": path.stat().st_size,
                "sha256": file_digest(path),
            }
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        manifest = canonical({"ref": ref.model_dump(mode="json"), "files": files, "counts": counts})
        if self._intact(ref, hashes=True):
            return
        at = _folder(ref)
        present = self.storage.sizes(at)
        # Only a damaged artifact loses its manifest. One that has none yet may be on its way from
        # another writer, whose manifest is as good as ours.
        if MANIFEST in present:
            self.storage.delete(f"{at}/{MANIFEST}")
        for name, file in files.items():
            path = f"{at}/{name}"
            if self.storage.create(path, folder / name):
                continue
            if self.storage.sha256(path) != file["sha256"]:  # a damaged disk
                self.storage.replace(path, folder / name)
        if self.storage.create(f"{at}/{MANIFEST}", manifest):
            for name in present.keys() - files.keys() - {MANIFEST}:  # of a writer that died
                self.storage.delete(f"{at}/{name}")

    def exchange(self, ref: Ref, shards: Mapping[str, Path], forgotten: int) -> None:
        """Put other shards in the place of some whose rows were forgotten.

        The one change that an artifact ever sees; the digest of its content stays. The new shards
        come first, then the manifest that names them; files that it does not name go last, also
        those that an earlier call left when it was killed.

        Args:
            ref: The artifact.
            shards: New files, by the name of the shard that each stands for.
            forgotten: How many rows became tombstones.
        """
        at = _folder(ref)
        manifest = self.manifest(ref)
        files = manifest["files"]
        for name, path in shards.items():
            del files[name]
            files[path.name] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
            self.storage.replace(f"{at}/{path.name}", path)
        if shards:
            manifest["forgotten"] = manifest.get("forgotten", 0) + forgotten
            self.storage.replace(f"{at}/{MANIFEST}", canonical(manifest))
        for name in self.storage.sizes(at).keys() - files.keys() - {MANIFEST}:
            self.storage.delete(f"{at}/{name}")
        if self.storage.local is None:
            shutil.rmtree(self._local / at, ignore_errors=True)
        _verified.discard((self._place, at))

    def manifest(self, ref: Ref) -> dict[str, Any]:
        """Return an artifact's manifest.

        Raises:
            MissingArtifact: when there is none, or it is damaged.
        """
        try:
            content = self.storage.read(f"{_folder(ref)}/{MANIFEST}")
        except FileNotFoundError:
            raise MissingArtifact(f"{ref.kind} {ref.short} is not in {self.url}") from None
        try:
            manifest: dict[str, Any] = json.loads(content)
        except ValueError as error:
            raise MissingArtifact(
                f"{ref.kind} {ref.short}: its manifest is damaged: {error}"
            ) from error
        return manifest

    def problems(self, ref: Ref, hashes: bool = False) -> list[str]:
        """Say what is wrong with an artifact's files; all files are read if `hashes`."""
        at = _folder(ref)
        present = self.storage.sizes(at)
        if MANIFEST not in present:
            return [f"{ref.kind} {ref.short}: no manifest"]
        try:
            files = self.manifest(ref)["files"]
        except MissingArtifact as error:
            return [str(error)]
        found = []
        for name, file in files.items():
            if name not in present:
                found.append(f"{ref.kind} {ref.short}: {name} is missing")
            elif present[name] != file["bytes"]:
                found.append(
                    f"{ref.kind} {ref.short}: {name} has {present[name]} bytes, not {file['bytes']}"
                )
            elif hashes and self.storage.sha256(f"{at}/{name}") != file["sha256"]:
                found.append(f"{ref.kind} {ref.short}: {name} has been altered")
        for part in _nested(ref):
            found.extend(self.problems(part, hashes))
        return found

    def _intact(self, ref: Ref, hashes: bool = False) -> bool:
        return not self.problems(ref, hashes)

    def path(self, ref: Ref) -> Path:
        """Return a local folder with an artifact's files.

        They are hashed on the first use in a process; after that, their sizes are checked.

        Raises:
            MissingArtifact: when a file is missing or altered.
        """
        folder = self._local / _folder(ref)
        name = (self._place, _folder(ref))
        here = self.storage.local is not None
        with _verifying:
            first = name not in _verified
            found = self.problems(ref, hashes=here and first)
            if not found and not here:
                found = list(self._fetch(ref, folder, first))
            if found:
                raise MissingArtifact(
                    f"{'; '.join(found)}. Restore it from a backup, or build it again with "
                    f"--rebuild and the stage that `tunesmith show {ref.short}` names"
                )
            _verified.add(name)
        return folder

    def _fetch(self, ref: Ref, folder: Path, hashes: bool) -> Iterator[str]:
        """Bring the files that are not here yet, and say what is wrong with those that came."""
        for name, file in self.manifest(ref)["files"].items():
            copy = folder / name
            here = copy.exists() and copy.stat().st_size == file["bytes"]
            if here and (not hashes or file_digest(copy) == file["sha256"]):
                continue
            self.storage.fetch(f"{_folder(ref)}/{name}", copy)
            if file_digest(copy) != file["sha256"]:
                copy.unlink()
                yield f"{ref.kind} {ref.short}: {name} has been altered"

    def rows(self, ref: Ref, row_type: Any) -> Iterator[Any]:
        """Read the kept rows of an artifact, in order."""
        return self._read(ref, "kept", row_type)

    def dropped(self, ref: Ref) -> Iterator[Dropped]:
        """Read the dropped rows of an artifact, in order."""
        return self._read(ref, "dropped", Dropped)

    def lines(self, ref: Ref) -> Iterator[str]:
        """Read the kept rows of an artifact, in order, as canonical JSON."""
        return read_lines(self.path(ref), self.manifest(ref)["files"], "kept")

    def _read(self, ref: Ref, which: str, row_type: Any) -> Iterator[Any]:
        return read_rows(self.path(ref), self.manifest(ref)["files"], which, row_type)

    def json(self, ref: Ref, name: str) -> Any:
        """Read a JSON document of an artifact."""
        return json.loads((self.path(ref) / name).read_bytes())

    def steps(self, adapter: Adapter) -> list[dict[str, float]]:
        """Return the step metrics of an adapter, under the timestamps of the build that is newest.

        The metrics are part of the artifact; when they were measured stands in the record.
        """
        path = self.path(adapter) / STEPS
        steps = [json.loads(line) for line in path.read_text().splitlines()]
        times: dict[str, float] = {}
        for record in sorted(self.all_records("train"), key=lambda record: str(record["created"])):
            if record["output"]["digest"] == adapter.digest:
                times = record["timings"].get("steps", times)
        return [{**step, "timestamp": times.get(str(step["step"]), 0.0)} for step in steps]

    # Unfinished work

    def upload_state(
        self, stage: str, key: str, folder: Path, saved: dict[str, tuple[int, int]]
    ) -> dict[str, tuple[int, int]]:
        """Copy what changed in a state folder to the store, oldest first; return what it holds.

        Oldest first, because whoever writes a checkpoint writes its completeness marker last.
        """
        if self.storage.local is not None:
            return saved
        now = _state_of(folder)
        for name in sorted(now, key=lambda name: now[name]):
            if saved.get(name) != now[name]:
                self.storage.replace(f"work/{stage}/{key}/state/{name}", folder / name)
        for name in saved.keys() - now.keys():
            self.storage.delete(f"work/{stage}/{key}/state/{name}")
        return now

    def _download_state(self, stage: str, key: str, folder: Path) -> dict[str, tuple[int, int]]:
        """Bring a state folder from the store; return what both hold."""
        if self.storage.local is None:
            shutil.rmtree(folder, ignore_errors=True)
            at = f"work/{stage}/{key}/state"
            for name in self.storage.sizes(at):
                self.storage.fetch(f"{at}/{name}", folder / name)
        return _state_of(folder)

    def clear(self, folder: str) -> None:
        """Remove finished work, but not the leases: they are the holder's to give back."""
        for part in ("state", "out", INPUTS):
            self.storage.delete(f"{folder}/{part}")
            shutil.rmtree(self._local / folder / part, ignore_errors=True)


@contextlib.contextmanager
def _saying_when_full() -> Iterator[None]:
    """Tell a full disk from a fault of ours: what is unfinished stays, and may be taken up."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise Transient(
            f"{error.filename or 'the disk'}: {error.strerror}. Free some space (`tunesmith gc` "
            "lists what no record needs) and run again; what is unfinished will be taken up"
        ) from error


def _state_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file()
    }


def _folder(ref: Ref) -> str:
    return f"{ref.kind}/{ref.digest}"


def _plain(value: Any) -> Any:
    """Inputs as JSON: references in full, so that a record can be followed upwards."""
    if isinstance(value, Ref):
        return value.model_dump(mode="json", exclude={"root"})
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _nested(ref: Ref) -> list[Ref]:
    """Artifacts that an artifact consists of, such as the sides of a split."""
    return [value for _, value in ref if isinstance(value, Ref)]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
