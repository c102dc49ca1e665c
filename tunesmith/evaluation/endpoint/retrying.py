"""When to ask a server again, and how long to wait before."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

PASSING = frozenset({408, 409, 425, 429, *range(500, 600)})
"""Statuses that may be another one next time."""

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds before the first repeat and before any, where the server asks for no wait."""

_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Clock:
    """Time as the client sees it; tests put their own in."""

    seconds: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    # Waits must differ between processes, or all come back at the same moment.
    chance: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)


def backoff(attempt: int, chance: float) -> float:
    """Return the seconds to wait after the `attempt`-th failure, counted from 1.

    Twice as long each time, of which the second half is left to `chance`, from 0 to 1, so that
    clients that failed together do not return together (Brooker, "Exponential Backoff And
    Jitter", 2015: equal jitter).
    """
    longest = min(FIRST_WAIT * 2.0 ** min(attempt - 1, 30), LONGEST_WAIT)
    return longest * (0.5 + chance / 2)


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a server asks to wait, or None where it asks for none.

    `Retry-After` holds seconds or a date (RFC 9110, 10.2.3). A date is read against the server's
    own `Date` where it sends one: its clock may not be ours.
    """
    exact = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(exact):
        return float(exact) / 1000
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    return max((until - (_date(headers.get("date", "")) or now)).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
