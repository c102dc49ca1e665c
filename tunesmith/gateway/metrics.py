"""What `/metrics` shows: per recipe and variant, summed over the workers.

Labels come from the routes and from fixed lists alone, so that no client can make more of them.
"""

import os
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from tunesmith.gateway.interactions import Interaction

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300)


class Metrics:
    """The counters of one worker; `folder` is shared by all of them."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        own: Any = {"registry": self._registry}
        sides = ("recipe", "assigned", "served")
        self._requests = Counter(
            "tunesmith_requests", "Requests, by how they ended.", (*sides, "ending"), **own
        )
        self._fallbacks = Counter(
            "tunesmith_fallbacks", "Times that control stepped in.", ("recipe", "ending"), **own
        )
        self._tokens = Counter(
            "tunesmith_tokens", "Tokens, as upstreams count them.", ("recipe", "served", "kind"),
            **own,
        )  # fmt: skip
        self._seconds = Histogram(
            "tunesmith_seconds", "Time to the last byte.", ("recipe", "served"), buckets=_SECONDS,
            **own,
        )  # fmt: skip
        self._first = Histogram(
            "tunesmith_first_token_seconds", "Time to the first content.", ("recipe", "served"),
            buckets=_SECONDS, **own,
        )  # fmt: skip
        self._dropped = Counter(
            "tunesmith_records_dropped", "Records that could not be kept as was asked for.", **own
        )

    def add(self, record: Interaction) -> None:
        """Count a request."""
        recipe, served = record.recipe, record.served
        self._requests.labels(recipe, record.assigned, served, record.ending).inc()
        if record.treatment_ending is not None:
            self._fallbacks.labels(recipe, record.treatment_ending).inc()
        if record.prompt_tokens:
            self._tokens.labels(recipe, served, "prompt").inc(record.prompt_tokens)
        if record.completion_tokens:
            self._tokens.labels(recipe, served, "completion").inc(record.completion_tokens)
        self._seconds.labels(recipe, served).observe(record.seconds)
        if record.first_token_seconds is not None:
            self._first.labels(recipe, served).observe(record.first_token_seconds)

    def drop(self) -> None:
        """Count a record that was not kept."""
        self._dropped.inc()

    def page(self) -> bytes:
        """Return the sums over all workers."""
        if self._folder is None:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(together)


def several(folder: Path) -> None:
    """Let the workers of this process share their counters; before any is made."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob("*.db"):
        left.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def ended(folder: Path, worker: int) -> None:
    """Take a worker that has ended out of what only live ones count."""
    mark_process_dead(worker, path=str(folder))  # type: ignore[no-untyped-call]
