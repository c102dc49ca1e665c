"""A gateway as people run it: its processes, the ledger it looks at, and how it ends."""

import contextlib
import datetime
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import func, select

from tests.scripted_upstream import DONE, OPENING, piece, serving, streams
from tests.waiting import wait_for
from tunesmith.database.session import session
from tunesmith.database.tables import Interaction as Row
from tunesmith.errors import RecipeError
from tunesmith.gateway.server import PSEUDONYMS, pseudonym_key
from tunesmith.rollout.ledger import Version, latest, move, start
from tunesmith.rollout.params import RolloutParams

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
BODY = {"model": "tiny", "user": "u1", "messages": [{"role": "user", "content": "hi"}]}
CODE = """
import sys
from pathlib import Path
from tunesmith.gateway.config import load
from tunesmith.gateway.server import Place, run
if __name__ == "__main__":
    home, file, port, workers, drain = sys.argv[1:]
    run(load(Path(file)), Place(Path(home), f"sqlite:///{home}/t.db", port=int(port),
        workers=int(workers), drain=float(drain)))
"""


@dataclass
class Process:
    process: subprocess.Popen
    url: str
    home: Path

    @property
    def database(self):
        return f"sqlite:///{self.home}/t.db"

    def ask(self, **more):
        return httpx.post(f"{self.url}/v1/chat/completions", json=BODY | more, timeout=60)

    def served(self):
        """Who answers now; no request may be dropped on the way."""
        reply = self.ask()
        assert reply.status_code == 200
        return reply.headers["x-tunesmith-served"]

    def counted(self):
        """Requests by the variants assigned and served, over all workers."""
        found = Counter()
        for line in httpx.get(f"{self.url}/metrics", timeout=60).text.splitlines():
            if line.startswith("tunesmith_requests_total"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                found[labels["assigned"], labels["served"]] += float(line.rpartition(" ")[2])
        return found

    def ready(self):
        try:
            return httpx.get(f"{self.url}/readyz", timeout=60).status_code
        except httpx.TransportError:
            return 0


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def upstream():
    with serving() as made:
        yield made


@pytest.fixture
def started(tmp_path, upstream):
    """Starts gateways in processes of their own, and ends them."""
    made = []

    def begin(workers=1, drain=0.0):
        file = tmp_path / "gateway.yaml"
        file.write_text(f"models: {{tiny: {{upstream: '{upstream.url}', serves: m-3}}}}\n")
        script = tmp_path / "serve.py"
        script.write_text(CODE)
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), str(file), str(port), str(workers),
             str(drain)],
            start_new_session=True,
        )  # fmt: skip
        running = Process(process, f"http://127.0.0.1:{port}", tmp_path)
        made.append(process)
        wait_for(lambda: running.ready() == 200)
        return running

    yield begin
    for process in made:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_move_in_the_ledger_reaches_every_worker_and_drops_no_request(started, upstream):
    running = started(workers=2)
    assert {running.served() for _ in range(8)} == {"control"}
    old, new = Version(version="3", model="m-3"), Version(version="4", model="m-4")
    params = RolloutParams(stages=("shadow", 1, 100))
    rollout = start(running.database, "tiny", old, new, params, "ann", NOW)
    wait_for(lambda: running.served() and asked(upstream, "m-4"))  # in shadow: nobody sees it
    for _ in range(2):
        rollout = move(running.database, rollout, "advance", "ann", "", NOW)
    wait_for(lambda: {running.served() for _ in range(12)} == {"treatment"})
    move(running.database, rollout, "roll_back", "ann", "", NOW)
    wait_for(lambda: {running.served() for _ in range(12)} == {"control"})
    assert {body["model"] for body in upstream.requests[-12:]} == {"m-3"}
    assert latest(running.database, "tiny").position.status == "rolled_back"
    wait_for(lambda: sum(running.counted().values()) == len(upstream.requests))
    assert {name for name, count in running.counted().items() if count} == {
        ("control", "control"), ("treatment", "treatment"), ("shadow", "shadow"),
    }  # fmt: skip
    wait_for(lambda: recorded(running.database) == len(upstream.requests))


def asked(upstream, model):
    return any(body["model"] == model for body in upstream.requests)


def recorded(database):
    """How many interactions the importer beside the workers has brought."""
    with session(database) as opened:
        return opened.scalar(select(func.count()).select_from(Row))


