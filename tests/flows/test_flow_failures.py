"""What a failure in the middle leaves: above all, no training that nobody will use."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from prefect.settings import get_current_settings

from flows.retrain import retrain
from tasks import release
from tests.flows.flow_runs import Seen, run_id
from tests.flows.projects import Project
from tests.waiting import PATIENCE
from tunesmith.errors import InputError, RecipeError, Transient
from tunesmith.evaluation import generation

pytestmark = pytest.mark.usefixtures("prefect_server")

KILLED = """
import os, signal, sys
from tunesmith.evaluation import generation
generation.generate = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
from flows.retrain import retrain
retrain(sys.argv[1], why="to be killed")
"""


@pytest.fixture
def project(new_project: Callable[[], Project], monkeypatch: pytest.MonkeyPatch) -> Project:
    made = new_project()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def trained(project: Project) -> list[Any]:
    """What there is of training in the store: records, and work that was begun."""
    store = project.settings.store()
    return [*store.all_records("train"), *store.storage.sizes("work/train")]


def test_a_baseline_that_fails_ends_the_flow_before_training(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise InputError("the prompt is longer than the model's context")

    monkeypatch.setattr(generation, "generate", refuse)
    state: Any = retrain(str(project.recipe), return_state=True)
    assert state.is_failed()
    with pytest.raises(InputError):
        state.result()
    seen = Seen(run_id(state))
    asked = [state for name, state in seen.states.items() if name.startswith("predict")]
    assert asked == ["Failed"]
    assert "train" not in seen.states
    assert trained(project) == []


def test_a_baseline_that_is_killed_leaves_no_training(project: Project) -> None:
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(project.recipe)], env=environment, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    (flow_run,) = flow_runs(f"manual {project.recipe}")
    # The run itself cannot say anything any more: the server may not know yet what it did last.
    names = task_runs_with(flow_run.id, "split")
    assert not any(name.startswith(("train", "evaluate")) for name in names)
    assert trained(project) == []


def flow_runs(name: str) -> list[Any]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(
            flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        )


def task_runs_with(flow_run: UUID, expected: str) -> set[str]:
    """The names of a flow run's task runs, once the expected one is among them."""
    this = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
    deadline = time.monotonic() + PATIENCE
    with get_client(sync_client=True) as client:
        while True:
            names = {str(run.name) for run in client.read_task_runs(flow_run_filter=this)}
            if expected in names:
                return names
            assert time.monotonic() < deadline, names
            time.sleep(0.05)


def test_a_gone_server_is_asked_again_around_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(release.OPTIONS, "retry_delay_seconds", 0)
    calls: list[int] = []

    @release.effect_task
    def shaky() -> int:
        calls.append(1)
        if len(calls) < 3:
            raise Transient("MLflow does not answer")
        return len(calls)

    @release.effect_task
    def wrong() -> int:
        calls.append(1)
        raise RecipeError("no")

    assert flow(lambda: shaky(), name="ask")() == 3
    calls.clear()
    with pytest.raises(RecipeError):
        flow(lambda: wrong(), name="ask")()
    assert len(calls) == 1
