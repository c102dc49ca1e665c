"""What `/metrics` shows: per recipe and variant, summed over the workers.

Labels come from the routes and from fixed lists alone, so that no client can make more of them.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from tunesmith.gateway.interactions import Interaction

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_Sums = defaultdict[tuple[Any, tuple[str, ...]], int]
"""What is to be added to counters, by metric and labels."""
_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300)


class Metrics:
    """The counters of one worker; `folder` is shared by all of them."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._new: list[Interaction] = []
        self._series: dict[tuple[Any, tuple[str, ...]], Any] = {}
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
        self._refused = Counter(
            "tunesmith_refused", "Requests that were answered here.", ("status",), **own
        )
        self._not_repeated = Counter(
            "tunesmith_shadow_dropped", "Requests that shadow had no room for.", ("recipe",), **own
        )
        self._undelivered = Counter(
            "tunesmith_outcomes_dropped", "Records that no outcome sink got.", **own
        )

    def add(self, record: Interaction) -> None:
        """Count a request, with others a little later: many at once take a fraction of the time."""
        self._new.append(record)

    async def tend(self) -> None:
        """Once a second, count what is new, for the worker that is asked for the page."""
        while True:
            await asyncio.sleep(1.0)
            self._count()

    def _count(self) -> None:
        new, self._new = self._new, []
        sums: _Sums = defaultdict(int)
        for record in new:
            self._count_one(record, sums)
        for (metric, labels), count in sums.items():
            self._of(metric, labels).inc(count)

    def _count_one(self, record: Interaction, sums: _Sums) -> None:
        """Those of shadow have `shadow` as their variant."""
        recipe, assigned, served = record.recipe, str(record.assigned), str(record.served)
        if record.shadow_of:
            assigned = served = "shadow"
        sums[self._requests, (recipe, assigned, served, record.ending)] += 1
        if record.treatment_ending is not None:
            sums[self._fallbacks, (recipe, record.treatment_ending)] += 1
        if record.prompt_tokens:
            sums[self._tokens, (recipe, served, "prompt")] += record.prompt_tokens
        if record.completion_tokens:
            sums[self._tokens, (recipe, served, "completion")] += record.completion_tokens
        self._of(self._seconds, (recipe, served)).observe(record.seconds)
        if record.first_token_seconds is not None:
            self._of(self._first, (recipe, served)).observe(record.first_token_seconds)

    def _of(self, metric: Any, labels: tuple[str, ...]) -> Any:
        """Return the series with these labels; to find one in the library takes longer."""
        found = self._series.get((metric, labels))
        if found is None:
            found = self._series[metric, labels] = metric.labels(*labels)
        return found

    def drop(self) -> None:
        """Count a record that was not kept."""
        self._dropped.inc()

    def drop_shadow(self, recipe: str) -> None:
        """Count a request that shadow had no room for."""
        self._not_repeated.labels(recipe).inc()

    def drop_outcomes(self, count: int) -> None:
        """Count records that no outcome sink got."""
        self._undelivered.inc(count)

    def refuse(self, status: int) -> None:
        """Count a request that was answered here."""
        self._refused.labels(status).inc()

    def page(self) -> bytes:
        """Return the sums over all workers."""
        self._count()
        if self._folder is None:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(together)


def several(folder: Path) -> Path:
    """Let the workers of this process share their counters; before any is made.

    Returns:
        Their folder, one of their own: another gateway may have the same home.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    one_at_a_time = os.open(folder, os.O_RDONLY)
    fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
    try:
        for left in folder.iterdir():
            _remove_unless_held(left)
        own = Path(tempfile.mkdtemp(dir=folder))
        # Held as long as this process lives, whatever ends it; its workers do not inherit it.
        fcntl.flock(os.open(own, os.O_RDONLY), fcntl.LOCK_EX)
    finally:
        os.close(one_at_a_time)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own)
    return own


def _remove_unless_held(left: Path) -> None:
    held = os.open(left, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)
    except BlockingIOError:
        pass  # a gateway that runs
    finally:
        os.close(held)


def ended(folder: Path, worker: int) -> None:
    """Take a worker that has ended out of what only live ones count."""
    mark_process_dead(worker, path=str(folder))  # type: ignore[no-untyped-call]
