"""How work on batches is spread: in this process, over this machine's cores, or over a Ray cluster.

An engine maps a function over batches and gives the results in order, so what is built does not
depend on it. The function and the batches travel between processes: the function is a module's
own, or an instance of a module's own dataclass, and carries contents, never paths of one machine.
"""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, Protocol, TypeVar

from tunesmith.errors import RecipeError, Transient

T = TypeVar("T")
R = TypeVar("R")

ALONE_SECONDS = 1.0
"""Work that ends sooner is done in this process: starting others would take longer."""
AHEAD = 3
"""Batches under way for each worker; bounds the memory, and hides that some take longer."""


_UNGUARDED = (
    'If a script calls Tunesmith, the call must stand below `if __name__ == "__main__":`, since '
    "every worker imports the script"
)


class Engine(Protocol):
    """Maps functions over batches."""

    def map(self, work: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        """Yield `work(batch)` for each batch, in order; batches are drawn as they are needed."""


class LocalEngine:
    """Uses the cores of this machine, by processes that end with the map.

    Raises:
        RecipeError: in a worker that is importing the script which started it. Such a script
            would begin all over in every worker, and wait there for what its first run holds.
    """

    def __init__(self, workers: int) -> None:
        # As multiprocessing itself tells; there is no public way.
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise RecipeError(_UNGUARDED)
        self._workers = workers

    def map(self, work: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        """Work alone for a moment, then with as many processes as there are workers.

        Raises:
            Transient: when a worker dies, most often because memory is short.
        """
        remaining = iter(batches)
        busy = 0.0
        while self._workers == 1 or busy < ALONE_SECONDS:
            batch = next(remaining, _END)
            if batch is _END:
                return
            start = time.perf_counter()
            result = work(batch)
            busy += time.perf_counter() - start
            yield result
        method = "forkserver" if os.name == "posix" else "spawn"
        pool = ProcessPoolExecutor(
            self._workers, multiprocessing.get_context(method), _become_worker, (work,)
        )
        try:
            yield from _in_order(
                remaining, lambda batch: pool.submit(_do, batch), self._workers * AHEAD
            )
        except (BrokenProcessPool, BrokenPipeError) as error:
            raise Transient(
                "a worker process died, most often because memory is short; run again, or set "
                f"TUNESMITH_WORKERS to fewer. {_UNGUARDED}"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_END: Any = object()
_work: Callable[[Any], Any]


def _in_order(
    batches: Iterable[Any], submit: Callable[[Any], "Future[Any]"], ahead: int
) -> Iterator[Any]:
    pending: deque[Future[Any]] = deque()
    for batch in batches:
        pending.append(submit(batch))
        if len(pending) >= ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _become_worker(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave nothing running when the parent is killed: its pipe would keep us waiting forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(batch: Any) -> Any:
    return _work(batch)


class RayEngine:
    """Uses a Ray cluster, which repeats the batches of a node that is lost."""

    def __init__(self, address: str) -> None:
        self._address = address

    def map(self, work: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        """Keep every core of the cluster busy with a few batches.

        Raises:
            RecipeError: when Ray is not installed.
            Transient: when the cluster cannot be reached, or loses the same batch again and again.
        """
        try:
            import ray
        except ImportError as error:
            raise RecipeError(
                "TUNESMITH_ENGINE=ray needs Ray: pip install 'tunesmith[ray]'"
            ) from error
        try:
            if not ray.is_initialized():
                ray.init(address=self._address, log_to_driver=False, configure_logging=False)
            everywhere = ray.put(work)
            task = ray.remote(max_retries=RAY_RETRIES)(_apply)
            ahead = max(1, int(ray.cluster_resources().get("CPU", 1))) * AHEAD
            pending: deque[Any] = deque()
            for batch in batches:
                pending.append(task.remote(everywhere, batch))
                if len(pending) >= ahead:
                    yield ray.get(pending.popleft())
            while pending:
                yield ray.get(pending.popleft())
        except (ConnectionError, ray.exceptions.RaySystemError) as error:
            raise Transient(
                f"the Ray cluster at {self._address} does not answer: {error}"
            ) from error
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error


RAY_RETRIES = 10
"""How often a batch is done again whose node is lost."""


def _apply(work: Callable[[T], R], batch: T) -> R:
    return work(batch)


def batched(
    items: Iterable[T], rows: int, size: int, measure: Callable[[T], int]
) -> Iterator[list[T]]:
    """Cut items into lists of at most `rows`, closed early when their measure reaches `size`."""
    batch: list[T] = []
    measured = 0
    for item in items:
        batch.append(item)
        measured += measure(item)
        if len(batch) >= rows or measured >= size:
            yield batch
            batch, measured = [], 0
    if batch:
        yield batch
