"""Only one builder works on a key at a time; if it dies, another takes over.

A lease is the file `lease-<n>` beside the unfinished work, created only if absent; the highest
`n` holds. The holder beats by rewriting its file. A waiter takes over, by creating `n + 1`, once
the holder has been silent for `EXPIRY` as measured by the waiter's own clock (clocks of two
machines are never compared), or at once if the holder ran on this machine and its process is gone.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator

from tunesmith.errors import Transient, TunesmithError
from tunesmith.processes import alive, started
from tunesmith.store.files import Storage

EXPIRY = 60.0
"""Seconds of silence after which a holder counts as dead."""
BEAT = 10.0
"""Seconds between two beats."""
POLL = 0.2
"""Seconds between two looks of a waiter."""

logger = logging.getLogger(__name__)


class Lease:
    """A held lease; `check` raises if another builder has taken it over."""

    def __init__(self, storage: Storage, folder: str, number: int, token: str) -> None:
        self.folder = folder
        self._storage, self._number, self._token = storage, number, token

    def check(self) -> None:
        """Make sure that nobody has taken over.

        Raises:
            Transient: when this process was thought dead; the other builder's result will do.
        """
        if not self._held():
            raise Transient(f"{self.folder}: another builder took this work over; run again")

    def beat(self, count: int) -> bool:
        """Show that the holder lives; False, and nothing written, when the lease was lost."""
        if not self._held():
            return False
        self._storage.replace(self._path(self._number), _content(self._token, count))
        return True

    def give_back(self) -> None:
        """Remove the lease, and those of dead holders before it; not one that was lost."""
        if self._held():
            for number in range(1, self._number + 1):
                self._storage.delete(self._path(number))

    def _held(self) -> bool:
        if _newest(self._storage, self.folder) != self._number:
            return False
        try:
            # Numbers begin again once all leases are given back: the token tells whose it is.
            content = json.loads(self._storage.read(self._path(self._number)))
        except FileNotFoundError:
            return False
        return bool(content["token"] == self._token)

    def _path(self, number: int) -> str:
        return f"{self.folder}/lease-{number:06d}"


def _content(token: str, beat: int) -> bytes:
    me = {"host": socket.gethostname(), "pid": os.getpid(), "started": started(os.getpid())}
    return json.dumps({**me, "token": token, "beat": beat}).encode()


def _newest(storage: Storage, folder: str) -> int:
    numbers = [
        int(name.removeprefix("lease-"))
        for name in storage.sizes(folder)
        if name.startswith("lease-")
    ]
    return max(numbers, default=0)


def _lives(content: bytes) -> bool | None:
    """Whether the holder's process still exists; None if it runs, or ran, on another machine."""
    holder = json.loads(content)
    if holder.get("host") != socket.gethostname():
        return None
    return alive(holder["pid"], holder["started"])


def holder_lives(storage: Storage, folder: str) -> bool | None:
    """Whether somebody works in a folder: False if nobody does, None if it is not known here.

    What is known is that no lease is there, or that its holder's process on this machine runs, or
    is gone.
    """
    number = _newest(storage, folder)
    if not number:
        return False
    try:
        return _lives(storage.read(f"{folder}/lease-{number:06d}"))
    except FileNotFoundError:  # given back between the two looks, perhaps to be taken again
        return None


@contextlib.contextmanager
def held(storage: Storage, folder: str) -> Iterator[Lease]:
    """Wait for the lease of a work folder, hold it for the block, and give it back."""
    token = uuid.uuid4().hex
    with _kept(Lease(storage, folder, _acquire(storage, folder, token), token)) as lease:
        yield lease


@contextlib.contextmanager
def held_if_free(storage: Storage, folder: str) -> Iterator[bool]:
    """Hold the lease of a folder in which nobody works for the block; False where it is not so.

    Waits for nobody, and takes over from nobody but the dead of this machine.
    """
    token = uuid.uuid4().hex
    number = _newest(storage, folder) + 1
    if holder_lives(storage, folder) is not False or not storage.create(
        f"{folder}/lease-{number:06d}", _content(token, 0)
    ):
        yield False
        return
    with _kept(Lease(storage, folder, number, token)):
        yield True


@contextlib.contextmanager
def _kept(lease: Lease) -> Iterator[Lease]:
    """Beat for a lease during the block, and give it back."""
    stop = threading.Event()

    def beat() -> None:
        count = 0
        while not stop.wait(BEAT):
            count += 1
            try:
                if not lease.beat(count):
                    logger.warning("%s: another builder took this work over", lease.folder)
                    return
            except (TunesmithError, OSError) as error:  # EXPIRY leaves room for some lost beats
                logger.warning("a heartbeat was lost: %s", error)

    thread = threading.Thread(target=beat, name=f"lease {lease.folder}", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        stop.set()
        thread.join()
        lease.give_back()


def _acquire(storage: Storage, folder: str, token: str) -> int:
    seen: bytes | None = None
    silent_since = time.monotonic()
    while True:
        number = _newest(storage, folder)
        content: bytes | None = None
        if number:
            with contextlib.suppress(FileNotFoundError):  # given back between the two looks
                content = storage.read(f"{folder}/lease-{number:06d}")
        if content != seen:
            if seen is None and content is not None:
                logger.info("%s: another builder is at work; waiting for it", folder)
            seen, silent_since = content, time.monotonic()
        free = number == 0
        expired = content is not None and (
            _lives(content) is False or time.monotonic() - silent_since > EXPIRY
        )
        if (free or expired) and storage.create(
            f"{folder}/lease-{number + 1:06d}", _content(token, 0)
        ):
            return number + 1
        time.sleep(POLL)
