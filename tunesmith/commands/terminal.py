"""What a terminal shows: progress while stages run, and how a retrain ended."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tunesmith.errors import TunesmithError, Unready
from tunesmith.observe import Observer, observing

if TYPE_CHECKING:
    from tunesmith.retrains import Ended

_EVERY = 5.0
_ROWS = 5
"""Dropped rows that are shown before the cause that they are of."""
_CHARACTERS = 400
"""Characters of each."""


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


def summary(ended: "Ended", *links: str) -> str:
    """Say how a retrain ended: the verdict, before and after, and where to look."""
    where = [f"MLflow run   {ended.run_url}", *links, f"report       {ended.report}"]
    if ended.outcome == "unchanged":
        head = "Unchanged: the candidate is the champion; nothing was evaluated or moved."
    elif ended.outcome == "prompt_is_enough":
        head = "A prompt is enough: nothing was registered or moved."
    else:
        head = f"Verdict: {ended.outcome}"
        if ended.registered:
            head += f" (registered as {ended.registered.told})"
    # Where a baseline is enough, the advice is what the reasons say.
    advice = [] if ended.outcome == "prompt_is_enough" else ["", ended.advice]
    reasons = (f"  {reason}" for reason in ended.reasons)
    return "\n".join(["", head, *reasons, *advice, "", ended.before_after, "", *where])


def stopped(error: TunesmithError) -> str:
    """Say why a command stopped; where dropped rows are the cause, show a few before that."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, Unready) and error.look is not None:
        from tunesmith import settings
        from tunesmith.commands.checking import show_artifact

        digest, reason = error.look
        shown = show_artifact(settings.load().store(), digest, reason, _ROWS, _CHARACTERS)
        text = f"{shown}\n\n{text}"
    return text
