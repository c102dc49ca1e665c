"""HTTP/1.1 connections to upstreams: one request at a time on each, kept for the next.

Most of what a gateway in Python costs is its HTTP client. This one does what a gateway asks for and
no more: it posts a body and reads the answer as it comes, whole or in pieces, over httptools, the
parser of the server's side. RFC 9112 has the rules on where an answer ends (6.3) and on when a
connection may be used again (9.3).
"""

import asyncio
import contextlib
import functools
import select
import ssl
import time
from collections import deque
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import httptools

_AHEAD = 256 << 10
"""Bytes of an answer that are read before anybody takes them."""
_LONGEST = 256 << 10
"""Bytes of a status line, headers, trailers or the like, all together."""


class Cut(ConnectionError):
    """An upstream hung up before the end of its answer, or what it said was no HTTP."""


class Refused(ConnectionError):
    """An upstream takes no connection."""


class Address(NamedTuple):
    """Where an upstream listens.

    Attributes:
        host: Name or address.
        port: Its port.
        tls: Whether the connection is encrypted.
    """

    host: str
    port: int
    tls: bool


class Place(NamedTuple):
    """What an URL stands for.

    Attributes:
        address: Where to connect.
        opening: The first lines of a request to it.
    """

    address: Address
    opening: bytes


@functools.lru_cache(maxsize=1024)
def place_of(url: str) -> Place:
    """Return where a request to an URL goes and how it begins."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    host = parts.hostname or ""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    path = f"{path}?{parts.query}" if parts.query else path
    name = host
    if not host.isascii():
        with contextlib.suppress(UnicodeError):  # no name of any host: nobody will be there
            name = host.encode("idna").decode()
    shown = f"[{name}]" if ":" in name else name
    if parts.port is not None:
        shown = f"{shown}:{parts.port}"
    opening = f"POST {path} HTTP/1.1\r\nHost: {shown}\r\n".encode()
    return Place(Address(name, parts.port or (443 if tls else 80), tls), opening)


class Connection(asyncio.Protocol):
    """One connection.

    Attributes:
        status: Of the answer.
        headers: Of the answer, names in lower case.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._ahead, self._head, self._paused = 0, 0, False
        self._expected = self._begun = self._ended = self._kept = False
        self._fault: Cut | None = None
        self._waiter: asyncio.Future[None] | None = None

    # What is asked of it

    async def ask(self, head: bytes, body: bytes) -> None:
        """Send a request, and wait for the headers of its answer.

        Raises:
            Cut: there is none.
        """
        if self._fault is not None:
            raise self._fault  # it was lost before it was used
        self._expected, self._begun, self._ended, self._kept = True, False, False, False
        self._head = 0
        self._transport.writelines((head, body))
        while not self._begun:
            await self._more()

    async def piece(self) -> bytes:
        """Return what has come of the body since the last time; empty at its end.

        Raises:
            Cut: the connection has ended before the answer did.
        """
        while not self._pieces:
            if self._ended:
                return b""
            await self._more()
        pieces, self._pieces, self._ahead = self._pieces, [], 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @property
    def reusable(self) -> bool:
        """Whether request and answer are over to their ends, and another request may follow."""
        return (
            self._kept
            and not self._pieces
            and not self._transport.is_closing()
            and not self._transport.get_write_buffer_size()
        )

    @property
    def silent(self) -> bool:
        """Whether nothing has come that the loop has yet to read: an end, or what nobody asked."""
        return not self._arrivals.poll(0)

    def close(self) -> None:
        """Hang up; nothing more is read or sent."""
        self._transport.abort()

    async def _more(self) -> None:
        """Wait until something has come."""
        if self._fault is not None:
            raise self._fault
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, why: str) -> None:
        self._fault = self._fault or Cut(why)
        self._kept = False
        self._transport.abort()

    # What the loop says

    def connection_made(self, transport: Any) -> None:
        """Take the transport."""
        self._transport = transport
        self._arrivals = select.poll()
        self._arrivals.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._head += len(data)
        if not self._expected:
            self._fail("it speaks without being asked")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"what came is no HTTP: {error}")
        if self._head > _LONGEST:
            self._fail("its headers do not end")
        if self._ahead > _AHEAD and not self._ended:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Hang up, too, sent or not; an answer that does not say how long it is ends so."""
        if self._begun and not self._tells_its_length():
            self._ended = True
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._fault = self._fault or Cut("the connection ended before the answer did")
        self._kept = False
        self._wake()

    def _tells_its_length(self) -> bool:
        said = dict(self.headers)
        return (
            b"content-length" in said or b"chunked" in said.get(b"transfer-encoding", b"").lower()
        )

    # What the parser says

    def on_message_begin(self) -> None:
        """Begin an answer, or what comes before it."""
        if self._expected:
            self.headers = []
        else:
            self._kept = False  # a second one

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those that come after a body are of no use."""
        if self._expected and not self._begun:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin the body; 100 to 199 is no answer yet."""
        status = self._parser.get_status_code()
        if self._expected and status >= 200:
            self.status, self._begun = status, True

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._head = 0
        if not self._begun:
            raise Cut("a body came before the answer")  # the parser stops, and says no HTTP
        elif self._expected:
            self._pieces.append(body)
            self._ahead += len(body)

    def on_message_complete(self) -> None:
        """End the answer, if it was one."""
        if self._expected and self._begun:
            self._expected, self._ended = False, True
            self._kept = self._parser.should_keep_alive()


async def connect(address: Address) -> Connection:
    """Return a new connection.

    Raises:
        Refused: nobody listens there, it cannot be anywhere, or its certificate is not to be
            trusted.
    """
    trusting = _trusting() if address.tls else None
    try:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, address.host, address.port, ssl=trusting
        )
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a name
        raise Refused(str(error)) from error
    return connection


@functools.cache
def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context()


class Pool:
    """The connections of a worker that nobody uses, by address.

    Args:
        keep: Seconds that one is kept.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._idle: dict[Address, deque[tuple[float, Connection]]] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def kept(self, address: Address) -> Connection | None:
        """Return the connection that was used last; None if there is none."""
        idle = self._idle.get(address)
        while idle:
            since, connection = idle.pop()
            if connection.reusable and connection.silent and time.monotonic() - since < self._keep:
                return connection
            connection.close()
        return None

    def give(self, address: Address, connection: Connection) -> None:
        """Take a connection: kept if its answer has been read to the end, closed if not."""
        if not connection.reusable:
            connection.close()
            return
        self._idle.setdefault(address, deque()).append((time.monotonic(), connection))
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self._keep, self._sweep)

    def close(self) -> None:
        """Close them all."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for idle in self._idle.values():
            for _, connection in idle:
                connection.close()
        self._idle.clear()

    def _sweep(self) -> None:
        """Close those that were kept long enough."""
        oldest = time.monotonic() - self._keep
        for idle in self._idle.values():
            while idle and idle[0][0] <= oldest:
                idle.popleft()[1].close()
        self._sweeping = None
        if any(self._idle.values()):
            self._sweeping = asyncio.get_running_loop().call_later(self._keep, self._sweep)
