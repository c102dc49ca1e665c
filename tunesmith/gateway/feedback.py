"""`POST /v1/feedback`: what somebody says of an answer, at once or days later.

```json
{"id": "mail-831-rating", "interaction": "0197…", "rating": 0.8, "accepted": true,
 "task_completed": true, "outcomes": {"ticket_closed": true}}
```

The same `id` counts once for an interaction, so that a client may send it again; without one each
call is news.
"""

import hashlib
import time
from typing import Any, get_args

import msgspec

from tunesmith.gateway.reading import Unreadable
from tunesmith.rollout.params import RECORDED
from tunesmith.rollout.params import Said as OwnField

_MOST = 20
"""Named outcomes of one call."""
_KNOWN = RECORDED.union(get_args(OwnField))
_LARGEST = 10**12
"""Value of an outcome, so that sums of squares stay numbers."""


class Feedback(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a client says.

    Attributes:
        interaction: Of the header x-tunesmith-interaction.
        id: Of this saying about the interaction; empty for a new one.
        rating: 0 to 1.
        accepted: Whether the answer was taken as it was; False where it was edited.
        task_completed: Whether what it was for was done.
        outcomes: Anything else, by name: yes or no, or a number.
    """

    interaction: str
    id: str = ""
    rating: float | None = None
    accepted: bool | None = None
    task_completed: bool | None = None
    outcomes: dict[str, bool | int | float] = {}


class Said(msgspec.Struct, kw_only=True):
    """Feedback as it is kept; `at` is in milliseconds since 1970."""

    id: str
    interaction: str
    at: int
    outcomes: dict[str, bool | int | float]

    @property
    def key(self) -> str:
        """By which it counts once: an id is the client's own, and may be the same of many."""
        of = self.interaction.encode()
        # The length keeps what it is of and its id apart.
        told = len(of).to_bytes(8, "big") + of + self.id.encode()
        return hashlib.sha256(told).hexdigest()


class Line(msgspec.Struct):
    """A line of a segment that holds feedback."""

    feedback: Said


_decode = msgspec.json.Decoder(Feedback).decode


def read_feedback(raw: bytes, new_id: str) -> Said:
    """Return what a body says.

    Raises:
        Unreadable: it says nothing, or something else.
    """
    try:
        given = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"the body is no feedback: {error}") from None
    said: dict[str, Any] = {
        name: value
        for name in ("rating", "accepted", "task_completed")
        if (value := getattr(given, name)) is not None
    }
    _check(given, said)
    return Said(
        id=given.id or new_id,
        interaction=given.interaction,
        at=time.time_ns() // 1_000_000,
        outcomes={**given.outcomes, **said},
    )


def _check(given: Feedback, said: dict[str, Any]) -> None:
    if not (16 <= len(given.interaction) <= 40 and given.interaction.isalnum()):
        raise Unreadable("interaction: expected the id from the header x-tunesmith-interaction")
    if len(given.id) > 80 or not given.id.isprintable():
        raise Unreadable("id: expected 80 characters at most, and none that cannot be printed")
    if given.rating is not None and not 0 <= given.rating <= 1:
        raise Unreadable("rating: expected a number from 0 to 1")
    if not said and not given.outcomes:
        raise Unreadable("expected a rating, accepted, task_completed or outcomes")
    if len(given.outcomes) > _MOST:
        raise Unreadable(f"outcomes: expected {_MOST} at most")
    for name, value in given.outcomes.items():
        if name in _KNOWN:
            raise Unreadable(f"outcomes: {name} has a meaning of its own; expected another name")
        if not name or len(name) > 60 or not name.isprintable() or abs(value) > _LARGEST:
            raise Unreadable(
                f"outcomes: expected names of up to 60 characters, with values up to {_LARGEST:,}"
            )
