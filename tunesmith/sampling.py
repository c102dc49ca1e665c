"""Choosing rows by a keyed hash: the same rows from any order, and mostly the same from more."""

import hashlib
import heapq
import math
from collections.abc import Iterable
from typing import Generic, TypeVar

from tunesmith.records import Row

T = TypeVar("T")
R = TypeVar("R", bound=Row)


def sample(rows: Iterable[R], size: int | None, salt: str) -> list[R]:
    """Return `size` rows, all if None, in the order of a hash of their ids.

    Adding rows to the data exchanges only those of the sample that the new ones precede.
    """
    return sorted(rows, key=lambda row: _place(row.row_id, salt))[:size]


def fraction(name: str, salt: str) -> float:
    """Return where a name falls between 0 and 1; 1 itself is never reached."""
    return int.from_bytes(_place(name, salt)[:6], "big") / 2**48


def copies(row_id: str, weight: float, salt: str) -> int:
    """Return how often a row goes in: `weight` times on average, the same row always as often.

    A larger weight never takes a copy away.
    """
    whole = math.floor(weight)
    return whole + (fraction(row_id, salt) < weight - whole)


class Largest(Generic[T]):
    """Keeps the items of the largest keys among any number that pass by.

    Args:
        size: How many to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._passed = 0
        self._heap: list[tuple[tuple[float, str], int, T]] = []

    def wants(self, key: tuple[float, str]) -> bool:
        """Whether an item of this key would be kept now."""
        return len(self._heap) < self._size or self._heap[0][0] < key

    def add(self, key: tuple[float, str], item: T) -> None:
        """Keep an item if its key is among the largest; of equal keys the first stays."""
        self._passed += 1
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, (key, -self._passed, item))
        elif self._heap[0][0] < key:
            heapq.heapreplace(self._heap, (key, -self._passed, item))

    def items(self) -> list[T]:
        """Return what was kept, that of the largest key first."""
        return [item for _, _, item in sorted(self._heap, key=lambda kept: kept[:2], reverse=True)]


def _place(row_id: str, salt: str) -> bytes:
    return hashlib.blake2b(row_id.encode(), key=salt.encode()[:64], digest_size=16).digest()
