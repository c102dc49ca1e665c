"""Processes that outlive the command that started them, told apart from later ones.

A process id is used again after a while, so a process is known by its id and its start time.
"""

import psutil

SAME_START = 10.0
"""Seconds by which two readings of one start time may differ: it is counted from the machine's
boot, whose own time moves when the clock is adjusted."""


def started(pid: int) -> float | None:
    """Return when a process began, in seconds since 1970; None when there is none."""
    try:
        process = psutil.Process(pid)
        # One that has ended and whose parent has not asked for its exit code is gone to us.
        ended = process.status() == psutil.STATUS_ZOMBIE
        return None if ended else float(process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def alive(pid: int, since: float) -> bool:
    """Say whether the process that began at `since` under this id still runs."""
    found = started(pid)
    return found is not None and abs(found - since) < SAME_START
