"""Apply `deployments/prefect.yaml` to a Prefect server, by Prefect's own command line."""

import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tunesmith.errors import InputError, Transient
from tunesmith.servers import prefect_environment
from tunesmith.settings import Settings

DEPLOYMENTS = Path("deployments", "prefect.yaml")
LIMITS = {"cpu": None, "gpu": 1}
"""The work pools, and how many runs each may have at a time."""
TAIL = 20
"""Lines of Prefect's answer that an error shows."""


def deploy(settings: Settings, root: Path) -> list[str]:
    """Make the work pools and apply every deployment; once or often, with the same result.

    Args:
        settings: Which server, where the environment does not name one.
        root: The project's root: workers run the flows there.

    Returns:
        What stands on the server now, one line each.

    Raises:
        InputError: when `root` is not a project's root, or Prefect refuses the file.
        Transient: when no server answers.
    """
    root = root.absolute()
    wanted = _read(root)
    environment = {**os.environ, **prefect_environment(settings), "PROJECT_ROOT": str(root)}
    api = _reachable(environment.get("PREFECT_API_URL", ""))
    lines = [f"server {api}", *_pools(root, environment)]
    _prefect(root, environment, "deploy", "--all", "--prefect-file", str(DEPLOYMENTS))
    for deployment in wanted:
        flow = deployment["entrypoint"].rpartition(":")[2]
        pool = deployment["work_pool"]["name"]
        lines.append(f"deployment {flow}/{deployment['name']} on pool {pool}")
    return [
        *lines,
        *(f"a worker: PREFECT_API_URL={api} prefect worker start --pool {pool}" for pool in LIMITS),
    ]


def _read(root: Path) -> list[dict[str, Any]]:
    try:
        content = (root / DEPLOYMENTS).read_text()
    except FileNotFoundError:
        raise InputError(
            f"{root}: no {DEPLOYMENTS} here. Run `tunesmith deploy` in the root of the project"
        ) from None
    try:
        deployments: list[dict[str, Any]] = yaml.safe_load(content)["deployments"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{root / DEPLOYMENTS}: no list `deployments`: {error}") from error
    return deployments


def _reachable(api: str) -> str:
    if not api:
        raise Transient(
            "no Prefect server runs. Start one with `tunesmith up`, or set PREFECT_API_URL"
        )
    try:
        # The address is the user's own setting.
        with urllib.request.urlopen(f"{api.rstrip('/')}/health", timeout=10.0):  # noqa: S310
            return api
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise Transient(
            f"the Prefect server at PREFECT_API_URL={api} does not answer: {error}. "
            "Start it again, or unset the variable and run `tunesmith up`"
        ) from error


def _pools(root: Path, environment: dict[str, str]) -> list[str]:
    """Make the pools that are missing, and set the limit of those that must have one."""
    listed = json.loads(_prefect(root, environment, "work-pool", "ls", "--output", "json"))
    found = {pool["name"]: pool for pool in listed}
    lines = []
    for name, limit in LIMITS.items():
        if name not in found:
            _prefect(root, environment, "work-pool", "create", name, "--type", "process")
        # A pool that somebody made of another type (Docker, Kubernetes) is theirs to keep.
        pool = found.get(name, {"type": "process", "concurrency_limit": None})
        if limit is not None and pool["concurrency_limit"] != limit:
            _prefect(root, environment, "work-pool", "set-concurrency-limit", name, str(limit))
        at_a_time = "any number of runs" if limit is None else f"{limit} run"
        lines.append(f"pool {name} ({pool['type']}), {at_a_time} at a time")
    return lines


def _prefect(root: Path, environment: dict[str, str], *arguments: str) -> str:
    """Run one command of Prefect's in the project's root, and return what it printed."""
    done = subprocess.run(  # noqa: S603  the command is ours
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        printed = (done.stdout + done.stderr).splitlines()[-TAIL:]
        raise InputError(
            "\n".join([f"`prefect {' '.join(arguments)}` in {root} failed:", *printed])
        )
    return done.stdout
