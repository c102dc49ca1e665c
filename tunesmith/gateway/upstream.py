"""Asking an upstream: four timeouts, and every way it can go wrong by name."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tunesmith.gateway.asgi import Headers
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
    }
)  # fmt: skip
"""Headers that belong to one connection or one client, and are not handed on."""


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


class Reply:
    """An upstream's answer, its body still to come.

    Attributes:
        status: HTTP status.
        headers: Those to hand on, lower case.
        streams: Whether the body is a stream of events.
        begun: Whether content has come.
        piece: Returns what came of the body since the last time; empty at its end.
    """

    def __init__(
        self, connection: Connection, clock: asyncio.Timeout, timeouts: Timeouts, asked: float
    ) -> None:
        self.status, self.begun, self.piece = connection.status, False, connection.piece
        self.headers = [header for header in connection.headers if header[0] not in STEPPED_OVER]
        self.streams = any(
            name == b"content-type" and value.lower().startswith(b"text/event-stream")
            for name, value in self.headers
        )
        self._clock, self._timeouts, self._asked = clock, timeouts, asked
        if any(header == b"content-encoding" for header, _ in self.headers):
            raise Failed("upstream_error", 502, "the model's server packs its answers, unasked")

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
        return b"".join(parts)

    def has_begun(self) -> None:
        """Note that content came: from now on it is the pause between pieces that counts."""
        first, self.begun = not self.begun, True
        times, step = self._timeouts, self._timeouts.idle / 20
        end = asyncio.get_running_loop().time() + times.idle + step
        end = min(end, self._asked + times.total)
        # Set anew once a step, not with every piece: that costs more than all else of a piece.
        if first or end - (self._clock.when() or 0.0) > step:
            self._clock.reschedule(end)


class Upstreams:
    """The connections to all upstreams of a worker."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts, self._pool = timeouts, Pool(_KEPT)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._pool.close()

    @contextlib.asynccontextmanager
    async def ask(
        self, target: Target, path: str, headers: Headers, body: bytes, streamed: bool
    ) -> AsyncIterator[Reply]:
        """Send a request; leaving the block before the end cancels it over there.

        Raises:
            Failed: the connection is refused, cut, or a time ran out, also within the block.
        """
        place = place_of(target.base_url + path)
        times, began = self._timeouts, asyncio.get_running_loop().time()
        clock = asyncio.timeout(min(times.first_token, times.total) if streamed else times.total)
        connection = reply = None
        try:
            async with clock:
                connection = self._pool.kept(place.address) or await self._connect(place.address)
                await connection.ask(_head(place, target.key, headers, len(body)), body)
                reply = Reply(connection, clock, times, began)
                yield reply
        except TimeoutError:
            passed = asyncio.get_running_loop().time() - began
            raise self._too_late(clock, passed, reply) from None
        except Refused:
            raise Failed("refused", 502, "the model's server does not answer") from None
        except Cut:
            raise Failed("cut", 502, "the model's server hung up") from None
        finally:
            if connection is not None:
                self._pool.give(place.address, connection)

    async def _connect(self, address: Address) -> Connection:
        async with asyncio.timeout(self._timeouts.connect):
            return await connect(address)

    def _too_late(self, clock: asyncio.Timeout, passed: float, reply: Reply | None) -> Failed:
        if not clock.expired():
            return Failed("refused", 504, "the model's server took no connection in time")
        if passed >= self._timeouts.total:
            return Failed("too_long", 504, f"the answer took over {self._timeouts.total:g} s")
        if reply is None or not reply.begun:
            limit = self._timeouts.first_token
            return Failed("no_first_token", 504, f"no first token came within {limit:g} s")
        limit = self._timeouts.idle
        return Failed("stalled", 504, f"nothing more came for {limit:g} s")


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
