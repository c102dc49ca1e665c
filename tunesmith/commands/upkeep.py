"""Looking after a store: what is damaged, and what nobody needs any more."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tunesmith.artifacts import (
    Adapter,
    Advice,
    Base,
    Choice,
    Examples,
    Failures,
    Latencies,
    Mixture,
    Package,
    Predictions,
    Probes,
    Ref,
    Scores,
    Split,
    Verdict,
)
from tunesmith.canonical import files_digest
from tunesmith.errors import InputError
from tunesmith.store import MANIFEST, Store, lease
from tunesmith.store.files import TEMPORARY, LocalStorage, Storage, owner_lives
from tunesmith.store.rows import rows_digest
from tunesmith.wording import counted

KINDS: dict[str, type[Ref]] = {
    kind.model_fields["kind"].default: kind
    for kind in (
        Adapter,
        Advice,
        Base,
        Choice,
        Examples,
        Failures,
        Latencies,
        Mixture,
        Package,
        Predictions,
        Probes,
        Scores,
        Split,
        Verdict,
    )
}
ROWS = ("examples", "failures", "predictions", "probes", "scores")
"""Kinds whose files are rows."""


_SEALED_DAYS = 7.0
"""Age up to which an artifact without a record may be of a build that is still at work."""


class Garbage(NamedTuple):
    """Something that no record names."""

    path: str
    size: int
    days: float
    left: bool
    """Whether its maker is known to be gone, and nobody can take it up."""
    storage: Storage
    """Where it is: in the store, or for a store elsewhere among this machine's own files."""


def read_ref(value: dict[str, Any]) -> Ref:
    """Return the typed reference of its plain form."""
    return KINDS[value["kind"]].model_validate(value)


def find_artifact(store: Store, prefix: str) -> tuple[Ref, dict[str, Any]]:
    """Find an artifact by the start of its digest, with the newest record that names it.

    Raises:
        InputError: when none or several start so.
    """
    found: dict[str, tuple[Ref, dict[str, Any]]] = {}
    for record in sorted(store.all_records(), key=lambda record: str(record["created"])):
        for value in refs_in(record["output"]):
            if value["digest"].startswith(prefix.split("/")[-1]):
                found[value["digest"]] = (read_ref(value), record)
    if len(found) != 1:
        what = "no artifact" if not found else f"{len(found)} artifacts"
        raise InputError(
            f"{what} in {store.url} with a digest that starts with {prefix!r}; "
            "give more digits, or see `tunesmith check RECIPE` for what is there"
        )
    return next(iter(found.values()))


def damage(store: Store) -> Iterator[str]:
    """Read every artifact that a record names, and say what is wrong with it."""
    seen: set[str] = set()
    told: set[str] = set()
    for record in store.all_records():
        for value in refs_in(record["output"]):
            ref = read_ref(value)
            name = f"{ref.kind}/{ref.digest}"
            if name in seen:
                continue
            seen.add(name)
            problems = store.problems(ref, hashes=True)
            yield from (problem for problem in problems if problem not in told)
            told.update(problems)
            if not problems and _digest(store, ref) != ref.digest:
                yield f"{ref.kind} {ref.short}: its content does not have its digest"


def _digest(store: Store, ref: Ref) -> str:
    files = store.manifest(ref)["files"]
    if ref.kind in ROWS:
        return rows_digest(store.path(ref), files)
    return files_digest({name: file["sha256"] for name, file in files.items()})


def garbage(store: Store, older_than_days: float) -> Iterator[Garbage]:
    """Find artifacts that no record names, unfinished work and temporary files.

    What is younger than this is left alone, for its maker may still be at work. Where the maker is
    known to be gone, what nobody can take up is found at any age: temporary files, half-written
    outputs, and unfinished work that has no state to continue from. What belongs to a process that
    runs on this machine is never found, nor are the artifacts that it may just have sealed.
    """
    for item in (*_artifacts(store), *_work(store), *_temporary(store)):
        if item.left or item.days >= older_than_days:
            yield item


