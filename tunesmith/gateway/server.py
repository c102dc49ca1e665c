"""Running a gateway: one process or several on one port, and an end that drops nobody.

On SIGTERM a worker is first no longer ready, so that whoever spreads the traffic stops sending;
after `drain` seconds it takes no more connections, and streams that run may end. SIGINT does not
wait for `drain`, and a second signal does not wait for streams.
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
_KEY = 32
"""Bytes of it."""
_AGAIN = 0.5
"""Seconds after which another takes the place of a worker that has died."""
_AT_ONCE = signal.SIGUSR1
"""What a worker is sent in place of a second signal: who ends a whole group of processes, such as a
terminal, has told the worker itself once before its parent does."""


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
        RecipeError: the address can be reached from elsewhere without a key or is taken, a secret
            is not set, or the key of the pseudonyms is none.
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
    with importing(place.segments, place.database, config.capture.keep_days):
        if place.workers == 1:
            _Worker(config, place).run(opened)
            return
        counters = several(place.home / "metrics")
        _supervise(_Worker(config, place, counters), opened, place, counters)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise RecipeError(
            f"--host {host} --port {port} cannot be listened on: {error.strerror}; give another, "
            "or end what listens there"
        ) from error


def _supervise(worker: "_Worker", opened: socket.socket, place: Place, counters: Path) -> None:
    """Keep as many workers as were asked for, until this process is told to end."""
    ending, starting = threading.Event(), threading.Lock()
    # Started anew: a copy of this process would share its connections to the database.
    context = multiprocessing.get_context("spawn")
    started: list[BaseProcess] = []

    def end(number: int, frame: FrameType | None) -> None:
        again = ending.is_set()
        ending.set()
        for one in started:
            if one.pid is not None and one.is_alive():
                os.kill(one.pid, _AT_ONCE if again else number)
        drain = 0.0 if again or number == signal.SIGINT else place.drain
        let_go = threading.Timer(drain, take_no_more)
        let_go.daemon = True
        let_go.start()

    def take_no_more() -> None:
        """Close the port here, too: else clients connect to nobody, and no other can have it."""
        with starting:
            opened.close()

    def start() -> None:
        with starting:
            if ending.is_set():
                return
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
            ended(counters, one.pid or 0)
            if not ending.wait(_AGAIN):
                start()


def pseudonym_key(home: Path) -> bytes:
    """Return the key of the pseudonyms, made once; all workers and replicas need the same.

    Raises:
        RecipeError: what lies there is none; it is never replaced.
    """
    path = home / PSEUDONYMS
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != _KEY:
        raise RecipeError(
            f"{path} has {len(key)} bytes; expected the {_KEY} of a key. Put a copy there, of a "
            "backup or of another gateway that had the same; only where there is none, remove the "
            "file: another key is made, and users of a rollout that runs are counted as new ones"
        )
    return key


def _make_key(path: Path) -> None:
    made = path.with_suffix(f".{secrets.token_hex(4)}")
    made.touch(mode=0o600)
    try:
        with made.open("wb") as file:
            file.write(secrets.token_bytes(_KEY))
            file.flush()
            os.fsync(file.fileno())  # a name without content would be a key that is none
        with contextlib.suppress(FileExistsError):  # another was first, and its key counts
            os.link(made, path)
    finally:
        made.unlink()


class _Worker:
    """One process of a gateway; `counters` is a folder where there are several."""

    def __init__(self, config: GatewayParams, place: Place, counters: Path | None = None) -> None:
        self._config, self._place, self._counters = config, place, counters
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
        metrics = Metrics(self._counters)
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
        handled = (signal.SIGTERM, signal.SIGINT, _AT_ONCE)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Be no longer ready; after a while, take no more connections."""
        alone = multiprocessing.parent_process() is None
        again = self._door.ending.is_set() and alone
        self._door.ending.set()
        loop = asyncio.get_running_loop()
        if again or sig == _AT_ONCE:
            loop.call_soon_threadsafe(self._cut)
        elif sig == signal.SIGINT:
            self._stop()
        else:
            loop.call_later(self._drain, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    def _cut(self) -> None:
        """Stop, and hang up on everybody; what became of their requests is written as ever."""
        self._stop()
        self._door.patience = 0.0
        for server in self.servers if self.started else ():
            server.close()  # nobody new comes in until uvicorn stops
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
