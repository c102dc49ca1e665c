"""Looks at a whole training side: what no single row shows.

Each module counts one thing. Its class has `add` for a row, `merge` for what another process
counted, `document` for the account, and `warnings` for what a person should know. Counts do not
depend on the order of the rows, or on how they were divided among processes.
"""

from typing import Any, NamedTuple, Protocol, TypeVar

from tunesmith.data.token_counts import Tokens
from tunesmith.records import Example

Self = TypeVar("Self")


class Seen(NamedTuple):
    """A row as a survey sees it.

    `sampled` is true for about 50,000 rows of a data set, chosen by hash: they settle a share to
    half a per cent, and bound what a survey of open-ended texts may hold.
    """

    row: Example
    tokens: Tokens
    sampled: bool


class Survey(Protocol):
    """One look."""

    def add(self, seen: Seen) -> None:
        """Count a row."""

    def merge(self: Self, other: Self) -> None:
        """Add what another process counted."""

    def document(self) -> dict[str, Any]:
        """Return the account, as JSON values."""

    def warnings(self) -> list[str]:
        """Say what a person should know, in one sentence each."""


def per_cent(share: float) -> str:
    """Return a share as people read it; what is not all never reads as all."""
    return f"{share:.0%}" if share in (0.0, 1.0) or 0.005 <= share < 0.995 else f"{share:.1%}"
