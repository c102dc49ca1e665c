"""Random choices that give the same result on every Python version.

Only `random.Random.random` is promised to repeat its sequence across versions, so every choice
is derived from it (https://docs.python.org/3/library/random.html, "Notes on Reproducibility").
"""

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """A seeded source of choices."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, nothing secret

    def chance(self, share: float) -> bool:
        """True in `share` (0 to 1) of the calls."""
        return self._random.random() < share

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.number(0, len(items) - 1)]

    def shuffled(self, items: Iterable[Item]) -> list[Item]:
        """The items in random order (Fisher-Yates)."""
        rest = list(items)
        for last in range(len(rest) - 1, 0, -1):
            other = self.number(0, last)
            rest[last], rest[other] = rest[other], rest[last]
        return rest

    def sample(self, items: Iterable[Item], count: int) -> list[Item]:
        """`count` items, none twice."""
        return self.shuffled(items)[:count]
