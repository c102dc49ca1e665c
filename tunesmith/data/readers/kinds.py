"""What kind of file a source is: by its name, checked against its first bytes."""

from typing import Literal, NamedTuple

from tunesmith.errors import InputError

FileKind = Literal["JSON lines", "JSON", "CSV", "TSV", "Parquet", "Arrow"]
Compression = Literal["gzip", "bzip2", "xz", "zstd"]

_KINDS: dict[str, FileKind] = {
    "jsonl": "JSON lines",
    "ndjson": "JSON lines",
    "json": "JSON",
    "csv": "CSV",
    "tsv": "TSV",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "feather": "Arrow",
    "ipc": "Arrow",
}
_COMPRESSIONS: dict[str, Compression] = {
    "gz": "gzip",
    "bz2": "bzip2",
    "xz": "xz",
    "zst": "zstd",
}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"\xff\xff\xff\xff", "Arrow"),
    (b"FEA1", "Feather version 1"),
    (b"PK\x03\x04", "zip"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\x80\x04", "pickle"),
    (b"SQLite format 3", "SQLite"),
    (b"\x89HDF", "HDF5"),
)
_GUESSES: dict[str, FileKind] = {
    "{": "JSON lines",
    "[": "JSON",
    "Parquet": "Parquet",
    "Arrow": "Arrow",
}
HEAD = 64
"""First bytes of a file that are looked at."""
_BOM = b"\xef\xbb\xbf"


class NamedKind(NamedTuple):
    """What a file's name says."""

    kind: FileKind | None
    compression: Compression | None


def kind_of(name: str) -> FileKind | None:
    """Return the kind of rows that a name stands for."""
    return named(name).kind


def named(name: str) -> NamedKind:
    """Return what a file's name says about it, such as `rows.jsonl.gz`."""
    parts = name.rsplit("/", 1)[-1].lower().split(".")[1:]
    compression = _COMPRESSIONS.get(parts[-1]) if parts else None
    if compression:
        parts = parts[:-1]
    return NamedKind(_KINDS.get(parts[-1]) if parts else None, compression)


def check_compression(name: str, head: bytes, expected: Compression) -> None:
    """Refuse a file that is not compressed as its name says.

    Raises:
        InputError: with what its first bytes say.
    """
    if _looks(head) != expected:
        raise InputError(f"{name}: named as {expected}, but {_begins(head)}. Name it as what it is")


def settle(name: str, kind: FileKind | None, head: bytes) -> FileKind:
    """Return the kind of a file from its name and its first bytes, uncompressed.

    A `.json` file that begins with an object is read as JSON lines: many are.

    Raises:
        InputError: when the two disagree, or neither says what it is.
    """
    looks = _looks(head)
    if looks == "UTF-16":
        raise InputError(f"{name}: is text in UTF-16; save it as UTF-8")
    start = head.removeprefix(_BOM).lstrip()[:1]
    if kind in ("Parquet", "Arrow"):
        if looks != kind:
            raise InputError(f"{name}: named as {kind}, but {_begins(head)}. Name it as what it is")
        return kind
    if kind is None:
        guess = _GUESSES.get(looks or start.decode("latin-1"))
        if guess is None:
            raise InputError(
                f"{name}: neither its name nor its first bytes say what it is; expected "
                f"{', '.join(f'.{end}' for end in _KINDS)}, each also with "
                f"{', '.join(f'.{end}' for end in _COMPRESSIONS)}"
            )
        return guess
    if looks is not None:
        raise InputError(f"{name}: named as {kind}, but {_begins(head)}. Name it as what it is")
    return "JSON lines" if kind == "JSON" and start == b"{" else kind


def _looks(head: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def _begins(head: bytes) -> str:
    looks = _looks(head)
    if looks:
        return f"it begins like {looks}"
    return f"it begins with {head[:8]!r}" if head else "it is empty"
