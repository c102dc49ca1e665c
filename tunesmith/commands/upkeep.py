"""Looking after a store: what is damaged, and what nobody needs any more."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from tunesmith.artifacts import (
    Adapter,
    Base,
    Examples,
    Mixture,
    Predictions,
    Ref,
    Scores,
    Split,
    Verdict,
)
from tunesmith.canonical import files_digest
from tunesmith.errors import InputError
from tunesmith.store import MANIFEST, Store
from tunesmith.store.files import TEMPORARY
from tunesmith.store.rows import rows_digest

KINDS: dict[str, type[Ref]] = {
    kind.model_fields["kind"].default: kind
    for kind in (Adapter, Base, Examples, Mixture, Predictions, Scores, Split, Verdict)
}
ROWS = ("examples", "predictions", "scores")
"""Kinds whose files are rows."""


class Garbage(NamedTuple):
    """Something that no record names."""

    path: str
    size: int
    days: float


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
    """Find artifacts that no record names, unfinished work and files, if older than this."""
    named = {
        f"{value['kind']}/{value['digest']}"
        for record in store.all_records()
        for value in refs_in(record["output"])
    }
    folders: dict[str, list[tuple[str, int]]] = {}
    for kind in KINDS:
        for name, size in store.storage.sizes(kind).items():
            folders.setdefault(f"{kind}/{name.split('/')[0]}", []).append((name, size))
    for name, size in store.storage.sizes("work").items():
        folder = "work/" + "/".join(name.split("/")[:2])
        folders.setdefault(folder, []).append((name, size))
    for name, size in store.storage.sizes(TEMPORARY).items():
        folders[f"{TEMPORARY}/{name}"] = [(name, size)]
    for folder, files in sorted(folders.items()):
        if folder in named:
            continue
        root = folder.split("/")[0]
        # A folder is as old as its newest file: a builder at work keeps its lease fresh.
        newest = max(store.storage.modified(f"{root}/{name}") for name, _ in files)
        days = (time.time() - newest) / 86_400
        if days >= older_than_days:
            yield Garbage(folder, sum(size for _, size in files), days)


def collect(store: Store, found: Garbage) -> None:
    """Remove garbage; the manifest first, so that nothing half-deleted looks whole."""
    store.storage.delete(f"{found.path}/{MANIFEST}")
    store.storage.delete(found.path)


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
