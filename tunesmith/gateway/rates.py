"""How many in a minute: one number for each limit, which all workers of a machine share.

The number is the time at which the limit would be at rest again (the generic cell rate algorithm
of ITU-T I.371): whoever comes when that lies more than a minute ahead has to wait. Two workers that
write in the same microsecond may let one request too many in; no lock has to be held, so a worker
that is killed holds none.
"""

import ctypes
import multiprocessing.sharedctypes
import time
from typing import Any

_MINUTE = 60.0


class Rates:
    """The state of some limits; it may be handed to processes as they start."""

    def __init__(self, count: int) -> None:
        self._rests: Any = multiprocessing.sharedctypes.RawArray(ctypes.c_double, max(count, 1))

    def wait(self, at: int, per_minute: float) -> float:
        """Count one towards a limit; returns the seconds until it is let in, 0 if it is.

        Args:
            at: Number of the limit.
            per_minute: How many are let in, also all at once after a minute of rest.
        """
        now, each = time.monotonic(), _MINUTE / per_minute
        rests: float = max(self._rests[at], now) + each
        late = rests - now - _MINUTE
        if late > each / 100:  # and not 0: sums of floats are not exact
            return late
        self._rests[at] = rests
        return 0.0
