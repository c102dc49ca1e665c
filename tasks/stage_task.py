"""The one decorator of stage tasks.

Prefect shows what the store knows: a task whose artifact was found ends in the state `Cached`,
and Prefect's own result cache is not used. A task that returns a state gives its caller the state
when it is called directly, but the value when it was submitted; `StageTask` gives the value both
times, with the types of the decorated function.
"""

import functools
import time
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, cast

from prefect import Task, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.states import Completed
from prefect.tasks import exponential_backoff

from tasks.logs import forward_logs
from tunesmith import observe
from tunesmith.artifacts import Ref
from tunesmith.errors import Transient
from tunesmith.reporting.stage_page import stage_markdown

P = ParamSpec("P")
R = TypeVar("R")

PROGRESS_SECONDS = 2.0


def only_transient(_: Any, __: Any, state: State[Any]) -> bool:
    """Tell Prefect to retry what the outside world did, and never a wrong recipe or a bad row."""
    return isinstance(state.result(raise_on_failure=False), Transient)


OPTIONS: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=5),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": only_transient,
}
"""Of every task: retried after 5, 10 and 20 seconds, each with jitter, and cached by the store."""


class StageTask(Generic[P, R]):
    """A Prefect task that hands out artifacts, never states."""

    def __init__(self, made: "Task[P, Any]") -> None:
        self._task = made
        self.__doc__ = made.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task and return its artifact."""
        made = self._task(*args, **kwargs)
        return cast(R, made.result() if isinstance(made, State) else made)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> PrefectFuture[R]:
        """Run the task concurrently; `result()` of what is returned gives its artifact."""
        return self._task.submit(*args, **kwargs)

    def map(self, *args: Any, **kwargs: Any) -> PrefectFutureList[R]:
        """Run the task once for each element of its arguments."""
        mapped: PrefectFutureList[R] = self._task.map(*args, **kwargs)
        return mapped


class _TaskObserver(observe.Observer):
    """Shows in Prefect's UI what the library tells while the task runs."""

    def __init__(self) -> None:
        self.built_here = False
        self._progress: Any = None
        self._told = 0.0

    def built(self, built: observe.Built) -> None:
        self.built_here = self.built_here or not built.hit
        create_markdown_artifact(
            stage_markdown(built), key=_slug(built.label), description=built.label
        )

    def progressed(self, label: str, done: int, total: int, unit: str) -> None:
        percent = 100.0 * done / max(total, 1)
        now = time.monotonic()
        if self._progress is None:
            self._progress = create_progress_artifact(
                percent, key=f"{_slug(label)}-progress", description=f"{label}: {unit}"
            )
        elif done < total and now - self._told < PROGRESS_SECONDS:
            return
        else:
            update_progress_artifact(self._progress, percent)
        self._told = now


def _slug(label: str) -> str:
    return label.replace(" ", "-").replace("_", "-").lower()


def stage_task(
    *, hours: float, tags: tuple[str, ...] = ()
) -> Callable[[Callable[P, R]], StageTask[P, R]]:
    """Make a stage's function a Prefect task that may run for so many hours."""

    def decorate(function: Callable[P, R]) -> StageTask[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> Any:
            forward_logs()
            observer = _TaskObserver()
            with observe.observing(observer):
                ref = function(*args, **kwargs)
            if observer.built_here or not isinstance(ref, Ref):
                return ref
            return Completed(name="Cached", data=ref, message=f"{ref.kind} {ref.short} is there")

        made: Task[P, Any] = task(
            name=function.__name__,
            task_run_name=lambda: observe.label(function.__name__),
            tags=list(tags),
            **OPTIONS,
            timeout_seconds=hours * 3600,
        )(run)
        return StageTask(made)

    return decorate
