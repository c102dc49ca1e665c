"""Asking an upstream: four timeouts, and every way it can go wrong by name."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tunesmith.gateway.asgi import SLOWEST, Headers, Send
from tunesmith.gateway.connections import (
    Address,
    Connection,
    Cut,
    Place,
    Pool,
    Refused,
    connect,
    place_of,
)
from tunesmith.gateway.routes import Target
from tunesmith.rollout.endings import Ending

STEPPED_OVER = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te",
        b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"expect", b"host",
        b"authorization", b"accept-encoding", b"cookie", b"set-cookie", b"x-api-key",
        b"date", b"content-encoding",
        b"x-tunesmith-interaction", b"x-tunesmith-assigned", b"x-tunesmith-served",
    }
)  # fmt: skip
"""Headers that belong to one connection or one client, and are not handed on; date is told anew, as
is by a gateway before another who answered."""


@dataclass(frozen=True)
class Timeouts:
    """How long an upstream may take, in seconds.

    Attributes:
        connect: To take the connection.
        first_token: To the first content of a stream.
        idle: Between two pieces of it.
        total: For all of it; a plain answer has no other limit.
    """

    connect: float = 5.0
    first_token: float = 60.0
    idle: float = 30.0
    total: float = 600.0


LARGEST = 64 << 20
"""Bytes of a whole answer; an upstream that sends more must not fill a gateway's memory."""
_KEPT = 4.0
"""Seconds that an idle connection is kept; servers close theirs after 5 (uvicorn, and so vLLM), and
a request that crosses with the end would be lost."""
_END_WITHIN = 1.0
"""Seconds for which the end of a stream is waited for that has said its last."""
_LOOK_EVERY = 0.05
"""Seconds between two looks for what is late."""


class Stuck(Exception):
    """The client takes nothing of its answer any more."""


class Failed(Exception):
    """An upstream did not answer as it should.

    Attributes:
        ending: How.
        status: What a client is told, if it has not been told another.
        message: Why, without anything secret.
    """

    def __init__(self, ending: Ending, status: int, message: str) -> None:
        super().__init__(message)
        self.ending: Ending = ending
        self.status, self.message = status, message


class Upstreams:
    """The connections to all upstreams of a worker."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts, self.pool = timeouts, Pool(_KEPT)
        self._under_way: set[Asking] = set()
        self._looking: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.pool.close()

    def ask(
        self, target: Target, path: str, headers: Headers, body: bytes, streamed: bool
    ) -> "Asking":
        """Return a request that is sent as its block begins."""
        place = place_of(target.base_url + path)
        head = _head(place, target.key, headers, len(body))
        return Asking(self, place.address, head, body, streamed)

    def begin(self, asking: "Asking") -> None:
        """Look after a request's time from now on."""
        self._under_way.add(asking)
        if self._looking is None:
            self._look()

    def end(self, asking: "Asking") -> None:
        """Look after it no more."""
        self._under_way.discard(asking)

    def _look(self) -> None:
        """Stop those that are late; a timer for each would cost more than all else of its time."""
        now = time.monotonic()
        for asking in [one for one in self._under_way if one.deadline < now]:
            asking.stop()
        self._looking = None
        if self._under_way:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_EVERY, self._look)


