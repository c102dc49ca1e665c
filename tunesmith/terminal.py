"""What a terminal shows: progress while stages run, and how a retrain ended."""

import contextlib
import sys
import time
from collections.abc import Iterator

from tunesmith.observe import Observer, observing
from tunesmith.retrains import Ended

_EVERY = 5.0


class _Progress(Observer):
    """Prints how far a long stage is, now and then, on stderr."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def progressed(self, label: str, done: int, total: int, unit: str) -> None:
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            sys.stderr.write(f"          {label}: {done} of {total} {unit}\n")
            sys.stderr.flush()


@contextlib.contextmanager
def shown_progress() -> Iterator[None]:
    """Show the progress of the block's stages."""
    with observing(_Progress()):
        yield


def summary(ended: Ended, *links: str) -> str:
    """Say how a retrain ended: the verdict, before and after, and where to look."""
    where = [f"MLflow run   {ended.run_url}", *links, f"report       {ended.report}"]
    if ended.outcome == "unchanged":
        head = "Unchanged: the candidate is the champion; nothing was evaluated or moved."
    else:
        head = f"Verdict: {ended.outcome}"
        if ended.registered:
            head += f" (registered as {ended.registered.name} version {ended.registered.version})"
    return "\n".join(
        ["", head, *(f"  {reason}" for reason in ended.reasons), "", ended.before_after, "", *where]
    )
