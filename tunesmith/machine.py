"""How much of this machine a process may use."""

import os
from pathlib import Path

CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """Return how many cores this process may use: at least 1, and no more than its container's.

    A container's share stands in the file `cpu.max` of Linux control groups, version 2, as
    "quota period" in microseconds; without a limit the quota reads "max".
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = CGROUP_LIMIT.read_text().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return max(1, min(cores, int(quota) // int(period)))
