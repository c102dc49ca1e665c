"""The process beside the workers: moves what they record into the database, and forgets old texts.

It is a process of its own so that no request waits for it. It ends with the gateway, after a last
import. A tick of a rollout imports, too, where it sees the same folder; both may do so at once.
"""

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from tunesmith.errors import Transient
from tunesmith.gateway.importing import import_all
from tunesmith.gateway.retention import forget_texts

logger = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two imports."""
_FORGET_EVERY = 600.0
_DAY = 86_400.0
_AGAIN = 5.0
"""Seconds after which another takes the place of one that has died."""
_LAST = 20.0
"""Seconds that a last import may take."""


def run(folder: Path, database: str, keep_days: float) -> None:
    """Import until the process that started this one has ended, or says so."""
    ending = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ending.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells everybody; the gateway asks
    parent = multiprocessing.parent_process()
    forgot, away, last = float("-inf"), False, False
    while not last:
        last = ending.is_set() or parent is None or not parent.is_alive()
        try:
            import_all(folder, database)
            if time.monotonic() - forgot > _FORGET_EVERY:
                forget_texts(database, int((time.time() - keep_days * _DAY) * 1000))
                forgot = time.monotonic()
            if away:
                logger.warning("the database can be reached again; what had waited is imported")
            away = False
        except Transient as error:
            if not away:
                logger.warning("interactions wait on the disk for the database: %s", error)
            away = True
        if not last and parent is not None:
            ending.wait(EVERY)


@contextlib.contextmanager
def importing(folder: Path, database: str, keep_days: float) -> Iterator[None]:
    """Keep an importer running for the length of the block."""
    context = multiprocessing.get_context("spawn")
    ending = threading.Event()

    def begin() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=run, args=(folder, database, keep_days), name="importer")
        process.start()
        return process

    running = [begin()]

    def watch() -> None:
        while not ending.is_set():
            multiprocessing.connection.wait([running[0].sentinel], EVERY)
            if not running[0].is_alive() and not ending.wait(_AGAIN):
                logger.error("the importer ended with %s; another takes its place",
                             running[0].exitcode)  # fmt: skip
                running[0] = begin()

    watcher = threading.Thread(target=watch, name="importer", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ending.set()
        watcher.join()
        running[0].terminate()
        running[0].join(_LAST)
        if running[0].is_alive():
            running[0].kill()
