"""Running a gateway: one process or several on one port, and an end that drops nobody.

On SIGTERM a worker is first no longer ready, so that whoever spreads the traffic stops sending;
after `drain` seconds it takes no more connections, and streams that run may end.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

import uvicorn

from tunesmith.errors import Transient
from tunesmith.gateway.app import Door, Gateway, Limits
from tunesmith.gateway.config import GatewayParams, check_address
from tunesmith.gateway.keys import Keys
from tunesmith.gateway.metrics import Metrics, ended, several
from tunesmith.gateway.routes import Routes
from tunesmith.gateway.segments import Segments
from tunesmith.gateway.watching import look, watch

logger = logging.getLogger(__name__)

FOLDER = "interactions"
PSEUDONYMS = "pseudonyms.key"


@dataclass(frozen=True)
class Place:
    """Where a gateway runs.

    Attributes:
        home: Folder of the segments and of the key of the pseudonyms.
        database: Its URL.
        host: Address to listen on.
        port: Port; 0 for any.
        workers: Processes.
        drain: Seconds between being no longer ready and taking no more connections.
    """

    home: Path
    database: str
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    drain: float = 5.0

    @property
    def segments(self) -> Path:
        """Where interactions wait for the database."""
        return self.home / FOLDER


def run(config: GatewayParams, place: Place) -> None:
    """Serve until the process is told to end.

    Raises:
        RecipeError: the address can be reached from elsewhere without a key, or a key of an
            upstream is not set.
        Transient: the database cannot be reached at the start.
    """
    check_address(place.host, bool(config.keys))
    look(Routes(), place.database, config, None)  # what is wrong is told before anything is open
    pseudonym_key(place.home)
    opened = socket.create_server((place.host, place.port), backlog=2048, reuse_port=False)
    worker = _Worker(config, place)
    if place.workers == 1:
        worker.run(opened)
        return
    several(place.home / "metrics")
    _supervise(worker, opened, place)


def _supervise(worker: "_Worker", opened: socket.socket, place: Place) -> None:
    """Keep as many workers as were asked for, until this process is told to end."""
    ending = threading.Event()
    # Started anew: a copy of this process would share its connections to the database.
    context = multiprocessing.get_context("spawn")
    started: list[BaseProcess] = []

    def end(number: int, frame: FrameType | None) -> None:
        ending.set()
        for one in started:
            if one.pid is not None and one.is_alive():
                os.kill(one.pid, number)

    def start() -> BaseProcess:
        one = context.Process(target=worker.run, args=(opened,))
        one.start()
        return one

    started += [start() for _ in range(place.workers)]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while any(one.is_alive() for one in started):
        multiprocessing.connection.wait([one.sentinel for one in started if one.is_alive()])
        for at, one in enumerate(started):
            if not one.is_alive() and not ending.is_set():
                logger.error(
                    "worker %s ended with %s; another takes its place", one.pid, one.exitcode
                )
                ended(place.home / "metrics", one.pid or 0)
                started[at] = start()


def pseudonym_key(home: Path) -> bytes:
    """Return the key of the pseudonyms, made once; all workers and replicas need the same."""
    path = home / PSEUDONYMS
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        made = path.with_suffix(f".{os.getpid()}")
        made.touch(mode=0o600)
        made.write_bytes(secrets.token_bytes(32))
        try:
            os.link(made, path)
        finally:
            made.unlink()
    return path.read_bytes()


class _Worker:
    """One process of a gateway."""

    def __init__(self, config: GatewayParams, place: Place) -> None:
        self._config, self._place = config, place

    def run(self, opened: socket.socket) -> None:
        """Serve on an open socket."""
        metrics = Metrics(self._place.home / "metrics" if self._place.workers > 1 else None)
        config, place = self._config, self._place
        door = Door(
            routes=Routes(config.lease),
            segments=Segments(place.segments, config.durability, config.disk_limit, metrics.drop),
            keys=Keys(config.client_keys),
            pseudonyms=pseudonym_key(place.home),
            metrics=metrics,
            user_header=config.user_header,
            conversation_header=config.conversation_header,
            timeouts=config.times,
            limits=Limits(config.body_limit),
            include_usage=config.include_usage,
        )
        with contextlib.suppress(Transient):  # else it is not ready until the ledger can be seen
            look(door.routes, place.database, config, None)
        settings = uvicorn.Config(
            Gateway(door, [lambda: watch(door.routes, place.database, config)]),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
        )
        _Server(settings, door, place.drain).run([opened])


class _Server(uvicorn.Server):
    """Ends in two steps."""

    def __init__(self, config: uvicorn.Config, door: Door, drain: float) -> None:
        super().__init__(config)
        self._door, self._drain = door, drain

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals; a second one ends at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Be no longer ready; after a while, take no more connections."""
        if self._door.ending.is_set() or sig == signal.SIGINT:
            self.should_exit = True
            return
        self._door.ending.set()
        asyncio.get_running_loop().call_later(self._drain, self._stop)

    def _stop(self) -> None:
        self.should_exit = True
