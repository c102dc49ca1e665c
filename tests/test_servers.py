"""Servers are started once, found again, and stopped; nothing else is touched.

Python's own file server stands in for Prefect and MLflow: it is up in a moment. The real two are
started in `flows/test_real_server.py`.
"""

import concurrent.futures
import http.client
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tunesmith import processes, servers
from tunesmith.errors import InputError, Transient
from tunesmith.settings import Settings

# A server that answers once the file `open` is in its home, and stops when it is told to.
PATIENT = """
import http.server, pathlib, sys, time
while not pathlib.Path(sys.argv[2], "open").exists():
    time.sleep(0.02)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
# A server that has a child, and lets nobody stop it but by force.
STUBBORN = """
import http.server, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"])
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
BROKEN = """
import sys
sys.exit("the disk is full of eels")
"""


def kind(name: str, module: str = "http.server", health: str = "/") -> servers._Kind:
    """A server that is quick to start; modules of this file are found in the home folder."""

    def arguments(home: Path, port: int) -> list[str]:
        if module == "http.server":
            return [module, str(port), "--bind", "127.0.0.1"]
        return [module, str(port), str(home)]

    def environment(home: Path, port: int) -> dict[str, str]:
        return {"PYTHONPATH": str(home), "PYTHONWARNINGS": "ignore"}

    return servers._Kind(name, 8600, health, arguments, environment)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in ("PREFECT_API_URL", "TUNESMITH_MLFLOW"):
        monkeypatch.delenv(name, raising=False)
    for name, text in {"patient": PATIENT, "stubborn": STUBBORN, "broken": BROKEN}.items():
        tmp_path.joinpath(f"{name}.py").write_text(text)
    monkeypatch.setattr(servers, "KINDS", (kind("one"), kind("two")))
    made = Settings(home=tmp_path)
    yield made
    servers.down(made)


def answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def below(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def test_a_second_up_finds_the_servers_and_down_stops_them(settings: Settings) -> None:
    first = servers.up(settings)
    assert servers.up(settings) == first == settings.servers
    assert all(answers(server["url"]) for server in first.values())
    assert len({server["url"] for server in first.values()}) == 2

    assert len(servers.down(settings)) == 2
    assert not any(answers(server["url"]) for server in first.values())
    assert not any(processes.alive(s["pid"], s["started"]) for s in first.values())
    assert not (settings.home / "servers.json").exists()
    assert servers.down(settings) == []


def test_two_at_once_start_each_server_once(settings: Settings) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        one, other = pool.map(servers.up, [settings, settings])
    assert one == other


def test_a_server_that_died_is_started_again_and_the_other_kept(settings: Settings) -> None:
    first = servers.up(settings)
    os.kill(first["one"]["pid"], signal.SIGKILL)
    servers._children[first["one"]["pid"]].wait()
    second = servers.up(settings)
    assert second["one"]["pid"] != first["one"]["pid"]
    assert second["two"] == first["two"]
    assert answers(second["one"]["url"])


def test_a_stranger_on_the_usual_port_is_left_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a stranger that answers as our server would."""
    theirs = Settings(home=tmp_path / "theirs")
    try:
        there = servers.up(theirs)
        here = servers.up(settings)
        assert not {s["url"] for s in here.values()} & {s["url"] for s in there.values()}
        assert not {s["pid"] for s in here.values()} & {s["pid"] for s in there.values()}
        servers.down(settings)
        assert all(answers(server["url"]) for server in there.values())
    finally:
        servers.down(theirs)


def test_a_server_that_loses_its_port_while_it_starts_gets_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port is free when it is chosen, and a neighbour that answers has it a moment later."""
    free, neighbours = servers._free_port, []

    class Neighbour(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(http.client.OK)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    def lose(first: int) -> int:
        port = free(first)
        if not neighbours:
            server = http.server.ThreadingHTTPServer((servers.HOST, port), Neighbour)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            neighbours.append(server)
        return port

    monkeypatch.setattr(servers, "_free_port", lose)
    monkeypatch.setattr(servers, "KINDS", (kind("one"),))
    try:
        found = servers.up(settings)["one"]
        assert urlsplit(found["url"]).port != neighbours[0].server_port
        assert processes.alive(found["pid"], found["started"])
        assert answers(found["url"])
    finally:
        neighbours[0].shutdown()
        neighbours[0].server_close()


def test_a_process_id_that_is_used_again_is_not_ours(settings: Settings) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        since = processes.started(stranger.pid)
        assert since is not None
        record = {"url": "http://127.0.0.1:1", "pid": stranger.pid, "started": since - 3600.0}
        (settings.home / "servers.json").write_text(json.dumps({"one": record}))
        assert settings.servers == {}
        assert servers.down(settings) == []
        assert stranger.poll() is None
        assert processes.alive(stranger.pid, since)
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ended_but_was_not_reaped_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child:
        child.stdout.read()  # ends with the child
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert processes.started(child.pid) is None


def test_a_server_that_ends_is_an_error_with_its_last_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = psutil.Process().children()
    monkeypatch.setattr(servers, "KINDS", (kind("one"), kind("two", module="broken")))
    with pytest.raises(InputError, match=r"two(.|\n)*full of eels"):
        servers.up(settings)
    # Nor is anything else left running that this call began.
    assert settings.servers == {}
    assert psutil.Process().children() == before


def test_a_failure_leaves_servers_that_ran_before(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "KINDS", (kind("one"),))
    before = servers.up(settings)
    monkeypatch.setattr(servers, "KINDS", (kind("one"), kind("two", module="broken")))
    with pytest.raises(InputError):
        servers.up(settings)
    assert settings.servers == before
    assert answers(before["one"]["url"])


def test_a_server_that_never_answers_is_transient_and_stopped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "PATIENCE", 0.5)
    monkeypatch.setattr(servers, "KINDS", (kind("one", health="/not-there"),))
    with pytest.raises(Transient, match="one"):
        servers.up(settings)
    assert settings.servers == {}


def test_what_ignores_a_request_to_stop_is_killed_with_its_children(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "GRACE", 0.3)
    monkeypatch.setattr(servers, "KINDS", (kind("one", module="stubborn"),))
    pid = servers.up(settings)["one"]["pid"]
    family = [(part.pid, part.create_time()) for part in below(pid)]
    assert len(family) == 2
    servers.down(settings)
    assert not any(processes.alive(*member) for member in family)


def test_an_up_that_is_interrupted_leaves_a_server_that_the_next_one_finds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(servers, "KINDS", (kind("one", module="patient"),))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(servers, "_listens", interrupt)
        servers.up(settings)
    first = settings.servers["one"]
    settings.home.joinpath("open").touch()
    assert servers.up(settings)["one"] == first
    assert answers(first["url"])


def test_servers_that_the_environment_names_are_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "KINDS", (kind("prefect"), kind("mlflow")))
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example/api")
    monkeypatch.setenv("TUNESMITH_MLFLOW", "https://mlflow.example")
    named = Settings(home=tmp_path)
    urls = {name: server["url"] for name, server in servers.up(named).items()}
    assert urls == {"prefect": "https://prefect.example", "mlflow": "https://mlflow.example"}
    assert named.servers == {}
    assert "PREFECT_API_URL" not in servers.prefect_environment(named)
    assert "PREFECT_HOME" not in servers.prefect_environment(named)


def test_prefect_is_told_which_server_to_use(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = servers.prefect_environment(settings)
    assert "PREFECT_API_URL" not in alone
    assert alone["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] == "true"

    monkeypatch.setattr(servers, "KINDS", (kind("prefect"),))
    url = servers.up(settings)["prefect"]["url"]
    served = servers.prefect_environment(settings)
    assert served["PREFECT_API_URL"] == f"{url}/api"
    assert served["PREFECT_HOME"] == alone["PREFECT_HOME"] == str(settings.home / "prefect")


def test_a_proxy_is_kept_out_of_loopback(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert "NO_PROXY" not in servers.prefect_environment(settings)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    spared = servers.prefect_environment(settings)["NO_PROXY"].split(",")
    assert set(spared) == {"intranet.example", "127.0.0.1", "localhost"}
