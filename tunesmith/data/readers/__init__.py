"""Readers of source files, one module a kind: bytes in, items out, none lost in silence.

What is wrong with one row becomes an item of its own; a file that is damaged as a whole, so that
nobody can say what it should have held, is an `InputError`.
"""

from collections.abc import Container, Iterator

from tunesmith.artifacts import Files
from tunesmith.data.readers import arrow, delimited, json_lines, json_list
from tunesmith.data.readers.items import Item
from tunesmith.data.readers.kinds import HEAD, check_compression, named, settle
from tunesmith.data.readers.paired import paired, provenance_name, row_files
from tunesmith.data.readers.places import is_url, open_place
from tunesmith.data.readers.streams import Hashed, buffered, decompressed, spooled
from tunesmith.errors import InputError


def read_files(files: Files) -> Iterator[Item]:
    """Yield the items of every file, in the order of their names, with their provenance.

    Raises:
        InputError: when a file is damaged, is not what its name says, or has changed since it was
            gathered; rows already read are void.
        Transient: when an object store or the hub does not answer.
    """
    for _, item in read_named(files, frozenset(files.names)):
        yield item


def read_named(files: Files, wanted: Container[str]) -> Iterator[tuple[str, Item]]:
    """Yield the items of some files, each with the name of its file; see `read_files`."""
    hashes = dict(zip(files.names, files.sha256, strict=True))
    for name in row_files(files.names):
        if name not in wanted:
            continue
        items = read_file(files.root, name, hashes[name])
        beside = provenance_name(name)
        if beside in hashes:
            items = paired(items, read_file(files.root, beside, hashes[beside]), name)
        for item in items:
            yield name, item


def read_file(root: str, name: str, expected: str) -> Iterator[Item]:
    """Yield the items of one file as it stands alone; see `read_files`."""
    with open_place(name, root) as file:
        hashed = Hashed(file, name)
        try:
            yield from _read(hashed, name)
        except InputError as error:
            if hashed.sha256() != expected:
                raise _changed(name) from error
            raise
        if hashed.sha256() != expected:
            raise _changed(name)


def _changed(name: str) -> InputError:
    return InputError(f"{name}: changed while it was being read. Run again")


def _read(hashed: Hashed, name: str) -> Iterator[Item]:
    kind, compression = named(name)
    stream = buffered(hashed)
    if compression:
        check_compression(name, stream.peek(HEAD), compression)
        stream = decompressed(stream, hashed, compression, name)
    head = stream.peek(HEAD)[:HEAD]
    if not head and kind not in ("Parquet", "Arrow"):
        return
    found = settle(name, kind, head)
    if found == "JSON lines":
        yield from json_lines.read(stream, name)
    elif found == "JSON":
        yield from json_list.read(stream, name)
    elif found == "CSV" or found == "TSV":
        yield from delimited.read(stream, name, "," if found == "CSV" else "\t")
    else:
        read = arrow.read_parquet if found == "Parquet" else arrow.read_arrow
        if compression is None and not is_url(name):
            yield from read(hashed.lend(), name)
        else:
            with spooled(stream, name) as whole:
                yield from read(whole, name)
