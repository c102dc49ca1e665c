"""Streams of a source file's bytes: hashed as they are read, decompressed, and bounded.

Compressed formats: gzip (RFC 1952), bzip2, xz, zstd (RFC 8878). A file may consist of several
compressed members; one that is cut short or followed by anything else is an error, because
nobody can say how many rows it should have had.
"""

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from tunesmith.data.readers.kinds import Compression
from tunesmith.data.readers.places import reading
from tunesmith.errors import InputError, Transient

CHUNK = 1 << 18
FREE = 256 << 20
"""Bytes that any compressed file may expand to."""
MAX_RATIO = 200
"""Beyond `FREE`, how many times its size a file may expand; text reaches 3 to 20."""


class Hashed(io.RawIOBase):
    """Reads a file, and hashes what it reads."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._hash = hashlib.sha256()
        self._lent = False
        self.count = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes."""
        with reading(self._name):
            found = self._file.read(len(buffer))
        self._hash.update(found)
        self.count += len(found)
        buffer[: len(found)] = found
        return len(found)

    def lend(self) -> IO[bytes]:
        """Give out the file, to be read in any order; then it is hashed after all."""
        self._lent = True
        self._file.seek(0)
        return self._file

    def sha256(self) -> str:
        """Read what is left, and return the file's sha256 in hexadecimal."""
        if self._lent:
            self._file.seek(0)
            self._hash = hashlib.sha256()
        while self.read(CHUNK):
            pass
        return self._hash.hexdigest()


class _Members(io.RawIOBase):
    """Decompresses members one after the other, and accepts nothing between or after them."""

    def __init__(self, file: io.BufferedReader, make: Callable[[], Any], padding: bytes) -> None:
        self._file, self._make, self._padding = file, make, padding
        self._decoder: Any = None
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if not self._pending and (self._decoder is None or self._decoder.needs_input):
                self._pending = self._file.read(CHUNK) or b""
                if not self._pending and self._decoder is not None:
                    raise EOFError("it ends in the middle")
            if self._decoder is None:
                self._pending = self._pending.lstrip(self._padding)
                if not self._pending:
                    return 0
                self._decoder = self._make()
            given, self._pending = self._pending, b""
            found = self._decoder.decompress(given, len(buffer))
            if self._decoder.eof:
                self._pending, self._decoder = self._decoder.unused_data, None
            if found:
                buffer[: len(found)] = found
                return len(found)


class _Bounded(io.RawIOBase):
    """Passes on what is decompressed, and stops where a small file expands without end."""

    def __init__(self, file: Any, hashed: Hashed, name: str, compression: str) -> None:
        self._file, self._hashed = file, hashed
        self._name, self._compression = name, compression
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            found = self._file.read(len(buffer))
        except (EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
            raise InputError(
                f"{self._name}: a {self._compression} file that is damaged or cut short: {error}. "
                "Fetch or write it again"
            ) from error
        self._count += len(found)
        if self._count > max(FREE, MAX_RATIO * self._hashed.count):
            raise InputError(
                f"{self._name}: {self._compression} that expands more than {MAX_RATIO} times, "
                f"{self._count >> 20} MiB so far, and rows of text do not. Decompress it yourself "
                "if it is what it should be"
            )
        buffer[: len(found)] = found
        return len(found)


def buffered(raw: Any) -> io.BufferedReader:
    """Return a stream that reads ahead."""
    return io.BufferedReader(raw, CHUNK)


def decompressed(
    raw: io.BufferedReader, hashed: Hashed, compression: Compression, name: str
) -> io.BufferedReader:
    """Return a stream of a compressed file's content; what is wrong with it names the file."""
    source: Any
    if compression == "gzip":
        source = gzip.GzipFile(fileobj=raw, mode="rb")
    elif compression == "bzip2":
        source = _Members(raw, bz2.BZ2Decompressor, b"")
    elif compression == "xz":
        source = _Members(raw, lzma.LZMADecompressor, b"\0")
    else:
        import pyarrow as pa

        source = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    return buffered(_Bounded(source, hashed, name, compression))


@contextlib.contextmanager
def spooled(stream: io.BufferedReader, name: str) -> Iterator[IO[bytes]]:
    """Copy a stream to a temporary file, for formats that are read from their ends.

    Raises:
        Transient: when there is no room for it.
    """
    with tempfile.TemporaryFile() as file:
        while piece := stream.read(CHUNK):
            try:
                file.write(piece)
            except OSError as error:
                raise Transient(
                    f"{name}: cannot be copied to {tempfile.gettempdir()}: {error.strerror}. Make "
                    "room, or set TMPDIR"
                ) from error
        file.seek(0)
        yield file
