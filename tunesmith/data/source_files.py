"""Finding source files, and knowing them by their content."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tunesmith.artifacts import Files
from tunesmith.canonical import digest, file_digest
from tunesmith.data.readers.paired import provenance_name, rows_name
from tunesmith.data.readers.places import find, is_there, matches, open_place
from tunesmith.data.readers.streams import Hashed
from tunesmith.errors import InputError

__all__ = ["copy", "gather", "gather_all", "matches"]


def gather(patterns: Sequence[str], root: Path) -> Files:
    """Find the files that match, hash them, and return a reference to their content.

    The provenance of exported rows goes with them, also where no pattern names it.

    Args:
        patterns: Paths or globs relative to `root`, or URLs that fsspec knows.
        root: The recipe's folder.

    Raises:
        InputError: when a pattern matches nothing, or a file cannot be read.
        Transient: when an object store or the hub does not answer.
    """
    names = {name for pattern in patterns for name in _find_rows(pattern, root)}
    beside = {found for name in names if (found := provenance_name(name)) and is_there(found, root)}
    return _hashed(names | beside, root)


def gather_all(folder: str, root: Path) -> Files:
    """Hash every file of a folder, whatever it holds.

    Args:
        folder: Its path relative to `root`.
        root: The recipe's folder.

    Raises:
        InputError: when there is no such folder, it is empty, or a file cannot be read.
    """
    found = {
        path.relative_to(root).as_posix() for path in (root / folder).rglob("*") if path.is_file()
    }
    if not found:
        raise InputError(f"{root / folder}: no such folder, or it has no file")
    return _hashed(found, root)


def copy(files: Files, folder: Path) -> None:
    """Copy files of this machine into a folder, as they were when they were hashed.

    Raises:
        InputError: when one cannot be read, or has changed.
    """
    for name, sha256 in zip(files.names, files.sha256, strict=True):
        source, target = Path(files.root) / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise InputError(f"{source}: cannot be read: {error.strerror}") from error
        if file_digest(target) != sha256:
            raise InputError(f"{source}: changed after it was looked at. Run again")


def _hashed(names: set[str], root: Path) -> Files:
    ordered = sorted(names)
    hashes = [_sha256(name, str(root)) for name in ordered]
    return Files(
        digest=digest(list(zip(ordered, hashes, strict=True))),
        names=tuple(ordered),
        sha256=tuple(hashes),
        root=str(root.absolute()),
    )


def _find_rows(pattern: str, root: Path) -> list[str]:
    """Find files with rows: what stands beside such a file as its provenance is none."""
    found = find(pattern, root)
    known = set(found)
    left = []
    for name in found:
        rows = rows_name(name)
        if rows is None or not (rows in known or is_there(rows, root)):
            left.append(name)
    if not left:
        raise InputError(
            f"{pattern}: finds only the provenance of exported rows ({found[0]}); name the file "
            f"with the rows, {rows_name(found[0])}"
        )
    return left


def _sha256(name: str, root: str) -> str:
    with open_place(name, root) as file:
        return Hashed(file, name).sha256()
