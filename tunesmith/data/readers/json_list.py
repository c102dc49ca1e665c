"""JSON: a file with one list, read element by element.

Only brackets, commas and strings are told apart here (RFC 8259); each element is parsed like a
line of JSON lines, so that one bad element is one bad row.
"""

import io
import re
from collections.abc import Iterator

from tunesmith.data.readers import items
from tunesmith.data.readers.items import Item, Line
from tunesmith.data.readers.json_lines import BOM
from tunesmith.errors import InputError

_CHUNK = 1 << 18
# A quote without its end comes last: the string goes on in what was not read yet.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|"', re.DOTALL)
_SPACE = b" \t\r\n"


def read(stream: io.BufferedReader, name: str) -> Iterator[Item]:
    """Yield every element of the list.

    Raises:
        InputError: when the file is no list, is cut short, or has an element beyond `MAX_LINE`.
    """
    buffer = stream.read(_CHUNK).removeprefix(BOM).lstrip(_SPACE)
    while not buffer:
        more = stream.read(_CHUNK)
        if not more:
            return
        buffer = more.lstrip(_SPACE)
    if not buffer.startswith(b"["):
        raise InputError(
            f"{name}: JSON that begins with {buffer[:8]!r}; expected a list of objects, or one "
            "object a line"
        )
    depth, number, start, at = 1, 0, 1, 1
    while True:
        for match in _TOKEN.finditer(buffer, at):
            first = buffer[match.start()]
            at = match.end()
            if first == 0x22:  # "
                if at - match.start() == 1:
                    at = match.start()
                    break
            elif first in b"[{":
                depth += 1
            elif first in b"]}":
                depth -= 1
            if (first == 0x2C and depth == 1) or depth == 0:
                element = buffer[start : match.start()].strip(_SPACE)
                start = at
                if element or depth:
                    number += 1
                    yield Line(f"{name}:row {number}", element, True)
                if depth == 0:
                    _check_end(buffer[at:], stream, name, number)
                    return
        else:
            at = len(buffer)
        if len(buffer) - start > items.MAX_LINE:
            raise InputError(
                f"{name}:row {number + 1}: longer than {items.MAX_LINE >> 20} MiB, or a string in "
                "it is never closed. Mend it, or write one object a line"
            )
        # Twice as much each time, so that a long string is not scanned again and again.
        more = stream.read(max(_CHUNK, len(buffer) - start))
        if not more:
            raise InputError(
                f"{name}: JSON that is cut short: the list is not closed after {number} elements. "
                "Fetch or write it again"
            )
        buffer, at, start = buffer[start:] + more, at - start, 0


def _check_end(rest: bytes, stream: io.BufferedReader, name: str, number: int) -> None:
    while not rest.strip(_SPACE):
        rest = stream.read(_CHUNK)
        if not rest:
            return
    raise InputError(
        f"{name}: JSON that goes on after its list of {number} elements, with "
        f"{rest.lstrip(_SPACE)[:20]!r}. Write one list, or one object a line"
    )
