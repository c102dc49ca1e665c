"""Patience with what must come: long, since a busy machine stands still for seconds at times."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 240.0
"""Seconds; nothing should need half of it."""


def wait_for(what: Callable[[], Any]) -> Any:
    """Wait until something holds; returns it."""
    until = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)
    return found
