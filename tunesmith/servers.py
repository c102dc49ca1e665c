"""A Prefect server and an MLflow server on this machine: started once, found again, stopped.

Both listen on loopback only, outlive the command that started them, and keep everything below
the home folder: `prefect/`, `mlflow.db`, `mlflow-artifacts/`, `logs/`. `servers.json` there says
which processes they are. Where the environment names other servers (`PREFECT_API_URL`,
`TUNESMITH_MLFLOW`), those are used and none of that kind is started.
"""

import contextlib
import fcntl
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tunesmith import processes
from tunesmith.errors import InputError, Transient
from tunesmith.replacing import replace_file
from tunesmith.settings import SERVERS, Settings

HOST = "127.0.0.1"
PORTS = 100
"""Ports tried, from the usual one upwards."""
PATIENCE = 180.0
"""Seconds until a server must answer; on a new database and a busy machine Prefect takes 30."""
GRACE = 10.0
"""Seconds between asking a server to stop and killing it."""
POLL = 0.1
"""Seconds between two looks."""
TAIL = 20
"""Lines of a log that an error shows."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Neither server reports its use to its makers."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kind:
    """A server that can be started: its usual port, and how."""

    name: str
    port: int
    health: str
    arguments: Callable[[Path, int], list[str]]
    environment: Callable[[Path, int], dict[str, str]]


def _prefect_arguments(home: Path, port: int) -> list[str]:
    return ["prefect", "server", "start"]


def _prefect_environment(home: Path, port: int) -> dict[str, str]:
    # As settings and not as options: the UI is told its API's address from the settings.
    return {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
    }


def _mlflow_arguments(home: Path, port: int) -> list[str]:
    return [
        "mlflow",
        "server",
        *("--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"),
        *("--default-artifact-root", str(home / "mlflow-artifacts")),
    ]


def _mlflow_environment(home: Path, port: int) -> dict[str, str]:
    # Its job runner (judges, scheduled evaluations) is a second process that nothing here uses.
    return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


KINDS = (
    _Kind("prefect", 4200, "/api/health", _prefect_arguments, _prefect_environment),
    _Kind("mlflow", 5000, "/health", _mlflow_arguments, _mlflow_environment),
)

# Servers that this process started: kept so that they are reaped when they end.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


def up(settings: Settings) -> dict[str, dict[str, Any]]:
    """Start the servers, or find them running, and wait until they answer.

    Returns:
        For each server its `url`, `pid` and start time `started` (both None for one that the
        environment names).

    Raises:
        InputError: when a server ends instead of serving, with the end of its log.
        Transient: when a server does not answer in time.
    """
    home = settings.home.absolute()
    (home / "logs").mkdir(parents=True, exist_ok=True)
    others = _elsewhere(settings)
    kinds = [kind for kind in KINDS if kind.name not in others]
    with _alone(home):
        running = settings.servers
        begun = [kind for kind in kinds if kind.name not in running]
        try:
            for kind in begun:
                running[kind.name] = _launch(kind, home)
                # Before it answers: if this command is killed, the next one finds the server.
                _write(home, running)
            for kind in kinds:
                running[kind.name] = _answering(kind, running[kind.name], home)
                _write(home, running)
        except (InputError, Transient):
            names = [kind.name for kind in begun if kind.name in running]
            _stop([running.pop(name) for name in names])
            _write(home, running)
            raise
    return {kind.name: others.get(kind.name) or running[kind.name] for kind in KINDS}


def down(settings: Settings) -> list[str]:
    """Stop the servers that `up` started, and nothing else; say what was stopped."""
    home = settings.home.absolute()
    if not home.is_dir():
        return []
    with _alone(home):
        running = settings.servers
        _stop(list(running.values()))
        (home / SERVERS).unlink(missing_ok=True)
    return [f"{name} at {server['url']} stopped" for name, server in running.items()]


def prefect_environment(settings: Settings) -> dict[str, str]:
    """Return what a process must have in its environment before it imports Prefect.

    The server is the one that the environment names, else ours, else none: Prefect then starts
    a temporary one on the same database, so that a later server shows its runs.
    """
    if os.environ.get("PREFECT_API_URL"):
        return {"DO_NOT_TRACK": QUIET["DO_NOT_TRACK"]}
    home = settings.home.absolute() / "prefect"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)  # Prefect makes no parents
    environment = {
        **QUIET,
        "PREFECT_HOME": str(home),
        # A new database and a busy machine need more than the default of 20 seconds.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": f"{PATIENCE:.0f}",
    }
    server = settings.servers.get("prefect")
    if server:
        environment["PREFECT_API_URL"] = f"{server['url']}/api"
    else:
        environment["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
    return {**environment, **_past_proxies()}


def _past_proxies() -> dict[str, str]:
    """Keep a proxy, if there is one, out of what goes to loopback."""
    variables = {name.lower(): value for name, value in os.environ.items()}
    if not any(variables.get(name) for name in ("http_proxy", "https_proxy", "all_proxy")):
        return {}
    spared = variables.get("no_proxy", "")
    value = ",".join(part for part in (spared, HOST, "localhost") if part)
    return {"NO_PROXY": value, "no_proxy": value}


def _elsewhere(settings: Settings) -> dict[str, dict[str, Any]]:
    api = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    urls = {"prefect": api.removesuffix("/api"), "mlflow": settings.mlflow_url}
    return {name: {"url": url, "pid": None, "started": None} for name, url in urls.items() if url}


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let one command at a time start and stop servers; the lock goes with its process."""
    with (home / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(home: Path, running: Mapping[str, dict[str, Any]]) -> None:
    replace_file(home / SERVERS, f"{json.dumps(running, indent=2)}\n".encode())


def _log(home: Path, kind: _Kind) -> Path:
    return home / "logs" / f"{kind.name}.log"


def _launch(kind: _Kind, home: Path, after: int = 0) -> dict[str, Any]:
    """Start a server on the first free port above `after`."""
    port = _free_port(max(kind.port, after + 1))
    command = [sys.executable, "-m", *kind.arguments(home, port)]
    environment = {**os.environ, **QUIET, **kind.environment(home, port)}
    with _log(home, kind).open("wb") as log:
        child = subprocess.Popen(  # noqa: S603  the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            # Python looks for modules in the working folder: not in the user's, nor in one where
            # `prefect` is a folder.
            cwd=home / "logs",
            start_new_session=True,
        )
    _children[child.pid] = child
    since = processes.started(child.pid) or time.time()
    return {"url": f"http://{HOST}:{port}", "pid": child.pid, "started": since}


def _free_port(first: int) -> int:
    for port in range(first, first + PORTS):
        with socket.socket() as caller, socket.socket() as probe:
            # A port that was served a minute ago is free, although the system still keeps it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if caller.connect_ex((HOST, port)) == 0:
                continue
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise InputError(f"no free port on {HOST} from {first} to {first + PORTS - 1}")


def _answering(kind: _Kind, server: dict[str, Any], home: Path) -> dict[str, Any]:
    """Wait until a server answers; one that lost its port to a neighbour gets the next."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        port = int(server["url"].rsplit(":", 1)[1])
        if not _lives(server):
            if _free_port(port) == port:
                raise InputError(
                    f"the {kind.name} server ended instead of serving. {_tail(home, kind)}"
                )
            server = _launch(kind, home, after=port)
        elif _listens(server["pid"], port) and _healthy(port, kind.health):
            logger.info("%s answers at %s", kind.name, server["url"])
            return server
        time.sleep(POLL)
    raise Transient(
        f"the {kind.name} server (process {server['pid']}) does not answer at {server['url']} "
        f"within {PATIENCE:.0f} s. If it goes on, stop it with `tunesmith down`. "
        f"{_tail(home, kind)}"
    )


def _lives(server: Mapping[str, Any]) -> bool:
    _reap()
    return processes.alive(server["pid"], server["started"])


def _reap() -> None:
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)


def _listens(pid: int, port: int) -> bool:
    """Say whether this server has the port, and not somebody else who answers as well."""
    try:
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in _family(pid)
            for connection in process.net_connections("tcp4")
        )
    except psutil.NoSuchProcess:  # it ended while we looked
        return False


def _healthy(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(home: Path, kind: _Kind) -> str:
    path = _log(home, kind)
    lines = path.read_text(errors="replace").splitlines()[-TAIL:]
    return "\n".join([f"The end of {path}:", *(f"    {line}" for line in lines)])


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _stop(servers: Sequence[Mapping[str, Any]]) -> None:
    """Stop servers and all that they started, gently first."""
    members = []
    for server in servers:
        with contextlib.suppress(psutil.NoSuchProcess):
            if _lives(server):
                members += [(part.pid, part.create_time()) for part in _family(server["pid"])]
    for order in (signal.SIGTERM, signal.SIGKILL):
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                if processes.alive(*member):
                    os.kill(member[0], order)
        deadline = time.monotonic() + GRACE
        while any(processes.alive(*member) for member in members):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL)
        else:
            break
    _reap()
