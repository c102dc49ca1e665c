"""Texts on disk that are read by position, for collections larger than memory."""

import mmap
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, overload

from tunesmith.data.normal_text import encode


class SpooledTexts(Sequence[str]):
    """A list of texts in a file that grows at its end; in memory are 8 bytes for each.

    Args:
        path: The file; made anew. Whoever made the folder removes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = path.open("wb")
        self._ends = array("q", [0])
        self._codes: mmap.mmap | bytes = b""

    def append(self, text: str) -> None:
        """Add a text at the end.

        Raises:
            ValueError: after the first text was read.
        """
        if self._file is None:
            raise ValueError(f"{self._path.name} was read: no text can be added to it")
        self._ends.append(self._ends[-1] + self._file.write(encode(text)))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> list[str]: ...
    def __getitem__(self, position: int | slice) -> str | list[str]:
        if isinstance(position, slice):
            return [self[at] for at in range(*position.indices(len(self)))]
        self._finish()
        at = range(len(self))[position]
        return self._codes[self._ends[at] : self._ends[at + 1]].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        for position in range(len(self)):
            yield self[position]

    def close(self) -> None:
        """Close the file; nothing can be read after that."""
        self._finish()
        if isinstance(self._codes, mmap.mmap):
            self._codes.close()

    def _finish(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._file = None
        if self._ends[-1]:
            with self._path.open("rb") as file:
                self._codes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
