"""Server-sent events, as the bytes they came in (WHATWG HTML, section 9.2)."""

import re
from collections.abc import Iterator

_END = re.compile(rb"\n\r?\n|\r(?:\n\r?\n|\r)")
_LONGEST_END = 4
DONE = b"[DONE]"
LARGEST = 8 << 20
"""Bytes of one event; what goes on beyond is no event."""


class Events:
    """Cuts a stream into its events."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def cut(self, piece: bytes) -> Iterator[bytes]:
        """Yield the events that a piece completes, each with the empty line at its end.

        Raises:
            ValueError: an event does not end.
        """
        if not self._rest and _is_plain(piece):  # as mostly, and five times as fast
            for event in piece[:-2].split(b"\n\n"):
                yield event + b"\n\n"
            return
        # An end may begin in what was there, and only in its last bytes: each byte is read once.
        start = max(len(self._rest) - _LONGEST_END + 1, 0)
        self._rest += piece
        at = 0
        for end in _END.finditer(self._rest, start):
            yield bytes(self._rest[at : end.end()])
            at = end.end()
        del self._rest[:at]
        if len(self._rest) > LARGEST:
            raise ValueError(f"an event of the stream is longer than {LARGEST >> 20} MiB")

    @property
    def rest(self) -> bytes:
        """What came after the last whole event."""
        return bytes(self._rest)


def _is_plain(piece: bytes) -> bool:
    """Whether a piece is whole events whose lines end in the usual way."""
    return piece.endswith(b"\n\n") and b"\r" not in piece and b"\n\n\n" not in piece


def data_of(event: bytes) -> bytes:
    """Return an event's data; empty for a comment or another field."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event:
        return event[6:-2]  # one line, as mostly
    lines = event.splitlines()
    found = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(found)


def event(data: bytes) -> bytes:
    """Return an event that holds one line of data."""
    return b"data: " + data + b"\n\n"
