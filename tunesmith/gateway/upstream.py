"""Asking an upstream: four timeouts, and every way it can go wrong by name."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp

from tunesmith.gateway.routes import Target
from tunesmith.rollout.endings import Ending

STEPPED_OVER = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length", "content-encoding", "expect", "host",
        "authorization", "accept-encoding", "cookie", "set-cookie", "x-api-key",
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


@dataclass
class Reply:
    """An upstream's answer, its body still to come.

    Attributes:
        status: HTTP status.
        headers: Those to hand on, lower case.
        streams: Whether the body is a stream of events.
        begun: Whether content has come.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    streams: bool
    _response: aiohttp.ClientResponse
    _clock: asyncio.Timeout
    _timeouts: Timeouts
    _asked: float
    begun: bool = False

    async def whole(self) -> bytes:
        """Return the body.

        Raises:
            Failed: it is larger than an answer can be.
        """
        parts, left = [], LARGEST
        async for piece in self._response.content.iter_any():
            parts.append(piece)
            left -= len(piece)
            if left < 0:
                told = f"the answer is larger than {LARGEST >> 20} MiB"
                raise Failed("upstream_error", 502, told)
        return b"".join(parts)

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the body as it comes."""
        return aiter(self._response.content.iter_any())

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
        self._timeouts = timeouts
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=_KEPT),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect),
            auto_decompress=True,
            skip_auto_headers=("User-Agent", "Accept"),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    @contextlib.asynccontextmanager
    async def ask(
        self, target: Target, path: str, headers: Mapping[str, str], body: bytes, streamed: bool
    ) -> AsyncIterator[Reply]:
        """Send a request; leaving the block before the end cancels it over there.

        Raises:
            Failed: the connection is refused, cut, or a time ran out, also within the block.
        """
        sent = {**headers, "Content-Type": "application/json", "Accept-Encoding": "identity"}
        if target.key:
            sent["Authorization"] = f"Bearer {target.key}"
        loop = asyncio.get_running_loop()
        began, reply = loop.time(), None
        times = self._timeouts
        clock = asyncio.timeout(min(times.first_token, times.total) if streamed else times.total)
        try:
            async with (
                clock,
                self._session.post(
                    target.base_url + path, data=body, headers=sent, allow_redirects=False
                ) as response,
            ):
                reply = Reply(
                    response.status,
                    _handed_on(response),
                    response.content_type == "text/event-stream",
                    response,
                    clock,
                    self._timeouts,
                    began,
                )
                yield reply
        except TimeoutError:
            raise self._too_late(clock, loop.time() - began, reply) from None
        except aiohttp.ClientConnectorError:
            raise Failed("refused", 502, "the model's server does not answer") from None
        except aiohttp.ClientError:
            raise Failed("cut", 502, "the model's server hung up") from None

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


def _handed_on(response: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in response.headers.items()
        if name.lower() not in STEPPED_OVER
    ]
