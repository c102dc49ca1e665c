"""Do many jobs at once, in batches that are planned from their number alone.

A batch is what is kept when a run is interrupted. Workers go over batches without a pause, so one
slow job does not hold up those after it.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from tunesmith.errors import Transient, TunesmithError

T = TypeVar("T")


class Unanswered(Transient):
    """Some questions have no answer, and the budget is spent.

    Attributes:
        kept: What was answered, by place; `on_batch` got all of it.
    """

    def __init__(self, message: str, kept: Mapping[int, Any]) -> None:
        super().__init__(message)
        self.kept = dict(kept)


class Batches(Generic[T]):
    """Jobs by place, and what is done of them.

    Args:
        jobs: How many there are.
        size: Jobs in a batch.
        finished: Results that an interrupted run left, by place.
        on_batch: Gets the number of a batch and its results by place, to keep. Where the run
            fails it gets what there is of the unfinished batches; a run that goes on hands over
            the whole batch under the same number.
        on_progress: Gets the number of jobs done so far, kept ones included.
    """

    def __init__(
        self,
        jobs: int,
        size: int,
        finished: Mapping[int, T] | None = None,
        on_batch: Callable[[int, dict[int, T]], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        self.results = {place: done for place, done in (finished or {}).items() if place < jobs}
        self._jobs, self._size = jobs, size
        self._on_batch, self._on_progress = on_batch, on_progress
        self._new: set[int] = set()
        self._failures: dict[int, TunesmithError] = {}

    @property
    def missing(self) -> list[int]:
        """Places without a result."""
        return [place for place in range(self._jobs) if place not in self.results]

    async def run(
        self,
        work: Callable[[int], Awaitable[T]],
        concurrency: int,
        stop: Callable[[], None] = lambda: None,
    ) -> list[T]:
        """Return the results of all jobs in the order of their places.

        Args:
            work: Does the job of a place.
            concurrency: Jobs under way at a time at most.
            stop: Called when a job fails, before the others are awaited.

        Raises:
            Unanswered: a job failed in a way that may pass.
            TunesmithError: a job failed in another way.
        """
        places = iter(self.missing)
        self._lock = asyncio.Lock()
        workers = [
            asyncio.create_task(self._work(places, work, stop))
            for _ in range(min(concurrency, len(self.missing)))
        ]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise
        if self._failures:
            await self._give_up()
        return [self.results[place] for place in range(self._jobs)]

    async def _work(
        self,
        places: Iterator[int],
        work: Callable[[int], Awaitable[T]],
        stop: Callable[[], None],
    ) -> None:
        for place in places:
            try:
                self.results[place] = await work(place)
            except TunesmithError as error:
                self._failures[place] = error
                stop()
                return
            self._new.add(place)
            batch = self._batch(place)
            if all(other in self.results for other in batch):
                await self._keep(place // self._size)
            if self._failures:
                return

    def _batch(self, place: int) -> range:
        first = place - place % self._size
        return range(first, min(first + self._size, self._jobs))

    async def _keep(self, number: int) -> None:
        places = self._batch(number * self._size)
        batch = {place: self.results[place] for place in places if place in self.results}
        async with self._lock:
            # Beside the loop: a slow disk must not run down the requests' time limits.
            if self._on_batch:
                await asyncio.to_thread(self._on_batch, number, batch)
            self._new -= set(places)
            if self._on_progress:
                await asyncio.to_thread(self._on_progress, len(self.results))

    async def _give_up(self) -> None:
        for number in sorted({place // self._size for place in self._new}):
            await self._keep(number)
        ordered = [self._failures[place] for place in sorted(self._failures)]
        lasting = [error for error in ordered if not isinstance(error, Transient)]
        if lasting:
            raise lasting[0]
        raise Unanswered(
            f"{ordered[0]}. {len(self.results)} of {self._jobs} answers are kept; run the same "
            "command again to go on",
            self.results,
        )


def run_now(task: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where the caller's thread already runs a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(task)
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(context.run, lambda: asyncio.run(task)).result()
