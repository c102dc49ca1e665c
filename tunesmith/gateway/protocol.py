"""HTTP/1.1 as uvicorn reads it, with an end to what a client may send before its body.

The application counts headers when they are all there. Whoever sends them without end, or one that
does not end, is stopped here; so is a connection whose headers never come to their end, or that
has its answer and goes on with the request for ever. Who asks for another protocol beside is
answered in this one, as RFC 9110, 7.8 allows: Java's client asks for HTTP/2 with every request.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tunesmith.gateway.asgi import CONNECTION, error_body

LARGEST = 128 << 10
"""Bytes of all headers, or of one, beyond which a connection is ended."""
SLOWEST = 30.0
"""Seconds to the end of the headers, and of a body after its answer."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    _unread = 0
    """Bytes since the parser last came to the end of something."""
    _clock: asyncio.TimerHandle | None = None
    _reading = False
    """Whether a request has begun and not ended."""
    _heading = False
    """Whether its headers have not."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._gone: set[Callable[[], None]] = set()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer, and let nobody work for a client that has gone."""
        super().connection_lost(exc)
        self._came()
        for tell in tuple(self._gone):
            tell()

    def data_received(self, data: bytes) -> None:
        """Read on, unless what goes on is too long."""
        self._unread += len(data)
        self._unset_keepalive_if_required()
        try:
            self._read(data)
        except httptools.HttpParserError:
            told = "Invalid HTTP request received."
            self.logger.warning(told)
            self.send_400_response(told)
        if self._unread > LARGEST and not self.transport.is_closing():
            self._refuse()
        # Mostly a request has come whole and its answer is under way: nobody has to wait.
        if self._clock is None and (
            self._heading or (not self._reading and self.cycle.response_complete)
        ):
            self._wait()

    def _read(self, data: bytes) -> None:
        left: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(left)
                return
            except httptools.HttpParserUpgrade as asked:
                left = memoryview(left)[asked.args[0] :]
                self._begin_again()

    def _begin_again(self) -> None:
        """Read headers anew without the wish for another protocol.

        With it the parser takes what follows for that protocol's; without, for the body it is.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":  # is a wish by itself, and what follows has no frame
            raise httptools.HttpParserError("there is no tunnel")
        head = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        head += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(b"\r\n".join([*head, b"", b""]))

    def on_message_begin(self) -> None:
        """Begin the headers."""
        super().on_message_begin()
        self.scope["extensions"] = {
            CONNECTION: {"tell": self._gone, "hang_up": self.transport.abort}
        }
        self._reading = self._heading = True

    def on_headers_complete(self) -> None:
        """Begin the request, or read on where it begins again."""
        if self.parser.should_upgrade():
            return
        self._heading = False
        self._came()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        if self._heading:  # begins again
            return
        self._reading = False
        self.scope["extensions"][CONNECTION]["whole"] = True
        self._came()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """End the answer; what is left of the request is of no use any more."""
        super().on_response_complete()
        if self._reading:
            self._wait()

    def _wait(self) -> None:
        if self._clock is None and not self.transport.is_closing():
            self._clock = self.loop.call_later(SLOWEST, self.transport.close)

    def _came(self) -> None:
        self._unread = 0
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _refuse(self) -> None:
        body = error_body(
            f"the headers are longer than {LARGEST:,} bytes",
            "invalid_request_error",
            "headers_too_large",
        )
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        self.transport.close()
