"""A real server with real workers: the schedule stands, and an event starts a retrain by itself.

Nothing of this is imported from Prefect: everything goes through its command line and its API,
and through processes of their own.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.flows.projects import Project
from tests.waiting import PATIENCE
from tunesmith import processes, servers
from tunesmith.deploying import deploy

ROOT = Path(__file__).parents[2]
QUICK = {
    # Workers look for work this often; the default of 10 seconds is made for many workers.
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PYTHONWARNINGS": "ignore",
    "OMP_NUM_THREADS": "1",
}
EMIT = """
import json, sys
from prefect.events import emit_event
for resource in sys.argv[2:]:
    emit_event("drift.detected", {"prefect.resource.id": resource}, payload=json.loads(sys.argv[1]))
"""


class Server:
    """A Prefect server's API, asked as a browser asks it."""

    def __init__(self, api: str) -> None:
        self._api = api

    def find(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self._api}/{what}/filter",
            json.dumps(filters).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """Runs of a flow, the scheduled one aside."""
        return [
            run
            for run in self.find("flow_runs", flows={"name": {"any_": [flow]}})
            if not run["auto_scheduled"]
        ]


def until(found: Callable[[], Any], what: str, watched: list[subprocess.Popen[bytes]]) -> Any:
    """Wait until something is there, and give up at once when a watched process has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        # On a busy machine the server itself may be late with an answer: it is asked again.
        with contextlib.suppress(TimeoutError):
            if value := found():
                return value
        assert all(process.poll() is None for process in watched), f"a worker ended: {what}"
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


@pytest.fixture(scope="module")
def project(new_project: Callable[[], Project]) -> Iterator[Project]:
    """A project whose servers run."""
    made = new_project()
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("PREFECT_", "TUNESMITH_")):
                patch.delenv(name)
        for name, value in {**made.environment, **QUICK}.items():
            patch.setenv(name, value)
        try:
            servers.up(made.settings)
            family = [
                (part.pid, part.create_time())
                for server in made.settings.servers.values()
                for part in below(server["pid"])
            ]
            yield made
        finally:
            servers.down(made.settings)
        assert not any(processes.alive(*member) for member in family)


def below(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


@pytest.fixture(scope="module")
def environment(project: Project) -> dict[str, str]:
    return {**os.environ, **servers.prefect_environment(project.settings)}


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Server:
    return Server(environment["PREFECT_API_URL"])


@contextlib.contextmanager
def worker(pool: str, folder: Path, environment: dict[str, str]) -> Iterator[Any]:
    """A worker in a folder of its own."""
    folder.mkdir()
    log = (folder / "worker.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", f"{pool}-1"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        log.close()
        # The worker first, so that it starts nothing more; then what it had started.
        for order in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, order)
                process.wait(timeout=15)
        process.wait()


@pytest.fixture(scope="module")
def deployed(project: Project, server: Server) -> list[list[str]]:
    """What two deployments in a row reported."""
    return [deploy(project.settings, ROOT) for _ in range(2)]


def test_the_servers_listen_on_loopback_and_keep_to_the_home_folder(project: Project) -> None:
    running = project.settings.servers
    assert running.keys() == {"prefect", "mlflow"}
    for server in running.values():
        listening = [
            connection.laddr
            for part in below(server["pid"])
            for connection in part.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        port = urlsplit(server["url"]).port
        assert [(at.ip, at.port) for at in listening] == [("127.0.0.1", port)]
    # The page that a browser gets asks this very server, on whatever port it is.
    url = running["prefect"]["url"]
    with urllib.request.urlopen(f"{url}/ui-settings", timeout=30) as answer:
        assert json.load(answer)["api_url"] == f"{url}/api"
    for name in ("prefect/prefect.db", "mlflow.db", "logs/prefect.log", "logs/mlflow.log"):
        assert (project.home / name).is_file()


def test_deploying_twice_leaves_one_of_each(deployed: list[list[str]], server: Server) -> None:
    assert deployed[0] == deployed[1]
    pools = {pool["name"]: pool for pool in server.find("work_pools")}
    assert {name: pool["type"] for name, pool in pools.items()} == {
        "cpu": "process",
        "gpu": "process",
    }
    assert pools["gpu"]["concurrency_limit"] == 1
    assert pools["cpu"]["concurrency_limit"] is None
    deployments = {item["name"]: item for item in server.find("deployments")}
    assert {name: item["work_pool_name"] for name, item in deployments.items()} == {
        "retrain": "cpu",
        "train": "gpu",
        "learning_curve": "cpu",
        "rollout": "cpu",
    }
    assert deployments["train"]["global_concurrency_limit"]["limit"] == 1
    assert deployments["rollout"]["global_concurrency_limit"]["limit"] == 1
    assert [item["slug"] for item in deployments["rollout"]["schedules"]] == ["every-five-minutes"]
    assert [item["slug"] for item in deployments["retrain"]["schedules"]] == ["quarterly"]
    automations = server.find("automations")
    assert [item["trigger"]["expect"] for item in automations] == [["drift.detected"]]


def test_the_next_quarter_is_scheduled(deployed: list[list[str]], server: Server) -> None:
    """With the wrong library versions the scheduler inserts nothing, and only its log says so."""
    run = until(
        lambda: server.find(
            "flow_runs",
            flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}},
            flows={"name": {"any_": ["retrain"]}},
        ),
        "no scheduled run stands in the database",
        [],
    )[0]
    assert run["auto_scheduled"]
    assert run["expected_start_time"][5:16] in {f"{month:02}-01T03:00" for month in (1, 4, 7, 10)}
    assert run["parameters"]["trigger"] == "schedule"


def test_an_event_starts_a_retrain_whose_training_runs_on_the_gpu_pool(
    deployed: list[list[str]],
    project: Project,
    server: Server,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    payload = {"recipe": str(project.recipe), "score": 0.31}
    with (
        worker("cpu", tmp_path / "one", environment) as cpu,
        worker("gpu", tmp_path / "other", environment) as gpu,
    ):
        resources = ("somebody.elses.model", "tunesmith.model.tiny")
        subprocess.run(
            [sys.executable, "-c", EMIT, json.dumps(payload), *resources],
            env=environment,
            check=True,
        )

        def ended() -> Any:
            return [run for run in server.runs("retrain") if run["state"]["type"] in FINAL]

        run = until(ended, "the retrain did not end", [cpu, gpu])[0]
    assert len(server.runs("retrain")) == 1  # the other resource is not ours
    assert run["state"]["type"] == "COMPLETED"
    assert run["created_by"]["type"] == "AUTOMATION"
    assert run["parameters"] == {
        "recipe": str(project.recipe),
        "trigger": "drift",
        "event": payload,
    }
    assert (run["work_pool_name"], run["labels"]["prefect.worker.name"]) == ("cpu", "cpu-1")

    (training,) = server.runs("train")
    assert training["state"]["type"] == "COMPLETED"
    assert (training["work_pool_name"], training["labels"]["prefect.worker.name"]) == (
        "gpu",
        "gpu-1",
    )
    # It was trained there; here it was found.
    states = {
        (item["flow_run_id"], item["name"]): item["state_name"]
        for item in server.find("task_runs", limit=200)
    }
    assert states[training["id"], "train"] == "Completed"
    assert states[run["id"], "train"] == "Cached"
    assert states[run["id"], "gate"] == "Completed"
    artifacts = {item["key"]: item for item in server.find("artifacts")}
    assert artifacts["verdict"]["flow_run_id"] == run["id"]
    assert project.settings.mlflow in artifacts["mlflow-run"]["data"]


FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