def _artifacts(store: Store) -> Iterator[Garbage]:
    named = {
        f"{value['kind']}/{value['digest']}"
        for record in store.all_records()
        for value in refs_in(record["output"])
    }
    work = _grouped(store.storage, "work", 2)
    youngest = _SEALED_DAYS if any(lease.holder_lives(store.storage, path) for path in work) else 0
    for kind in KINDS:
        for path, files in _grouped(store.storage, kind, 1).items():
            if path not in named:
                found = _garbage(store.storage, path, files, left=False)
                if found.days >= youngest:
                    yield found


def _work(store: Store) -> Iterator[Garbage]:
    """Find unfinished work, whole or the part of it that is of no use to the next builder."""
    for storage in storages(store):
        for path, files in _grouped(storage, "work", 2).items():
            lives = lease.holder_lives(store.storage, path)
            if lives:
                continue
            out = {name: size for name, size in files.items() if name.startswith(f"{path}/out/")}
            known = lives is False
            useful = any(name.startswith(f"{path}/state/") for name in files)
            if known and useful and out:
                yield _garbage(storage, f"{path}/out", out, left=True)
                files = {name: size for name, size in files.items() if name not in out}
            yield _garbage(storage, path, files, left=known and not useful)


def _temporary(store: Store) -> Iterator[Garbage]:
    for storage in storages(store):
        for path, files in _grouped(storage, TEMPORARY, 1).items():
            lives = owner_lives(path.removeprefix(f"{TEMPORARY}/"))
            if not lives:
                yield _garbage(storage, path, files, left=lives is False)


def storages(store: Store) -> list[Storage]:
    """Return where unfinished work and temporary files lie: the store and, if elsewhere, here."""
    local = [] if store.storage.local is not None else [LocalStorage(store.scratch)]
    return [store.storage, *local]


def _grouped(storage: Storage, root: str, depth: int) -> dict[str, dict[str, int]]:
    """Return the files below a folder, with their sizes, by the folders at a depth in it."""
    folders: dict[str, dict[str, int]] = {}
    for name, size in sorted(storage.sizes(root).items()):
        folder = "/".join([root, *name.split("/")[:depth]])
        folders.setdefault(folder, {})[f"{root}/{name}"] = size
    return folders


def _garbage(storage: Storage, path: str, files: Mapping[str, int], left: bool) -> Garbage:
    # A folder is as old as its newest file: a builder at work keeps its lease fresh.
    newest = max(_modified(storage, name) for name in files)
    days = (time.time() - newest) / 86_400
    return Garbage(path, sum(files.values()), days, left, storage)


def _modified(storage: Storage, name: str) -> float:
    try:
        return storage.modified(name)
    except FileNotFoundError:  # a temporary file that has arrived
        return time.time()


def collect(store: Store, found: Garbage) -> bool:
    """Remove garbage, the manifest first, so that nothing half-deleted looks whole.

    Returns:
        False, and nothing is gone, where somebody has just begun to work in it.
    """
    if found.path.startswith("work/"):
        folder = "/".join(found.path.split("/")[:3])
        with lease.held_if_free(store.storage, folder) as free:
            if free:  # our own lease goes last
                for name in found.storage.sizes(found.path):
                    if not name.startswith("lease-"):
                        found.storage.delete(f"{found.path}/{name}")
                return True
            if found.left or lease.holder_lives(store.storage, folder) is not None:
                return False
    if not found.path.startswith(f"{TEMPORARY}/"):  # which may be a file
        found.storage.delete(f"{found.path}/{MANIFEST}")
    found.storage.delete(found.path)
    return True


def leftovers(store: Store) -> str:
    """Say what dead or failed builders have left for `gc`; empty if nothing."""
    left = [item for item in garbage(store, float("inf")) if item.left]
    if not left:
        return ""
    size = sum(item.size for item in left) / 1e6
    return (
        f"{counted(len(left), 'leftover')} of processes that died or failed, {size:.1f} MB: "
        "`tunesmith gc` lists what it is, and removes it with --delete"
    )


def refs_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the references in plain JSON, each before those inside it."""
    if isinstance(value, dict):
        if value.get("kind") in KINDS:
            yield value
        for item in value.values():
            yield from refs_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from refs_in(item)
