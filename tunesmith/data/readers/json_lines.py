"""JSON lines: one JSON value a line."""

import io
from collections.abc import Iterator

from tunesmith.data.readers import items
from tunesmith.data.readers.items import Item, Line

BOM = b"\xef\xbb\xbf"


def read(stream: io.BufferedReader, name: str) -> Iterator[Item]:
    """Yield every line that is not blank.

    A byte order mark is stripped, CRLF and LF both end a line, and a last line without a line
    break counts.
    """
    longest = items.MAX_LINE
    number = 0
    while raw := stream.readline(longest):
        number += 1
        whole = raw.endswith(b"\n") or len(raw) < longest
        while not whole and (rest := stream.readline(longest)):
            if rest.endswith(b"\n"):
                break
        content = raw.rstrip(b"\r\n")
        if number == 1:
            content = content.removeprefix(BOM)
        if content.strip():
            yield Line(f"{name}:{number}", content, whole)