class Asking:
    """A request to an upstream and its answer, as long as the block lasts.

    Leaving the block before the answer's end cancels it over there. On entering it and within:

    Raises:
        Failed: the connection is refused, cut, or a time ran out.
        Stuck: the client took nothing for a minute.

    Attributes:
        status: HTTP status.
        headers: Those to hand on, lower case.
        streams: Whether the body is a stream of events.
        begun: Whether content has come.
        deadline: When it is stopped, on the loop's clock.
        piece: Returns what came of the body since the last time; empty at its end.
    """

    status: int
    headers: Headers
    streams: bool
    piece: Callable[[], Awaitable[bytes]]

    def __init__(
        self, upstreams: Upstreams, address: Address, head: bytes, body: bytes, streamed: bool
    ) -> None:
        self._upstreams, self._address = upstreams, address
        self._head, self._body = head, body
        self._connection: Connection | None = None
        times, self._asked = upstreams.timeouts, time.monotonic()
        first = min(times.first_token, times.total) if streamed else times.total
        self.deadline = self._asked + first
        self._late, self._handing_on, self.begun = False, False, False

    async def __aenter__(self) -> "Asking":
        self._task = asyncio.current_task()
        self._upstreams.begin(self)
        try:
            self._connection = self._upstreams.pool.kept(self._address) or await self._connect()
            await self._connection.ask(self._head, self._body)
            self._read_head(self._connection)
        except BaseException as error:
            self._end(error)
            raise
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._end(error)

    async def whole(self) -> bytes:
        """Return the body.

        Raises:
            Failed: it is larger than an answer can be.
        """
        parts, left = [], LARGEST
        while piece := await self.piece():
            parts.append(piece)
            left -= len(piece)
            if left < 0:
                told = f"the answer is larger than {LARGEST >> 20} MiB"
                raise Failed("upstream_error", 502, told)
        self.is_over()
        return b"".join(parts)

    def has_begun(self) -> None:
        """Note that content came: from now on it is the pause between pieces that counts."""
        times, self.begun = self._upstreams.timeouts, True
        self.deadline = min(time.monotonic() + times.idle, self._asked + times.total)

    def is_over(self) -> None:
        """Note that the answer has come: what is still to do takes no time of the upstream's."""
        self.deadline = math.inf

    async def hand_on(self, send: Send, message: dict[str, Any]) -> None:
        """Send to the client; how long it takes to read is not the upstream's time."""
        began, before = time.monotonic(), self.deadline
        self._handing_on, self.deadline = True, began + SLOWEST
        await send(message)
        passed, self._handing_on = time.monotonic() - began, False
        self._asked += passed
        self.deadline = before + passed

    async def rest(self) -> None:
        """Wait a little for the end after the last event, so that the connection can be kept."""
        with contextlib.suppress(Cut, TimeoutError):
            async with asyncio.timeout(_END_WITHIN):
                while await self.piece():
                    pass

    def stop(self) -> None:
        """End it: it is late."""
        if self._task is not None and not self._late:
            self._late = self._task.cancel()

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(self._upstreams.timeouts.connect):
                return await connect(self._address)
        except TimeoutError:
            told = "the model's server took no connection in time"
            raise Failed("refused", 504, told) from None

    def _read_head(self, connection: Connection) -> None:
        self.status, self.piece = connection.status, connection.piece
        self.headers = [header for header in connection.headers if header[0] not in STEPPED_OVER]
        told = dict(connection.headers)
        coding = told.get(b"transfer-encoding", b"chunked").lower()
        packed = told.get(b"content-encoding", b"identity").lower() != b"identity"
        if packed or coding != b"chunked":
            raise Failed("upstream_error", 502, "the model's server packs its answers, unasked")
        self.streams = told.get(b"content-type", b"").lower().startswith(b"text/event-stream")

    def _end(self, error: BaseException | None) -> None:
        """Give the connection back, and say by name what went wrong."""
        self._upstreams.end(self)
        if self._connection is not None:
            self._upstreams.pool.give(self._address, self._connection)
        if isinstance(error, Refused):
            raise Failed("refused", 502, "the model's server does not answer") from None
        if isinstance(error, Cut):
            raise Failed("cut", 502, "the model's server hung up") from None
        # Whoever else cancels, such as a client that goes away, comes first.
        if self._late and self._task is not None and self._task.uncancel() == 0:
            raise (Stuck() if self._handing_on else self._too_late()) from None

    def _too_late(self) -> Failed:
        times = self._upstreams.timeouts
        if time.monotonic() - self._asked >= times.total:
            return Failed("too_long", 504, f"the answer took over {times.total:g} s")
        if not self.begun:
            return Failed(
                "no_first_token", 504, f"no first token came within {times.first_token:g} s"
            )
        return Failed("stalled", 504, f"nothing more came for {times.idle:g} s")


def _head(place: Place, key: str, headers: Headers, length: int) -> bytes:
    """Return the lines of a request before its body."""
    lines = [
        place.opening,
        b"Content-Type: application/json\r\nAccept-Encoding: identity\r\nContent-Length: ",
        str(length).encode(),
    ]
    if key:
        lines += (b"\r\nAuthorization: Bearer ", key.encode())
    for name, value in headers:
        lines += (b"\r\n", name, b": ", value)
    lines.append(b"\r\n\r\n")
    return b"".join(lines)