def test_what_was_answered_survives_a_kill(started):
    running = started()
    ids = [running.ask().headers["x-tunesmith-interaction"] for _ in range(30)]
    os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()
    kept = "".join(path.read_text() for path in (running.home / "interactions").iterdir())
    assert all(name in kept for name in ids)


def test_a_worker_that_dies_is_replaced_and_none_outlives_the_gateway(started):
    running = started(workers=2)
    wait_for(lambda: len(_workers(running.process.pid)) == 2)
    killed = _workers(running.process.pid)[0]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: len(_workers(running.process.pid)) == 2
             and killed not in _workers(running.process.pid))  # fmt: skip
    assert wait_for(lambda: running.ask().status_code == 200)
    # Nobody is left when the process is killed that keeps them: another may want the port.
    left = psutil.Process(running.process.pid).children()
    assert len(left) >= 3  # the importer, too
    running.process.kill()
    running.process.wait()
    assert psutil.wait_procs(left, timeout=60)[1] == []
    assert running.ready() == 0


def _workers(parent):
    """The children that write interactions; the importer writes none."""
    found = []
    for child in psutil.Process(parent).children():
        with contextlib.suppress(psutil.Error):
            if any(file.path.endswith(".jsonl") for file in child.open_files()):
                found.append(child.pid)
    return found


@contextlib.contextmanager
def begun_stream(running):
    """A stream whose first line has come; yields the others."""
    with httpx.stream(
        "POST", f"{running.url}/v1/chat/completions", json=BODY | {"stream": True}
    ) as reply:
        lines = reply.iter_lines()
        next(lines)
        yield lines


def test_it_ends_when_its_streams_have(started, upstream):
    running = started(drain=1.0)
    upstream.answer = streams(
        OPENING, *[piece("x")] * 10, piece(finish_reason="stop"), DONE, every=0.15
    )
    with begun_stream(running) as lines:
        running.process.send_signal(signal.SIGTERM)
        assert wait_for(lambda: running.ready() != 200)
        seen = list(lines)
    assert seen[-2] == "data: [DONE]" or seen[-1] == "data: [DONE]"
    assert running.process.wait(timeout=60) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_while_its_port_is_free_and_a_second_signal_waits_for_no_stream(
    started, upstream, workers
):
    running = started(workers=workers, drain=0.1)
    running.served()
    wait_for(lambda: recorded(running.database) == 1)  # the importer is there, too
    upstream.answer = streams(OPENING, *[piece("x")] * 2000, every=0.05)
    with begun_stream(running) as lines:
        running.process.send_signal(signal.SIGTERM)
        wait_for(lambda: _is_free(running.url))
        assert [next(lines) for _ in range(4)]  # it goes on meanwhile
        running.process.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.TransportError):
            list(lines)
    assert running.process.wait(timeout=60) == 0
    with session(running.database) as opened:
        assert sorted(opened.scalars(select(Row.ending))) == ["answered", "client_gone"]


def _is_free(url):
    try:
        socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))).close()
    except OSError:
        return False
    return True


def test_a_signal_to_the_whole_group_of_processes_is_one(started, upstream):
    running = started(workers=2, drain=3600)
    upstream.answer = streams(OPENING, *[piece("x")] * 4, piece(finish_reason="stop"), DONE,
                              every=0.1)  # fmt: skip
    with begun_stream(running) as lines:
        os.killpg(running.process.pid, signal.SIGTERM)
        wait_for(lambda: {running.ready() for _ in range(8)} == {503})
        assert "data: [DONE]" in list(lines)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=60) == 0


@pytest.mark.parametrize("length", [0, 31, 65])
def test_a_key_of_pseudonyms_that_is_none_is_told_and_left(tmp_path, length):
    (tmp_path / PSEUDONYMS).write_bytes(b"x" * length)
    with pytest.raises(RecipeError, match=f"{PSEUDONYMS} has {length} bytes; expected the 32"):
        pseudonym_key(tmp_path)
    assert (tmp_path / PSEUDONYMS).read_bytes() == b"x" * length


def test_a_key_of_pseudonyms_is_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(
        (os.fstat(file).st_size, (tmp_path / PSEUDONYMS).exists())))  # fmt: skip
    key = pseudonym_key(tmp_path)
    assert synced == [(32, False)]
    assert key == pseudonym_key(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [PSEUDONYMS]
