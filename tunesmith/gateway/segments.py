"""Append-only files of interactions: what was acknowledged is on disk before it is acknowledged.

A line is written with one call before the last byte of its answer goes out, so that a process that
is killed loses nothing that a client has seen the end of. With `disk`, the write is also forced to
the disk first, once for all requests that wait for it; without, every second.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

logger = logging.getLogger(__name__)

Durability = Literal["process", "disk"]

FOLDER = "interactions"
"""Where they lie in the home folder of a gateway."""
SUFFIX = ".jsonl"
LARGEST = 64 << 20
"""Bytes after which another segment is begun."""
OLDEST = 300.0
"""Seconds after which another is begun, so that what is imported can be removed."""
SYNC_EVERY = 1.0


class Segments:
    """The segments of one worker.

    Args:
        folder: Where they lie, beside those of other workers.
        durability: What an append waits for.
        limit: Bytes of all segments in the folder beyond which lines are dropped and counted.
        on_drop: Is told of each line that was dropped, or is less durable than was asked for.
    """

    def __init__(
        self,
        folder: Path,
        durability: Durability = "process",
        limit: int = 10 << 30,
        on_drop: Callable[[], None] = lambda: None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._durability, self._limit = folder, durability, limit
        self._on_drop = on_drop
        # What is open cannot be removed: at most a quarter of the room.
        self._largest = min(LARGEST, limit // 4)
        self._number, self._others, self._torn = 0, 0, False
        self._dirty: set[int] = set()
        self._retired: set[int] = set()
        self._waiting: list[asyncio.Future[None]] = []
        self._committing: asyncio.Task[None] | None = None
        self._begin()

    async def append(self, line: bytes) -> bool:
        """Write one line, without its end; when this returns, it is as durable as was asked for.

        Returns:
            False where the line was dropped.
        """
        if self._others + self._size + len(line) > self._limit:
            self._on_drop()
            return False
        # What is not whole is skipped by whoever reads; it must end all the same.
        data = b"\n" + line + b"\n" if self._torn else line + b"\n"
        try:
            written = os.write(self._file, data)
        except OSError:
            written = 0
        self._size += written
        if written < len(data):
            self._torn = self._torn or written > 0
            self._on_drop()
            return False
        self._torn = False
        self._dirty.add(self._file)
        if self._durability == "disk":
            await self._commit()
        return True

    async def tend(self) -> None:
        """Once a second: sync, begin another segment when it is time, look how full the disk is."""
        while True:
            await asyncio.sleep(SYNC_EVERY)
            age = time.monotonic() - self._begun
            if self._size > self._largest or (self._size and age > OLDEST):
                full = self._file
                try:
                    self._begin()
                except OSError as error:
                    logger.error("no further segment can be begun, this one goes on: %s", error)
                else:
                    self._retire(full)
            self._others = await asyncio.to_thread(self._used)
            if self._dirty:
                await self._commit()

    async def close(self) -> None:
        """Force everything to the disk and close."""
        self._retire(self._file)
        await self._commit()

    def _begin(self) -> None:
        self._number += 1
        path = self._folder / f"{time.time_ns():020d}-{os.getpid()}-{self._number}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        file = os.open(path, flags, 0o600)
        # Held as long as the file is open, whatever ends this process: nobody else may remove it.
        fcntl.flock(file, fcntl.LOCK_EX)
        self._path, self._file = path, file
        self._size, self._begun, self._torn = 0, time.monotonic(), False

    def _retire(self, file: int) -> None:
        """Leave a segment to the next commit, which closes it: another may be at work on it."""
        self._dirty.add(file)
        self._retired.add(file)

    def _used(self) -> int:
        used = 0
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path != self._path:
                with contextlib.suppress(FileNotFoundError):  # imported meanwhile
                    used += path.stat().st_size
        return used

    async def _commit(self) -> None:
        """Wait for a sync that begins after now; those who come meanwhile share the next."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        await waiter

    async def _commit_all(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            files = tuple(self._dirty)
            self._dirty.clear()
            failed = await asyncio.to_thread(_sync, files)
            for file in self._retired.intersection(files):
                self._retired.discard(file)
                os.close(file)
            for waiter in waiting:
                if failed:
                    self._on_drop()
                if not waiter.done():
                    waiter.set_result(None)
        self._committing = None


def _sync(files: tuple[int, ...]) -> bool:
    """Force files to the disk; returns whether one could not be."""
    failed = False
    for file in files:
        try:
            os.fdatasync(file)
        except OSError:
            failed = True
    return failed
