"""Finding source files, and reading their lines without losing one."""

import hashlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tunesmith.artifacts import Files
from tunesmith.canonical import digest, file_digest
from tunesmith.errors import InputError

MAX_LINE = 64 << 20
"""Longest line in bytes that is read as one row; a longer one is dropped, not loaded."""

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line of a file: its bytes without the line break, numbered from 1."""

    source: str
    content: bytes
    whole: bool
    """False when the line was cut at `MAX_LINE`."""


def gather(patterns: Sequence[str], root: Path) -> Files:
    """Find the files that match, hash them, and return a reference to their content.

    Args:
        patterns: Paths or globs relative to `root`.
        root: The recipe's folder.

    Raises:
        InputError: when a pattern matches nothing, or a file cannot be read.
    """
    names: set[str] = set()
    for pattern in patterns:
        literal = (root / pattern).is_file()
        matched = [PurePosixPath(pattern).as_posix()] if literal else _glob(root, pattern)
        if not matched:
            raise InputError(
                f"{root / pattern}: no such file. Check the path in the recipe, which is looked "
                "up from the recipe's folder"
            )
        names.update(matched)
    ordered = sorted(names)
    try:
        hashes = [file_digest(root / name) for name in ordered]
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return Files(
        digest=digest(list(zip(ordered, hashes, strict=True))),
        names=tuple(ordered),
        sha256=tuple(hashes),
        root=str(root.absolute()),
    )


def _glob(root: Path, pattern: str) -> list[str]:
    if Path(pattern).is_absolute():
        raise InputError(f"{pattern}: give a path relative to the recipe's folder {root}")
    try:
        found = [path for path in root.glob(pattern) if path.is_file()]
    except (ValueError, IndexError) as error:  # the latter for "."
        raise InputError(f"{pattern!r} is neither a path nor a glob: {error}") from error
    return [path.relative_to(root).as_posix() for path in found]


def matches(name: str, pattern: str) -> bool:
    """Whether `gather` finds a file of this name for this pattern.

    `*` stays within a folder and `**` stands for any folders or none, as in `Path.glob`; the
    standard library has no such test for a name before Python 3.13.
    """
    wanted = PurePosixPath(pattern)
    return name == wanted.as_posix() or _match(PurePosixPath(name).parts, wanted.parts)


def _match(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_match(names[skipped:], parts[1:]) for skipped in range(len(names)))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _match(names[1:], parts[1:])


def lines(files: Files) -> Iterator[Line]:
    """Yield every line that is not blank, file by file.

    A byte order mark is stripped, CRLF and LF both end a line, and a last line without a line
    break counts.

    Raises:
        InputError: when a file has changed since it was gathered; rows already read are void.
    """
    for name, expected in zip(files.names, files.sha256, strict=True):
        hashed = hashlib.sha256()
        try:
            with (Path(files.root) / name).open("rb") as file:
                number = 0
                while raw := file.readline(MAX_LINE):
                    number += 1
                    hashed.update(raw)
                    whole = raw.endswith(b"\n") or len(raw) < MAX_LINE
                    while not whole and (rest := file.readline(MAX_LINE)):
                        hashed.update(rest)
                        if rest.endswith(b"\n"):
                            break
                    content = raw.rstrip(b"\r\n")
                    if number == 1:
                        content = content.removeprefix(_BOM)
                    if content.strip():
                        yield Line(f"{name}:{number}", content, whole)
        except OSError as error:
            raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error
        if hashed.hexdigest() != expected:
            raise InputError(f"{files.root}/{name}: changed while it was being read. Run again")
