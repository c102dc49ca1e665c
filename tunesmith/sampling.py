"""Choosing rows by a keyed hash: the same rows from any order, and mostly the same from more."""

import hashlib
from collections.abc import Iterable

from tunesmith.records import ChatExample


def sample(rows: Iterable[ChatExample], size: int | None, salt: str) -> list[ChatExample]:
    """Return `size` rows, all if None, in the order of a hash of their ids.

    Adding rows to the data exchanges only those of the sample that the new ones precede.
    """
    return sorted(rows, key=lambda row: _place(row.row_id, salt))[:size]


def _place(row_id: str, salt: str) -> bytes:
    return hashlib.blake2b(row_id.encode(), key=salt.encode()[:64], digest_size=16).digest()
