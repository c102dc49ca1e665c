"""Exporting kept rows for other tools: a folder of JSONL files that appears whole.

| file | what it holds |
|---|---|
| `NAME.jsonl` | the kept rows in the format asked for, and nothing else |
| `NAME.provenance.jsonl` | a line for each: where it is from, and what was found about it |
| `funnel.json` | rows in, dropped by reason and kept, here and in what it was made from |

NAME is `rows`, or the side of a split. Ingested again with its provenance beside it, a file gives
the very same rows.
"""

import contextlib
import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tunesmith.artifacts import Examples, Mixture, Ref, Split
from tunesmith.canonical import canonical
from tunesmith.commands.upkeep import find_artifact, read_ref, refs_in
from tunesmith.data.exported_lines import (
    Format,
    NoRoomError,
    as_line,
    provenance_line,
)
from tunesmith.data.readers.paired import PROVENANCE_SUFFIX
from tunesmith.errors import InputError, MissingArtifact
from tunesmith.records import Example
from tunesmith.store import Store
from tunesmith.store.files import private_folder

FUNNEL = "funnel.json"
_FOLLOWED = ("examples", "split", "mixture")


class Exported(NamedTuple):
    """What was written."""

    folder: Path
    rows: dict[str, int]
    """How many, by file name."""


def export(store: Store, prefix: str, into: Format, out: Path) -> Exported:
    """Write the kept rows of an artifact into a new folder.

    Args:
        store: The store.
        prefix: The start of the artifact's digest; examples, a split or a mixture.
        into: The format.
        out: The folder; it appears whole or not at all.

    Raises:
        InputError: when the artifact holds no rows, the format has no room for some of them, or
            the folder cannot be made.
    """
    ref, _ = find_artifact(store, prefix)
    parts = _parts(ref)
    if out.exists() or out.is_symlink():
        raise InputError(f"{out}: is there already; name a new folder, nothing is overwritten")
    with _appearing(out) as folder:
        rows = {}
        for name, part in parts.items():
            rows[f"{name}.jsonl"] = _write(store, part, into, folder, name)
        (folder / FUNNEL).write_text(
            json.dumps(funnel(store, [*parts.values()]), indent=2, ensure_ascii=False) + "\n",
            "utf-8",
        )
    return Exported(out, rows)


def _parts(ref: Ref) -> dict[str, Examples]:
    if isinstance(ref, Examples):
        return {"rows": ref}
    if isinstance(ref, Mixture):
        return {"rows": ref.train}
    if isinstance(ref, Split):
        return {"train": ref.train, "validation": ref.validation, "test": ref.test}
    raise InputError(
        f"{ref.kind} {ref.short} holds no examples; export examples, a split or a mixture. "
        "`tunesmith check RECIPE` lists a recipe's"
    )


@contextlib.contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """Give a folder to write to, for this user alone, and its name only once it is whole."""
    part = out.parent / f".{out.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        private_folder(part)
        yield part
        part.rename(out)
    except OSError as error:
        raise InputError(
            f"{error.filename or out}: cannot be written: {error.strerror}; nothing was exported"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(store: Store, ref: Examples, into: Format, folder: Path, name: str) -> int:
    """Write one file and its provenance, row by row; return the number of rows."""
    refused: Counter[str] = Counter()
    first: dict[str, str] = {}
    rows = 0
    with (
        _file(folder / f"{name}.jsonl") as lines,
        _file(folder / f"{name}{PROVENANCE_SUFFIX}") as beside,
    ):
        for row in store.rows(ref, Example):
            rows += 1
            try:
                line = as_line(row, into)
            except NoRoomError as error:
                refused[str(error)] += 1
                first.setdefault(str(error), row.source)
                continue
            lines.write(line + b"\n")
            beside.write(canonical(provenance_line(row, line)) + b"\n")
    if refused:
        reasons = "; ".join(
            f"{count} have {reason}, first {first[reason]}"
            for reason, count in refused.most_common()
        )
        raise InputError(
            f"{refused.total()} of {rows} rows of examples {ref.short} have no place in the format "
            f"{into}: {reasons}. Nothing was exported"
        )
    if rows == 0:
        raise InputError(f"examples {ref.short} has no kept row, so there is nothing to export")
    return rows


@contextlib.contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as file:
        path.chmod(0o600)
        yield file
        file.flush()
        os.fsync(file.fileno())


def funnel(store: Store, parts: list[Examples]) -> list[dict[str, Any]]:
    """Return the counts of artifacts and of what they were made from, sources first.

    Each says its stage, rows in, dropped by reason, kept, and its inputs: the rows artifacts that
    the stage read, also those that only informed it, such as a golden set; or source files.
    """
    builds: dict[str, dict[str, Any]] = {}
    for record in sorted(store.all_records(), key=lambda record: str(record["created"])):
        read = {_name(value) for value in refs_in(record.get("refs"))}
        for value in refs_in(record["output"]):
            # A stage that passes rows on as they are gives the very artifact that it read.
            if _name(value) not in read:
                builds[_name(value)] = record
    found: dict[str, dict[str, Any]] = {}

    def follow(ref: Ref) -> None:
        name = _name(ref.model_dump())
        if name in found:
            return
        record = builds.get(name, {})
        read = [
            read_ref(value) for value in refs_in(record.get("refs")) if value["kind"] in _FOLLOWED
        ]
        inputs = {_name(part.model_dump()): part for each in read for part in _parts(each).values()}
        for part in inputs.values():
            follow(part)
        found[name] = {
            "artifact": name,
            "stage": record.get("stage"),
            **_counts(store, ref),
            "inputs": list(inputs) or _files(record.get("refs")),
        }

    for part in parts:
        follow(part)
    return list(found.values())


def _name(value: dict[str, Any]) -> str:
    return f"{value['kind']}/{value['digest']}"


def _counts(store: Store, ref: Ref) -> dict[str, Any]:
    try:
        manifest = store.manifest(ref)
    except MissingArtifact:
        return {"rows_in": None, "dropped": None, "kept": None}  # removed, or damaged
    kept, dropped = manifest["counts"]["kept"], manifest["counts"]["dropped"]
    counts = {"rows_in": kept + sum(dropped.values()), "dropped": dropped, "kept": kept}
    if "forgotten" in manifest:
        counts["forgotten"] = manifest["forgotten"]
    return counts


def _files(value: Any) -> list[str]:
    """Return the names of source files in a record's inputs."""
    if isinstance(value, dict):
        names = value.get("names", []) if value.get("kind") == "files" else []
        return [str(name) for name in names]
    return [name for item in value for name in _files(item)] if isinstance(value, list) else []
