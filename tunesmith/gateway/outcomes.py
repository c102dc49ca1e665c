"""Records for others than the database: each one, soon after it is durable, without its text.

They go to a callable that a package offers (entry points of the group `tunesmith.outcomes`, called
with a list of dictionaries), or to a URL: JSON lines by POST, signed. Whoever gets them can neither
slow a user down nor fail one: a thread of its own delivers what waits in a queue with an end. What
finds the queue full, or cannot be delivered at the first attempt, is counted and gone; the truth is
in the database.

A receiver checks the signature so:

    x-tunesmith-signature = hex(HMAC-SHA256(secret, x-tunesmith-timestamp + "." + body))

and refuses timestamps (seconds since 1970) that are older than it likes.
"""

import hashlib
import hmac
import http.client
import importlib.metadata
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tunesmith.errors import RecipeError
from tunesmith.gateway.interactions import Interaction

logger = logging.getLogger(__name__)

GROUP = "tunesmith.outcomes"
WAITING = 10_000
"""Records that may wait; more are dropped and counted."""
_AT_ONCE = 500
_TIMEOUT = 10.0
"""Seconds of a call to a URL."""
_TEXTS = ("request", "answer")

Deliver = Callable[[list[dict[str, Any]]], object]


class Outcomes:
    """The queue of one worker, and the thread that empties it.

    Args:
        deliver: Takes records; whatever it raises is counted.
        on_drop: Is told how many records were not delivered.
    """

    def __init__(self, deliver: Deliver, on_drop: Callable[[int], None]) -> None:
        self._deliver, self._on_drop = deliver, on_drop
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(WAITING)
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="outcomes", daemon=True)
        self._thread.start()

    def put(self, record: Interaction) -> None:
        """Hand a record over; never waits."""
        shown = msgspec.structs.asdict(record)
        for name in _TEXTS:
            del shown[name]
        try:
            self._queue.put_nowait(shown)
        except queue.Full:
            self._on_drop(1)

    def close(self, seconds: float) -> None:
        """Deliver what waits, for so long at most."""
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._queue.get()]
            while len(batch) < _AT_ONCE and not self._queue.empty():
                batch.append(self._queue.get())
            ended = batch[-1] is None
            records = [record for record in batch if record is not None]
            if records:
                self._send(records)

    def _send(self, records: list[dict[str, Any]]) -> None:
        try:
            self._deliver(records)
        except Exception as error:  # noqa: BLE001  # whatever a foreign callable may raise
            self._on_drop(len(records))
            if not self._failing:
                # Its kind alone: a message may quote what it was given.
                logger.warning("outcomes cannot be delivered: %s", type(error).__name__)
            self._failing = True
            return
        if self._failing:
            logger.warning("outcomes are delivered again")
        self._failing = False


def entry_point(name: str) -> Deliver:
    """Return the callable that a package offers.

    Raises:
        RecipeError: no installed package does.
    """
    offered = importlib.metadata.entry_points(group=GROUP)
    for found in offered.select(name=name):
        loaded: Deliver = found.load()
        return loaded
    known = ", ".join(sorted(offered.names)) or "none is installed"
    raise RecipeError(
        f"outcomes.entry_point: no {name!r} in the group {GROUP}; expected one of: {known}"
    )


def webhook(url: str, secret: str) -> Deliver:
    """Return what posts records to a URL, signed with a secret; a redirect is a failure."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    encode = msgspec.json.Encoder().encode

    def deliver(records: list[dict[str, Any]]) -> None:
        body = b"\n".join(map(encode, records)) + b"\n"
        stamp = str(int(time.time()))
        signed = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/jsonl",
            "X-Tunesmith-Timestamp": stamp,
            "X-Tunesmith-Signature": signed.hexdigest(),
        }
        connection = kind(parts.netloc, timeout=_TIMEOUT)
        try:
            connection.request("POST", path, body, headers)
            if connection.getresponse().status >= 300:
                raise ConnectionError
        finally:
            connection.close()

    return deliver
