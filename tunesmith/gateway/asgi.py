"""Requests and replies over ASGI: headers, bodies with a limit, errors in the wire format."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from itertools import chain
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = list[tuple[bytes, bytes]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CONNECTION = "tunesmith.connection"
"""The extension of a request's scope: `tell` is a set of what is called when the client has gone,
`hang_up` ends the connection, and `whole` is there once all of the body has come."""
JSON = b"application/json"
SLOWEST = 60.0
"""Seconds that a client may take to send its body, or to read a part of its answer."""

_encode = msgspec.json.Encoder().encode


class Refused(Exception):
    """A request that is answered here."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers

    @property
    def body(self) -> bytes:
        """What the client is told."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return error_body(self.message, kind, self.code)


def error_body(message: str, kind: str, code: str | None = None) -> bytes:
    """Return an error in the wire format."""
    return _encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def headers_of(scope: Scope, limit: int) -> dict[bytes, bytes]:
    """Return the headers, names in lower case.

    Raises:
        Refused: they are longer than the limit.
    """
    headers: Headers = scope["headers"]
    if sum(map(len, chain.from_iterable(headers))) > limit:
        raise Refused(431, f"the headers are longer than {limit:,} bytes", "headers_too_large")
    return dict(headers)


async def body_of(
    scope: Scope, receive: Receive, headers: Mapping[bytes, bytes], limit: int
) -> bytes:
    """Return the body.

    Raises:
        Refused: it is longer than the limit, takes too long, or its client has gone.
    """
    declared = headers.get(b"content-length", b"")
    if len(declared) > len(str(limit)) or (declared.isdigit() and int(declared) > limit):
        raise _too_large(limit)
    if "whole" in scope["extensions"][CONNECTION]:  # as mostly
        return await _whole(receive, limit)
    try:
        async with asyncio.timeout(SLOWEST):
            return await _whole(receive, limit)
    except TimeoutError:
        told = f"the body did not come within {SLOWEST:g} s"
        raise Refused(408, told, "body_too_slow", ((b"connection", b"close"),)) from None


async def _whole(receive: Receive, limit: int) -> bytes:
    parts, left = [], limit
    while True:
        message = await receive()
        parts.append(_part(message, left, limit))
        left -= len(parts[-1])
        if not message.get("more_body"):
            return b"".join(parts)


def _part(message: MutableMapping[str, Any], left: int, limit: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Refused(499, "the client has gone", "client_gone")
    part: bytes = message.get("body", b"")
    if len(part) > left:
        raise _too_large(limit)
    return part


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit:,} bytes", "body_too_large")


async def reply(
    send: Send,
    status: int,
    body: bytes,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    kind: bytes = JSON,
) -> None:
    """Send a whole reply."""
    own = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})
