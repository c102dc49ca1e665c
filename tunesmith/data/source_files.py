"""Finding source files, and knowing them by their content."""

from collections.abc import Sequence
from pathlib import Path

from tunesmith.artifacts import Files
from tunesmith.canonical import digest
from tunesmith.data.readers import read_files as lines
from tunesmith.data.readers.places import find, matches, open_place
from tunesmith.data.readers.streams import Hashed

__all__ = ["gather", "lines", "matches"]


def gather(patterns: Sequence[str], root: Path) -> Files:
    """Find the files that match, hash them, and return a reference to their content.

    Args:
        patterns: Paths or globs relative to `root`, or URLs that fsspec knows.
        root: The recipe's folder.

    Raises:
        InputError: when a pattern matches nothing, or a file cannot be read.
        Transient: when an object store or the hub does not answer.
    """
    ordered = sorted({name for pattern in patterns for name in find(pattern, root)})
    hashes = [_sha256(name, str(root)) for name in ordered]
    return Files(
        digest=digest(list(zip(ordered, hashes, strict=True))),
        names=tuple(ordered),
        sha256=tuple(hashes),
        root=str(root.absolute()),
    )


def _sha256(name: str, root: str) -> str:
    with open_place(name, root) as file:
        return Hashed(file, name).sha256()
