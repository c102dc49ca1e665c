"""One way to turn a value into bytes, and bytes into an identity.

Keys and digests must not depend on dictionary order, library versions or the machine. So only
JSON values are accepted (RFC 8259, with sorted keys and no white space), and anything whose
JSON form could vary or lose information is refused instead of guessed at.
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

MAX_DEPTH = 100
"""Levels of nesting; more could not be read back where the call stack is already deep."""

_encoder = msgspec.json.Encoder(order="sorted")


def canonical(value: Any) -> bytes:
    """Return the one JSON form of `value`.

    Raises:
        TypeError: for anything but None, bool, int, str, finite float, list, tuple, and dict
            with string keys; for text with half a character (a lone surrogate), which has no
            UTF-8 form; and for more than `MAX_DEPTH` levels.
    """
    _check(value, "value", 0)
    return _encoder.encode(value)


def _check(value: Any, where: str, depth: int) -> None:
    if value is None or isinstance(value, bool | int):
        return
    if depth >= MAX_DEPTH and isinstance(value, list | tuple | dict):
        raise TypeError(f"value is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise TypeError(f"{where} holds half a character, which has no UTF-8 form") from None
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{where} is {value}: only finite numbers have a JSON form")
        return
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]", depth + 1)
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{where} has the key {key!r}: only strings are keys in JSON")
            _check(key, f"a key of {where}", depth)
            _check(item, f"{where}.{key}", depth + 1)
        return
    raise TypeError(f"{where} is a {type(value).__name__}, which has no stable JSON form")


def canonical_row(row: msgspec.Struct) -> bytes:
    """Return the one JSON form of a row; its type has already been checked on reading."""
    return _encoder.encode(row)


def digest(value: Any) -> str:
    """Return the sha256, in hexadecimal, of the canonical form of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def files_digest(sha256: Mapping[str, str]) -> str:
    """Return the digest of files, by name; their order does not matter."""
    return digest([[name, sha256[name]] for name in sorted(sha256)])


def file_digest(path: Path) -> str:
    """Return the sha256, in hexadecimal, of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
