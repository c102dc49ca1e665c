"""Running a gateway: one process or several on one port, and an end that drops nobody.

On SIGTERM a worker is first no longer ready, so that whoever spreads the traffic stops sending;
after `drain` seconds it takes no more connections, and streams that run may end.
"""

import asyncio
import contextlib
import gc
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

from tunesmith.errors import RecipeError, Transient
from tunesmith.gateway.app import Gateway
from tunesmith.gateway.config import GatewayParams, check_address
from tunesmith.gateway.door import Door, Limits
from tunesmith.gateway.importer import importing
from tunesmith.gateway.keys import Keys
from tunesmith.gateway.metrics import Metrics, ended, several
from tunesmith.gateway.outcomes import Outcomes
from tunesmith.gateway.protocol import Protocol
from tunesmith.gateway.rates import Rates
from tunesmith.gateway.routes import Routes
from tunesmith.gateway.segments import FOLDER, Segments
from tunesmith.gateway.watching import look, watch

logger = logging.getLogger(__name__)

PSEUDONYMS = "pseudonyms.key"
_AGAIN = 0.5
"""Seconds after which another takes the place of a worker that has died."""


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
        RecipeError: the address can be reached from elsewhere without a key or is taken, or a
            secret is not set.
        Transient: the database cannot be reached at the start.
    """
    # What is wrong is told before anything is open.
    check_address(place.host, bool(config.keys))
    config.deliver()
    look(Routes(), place.database, config, None)
    pseudonym_key(place.home)
    opened = _listen(place.host, place.port)
    place.segments.mkdir(parents=True, exist_ok=True, mode=0o700)
    logger.info("listening on %s:%s", *opened.getsockname()[:2])
    worker = _Worker(config, place)
    with importing(place.segments, place.database, config.capture.keep_days):
        if place.workers == 1:
            worker.run(opened)
            return
        several(place.home / "metrics")
        _supervise(worker, opened, place)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise RecipeError(
            f"--host {host} --port {port} cannot be listened on: {error.strerror}; give another, "
            "or end what listens there"
        ) from error


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

    def start() -> None:
        one = context.Process(target=worker.run, args=(opened,))
        one.start()
        started.append(one)
        if ending.is_set():
            one.terminate()  # the signal may have come before it stood among those to tell

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while len(started) < place.workers and not ending.is_set():
        start()
    while started:
        over = multiprocessing.connection.wait([one.sentinel for one in started])
        for one in [one for one in started if one.sentinel in over]:
            one.join()  # its end is heard a moment before `is_alive` knows of it
            started.remove(one)
            if ending.is_set():
                continue
            logger.error("worker %s ended with %s; another takes its place", one.pid, one.exitcode)
            ended(place.home / "metrics", one.pid or 0)
            if not ending.wait(_AGAIN):
                start()


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
        # Shared by all workers, so that a rate is one however many there are.
        self._key_rates, self._shadow_rates = Rates(len(config.keys)), Rates(1)

    def run(self, opened: socket.socket) -> None:
        """Serve on an open socket."""
        _end_with_parent()
        config, place, door = self._config, self._place, self._door()
        with contextlib.suppress(Transient):  # else it is not ready until the ledger can be seen
            look(door.routes, place.database, config, None)
        settings = uvicorn.Config(
            Gateway(door, [lambda: watch(door.routes, place.database, config)]),
            http=Protocol,
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
        )
        # What is loaded stays; to look through it for garbage again and again costs a tenth.
        gc.collect()
        gc.freeze()
        _Server(settings, door, place.drain).run([opened])

    def _door(self) -> Door:
        config, place = self._config, self._place
        metrics = Metrics(place.home / "metrics" if place.workers > 1 else None)
        secret, deliver = pseudonym_key(place.home), config.deliver()
        return Door(
            routes=Routes(config.lease),
            segments=Segments(place.segments, config.durability, config.disk_limit, metrics.drop),
            keys=Keys(config.client_keys, self._key_rates),
            secret=secret,
            metrics=metrics,
            user_header=config.user_header,
            conversation_header=config.conversation_header,
            timeouts=config.times,
            limits=Limits(config.body_limit),
            include_usage=config.include_usage,
            capture=config.captures(secret),
            budget=config.budget,
            shadow_rates=self._shadow_rates,
            outcomes=Outcomes(deliver, metrics.drop_outcomes) if deliver else None,
        )


def _end_with_parent() -> None:
    """End when the process that keeps the workers has been killed: another may want the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


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
