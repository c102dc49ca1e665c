"""The ASGI application: routes, keys, limits, and the exchange behind each request."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tunesmith.gateway.exchange import Exchange, error_body
from tunesmith.gateway.feedback import Line, read_feedback
from tunesmith.gateway.interactions import Interaction, new_id
from tunesmith.gateway.keys import ClientKey, Keys
from tunesmith.gateway.metrics import CONTENT_TYPE, Metrics
from tunesmith.gateway.reading import Body, Unreadable, flag_of, read_body, text_of
from tunesmith.gateway.routes import Routes
from tunesmith.gateway.segments import Segments
from tunesmith.gateway.upstream import STEPPED_OVER, Timeouts, Upstreams
from tunesmith.rollout.assignment import normal, pseudonym

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

COMPLETIONS = {
    "/v1/chat/completions": "/chat/completions",
    "/v1/completions": "/completions",
}
_FEEDBACK = 64 << 10
"""Bytes of feedback."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Limits:
    """What a request may be.

    Attributes:
        body: Bytes of a body.
        headers: Bytes of all headers.
    """

    body: int = 32 << 20
    headers: int = 32 << 10


@dataclass
class Door:
    """What the application has at hand.

    Attributes:
        routes: Who answers for what.
        segments: Where interactions go.
        keys: Who may come in.
        pseudonyms: Key of the hash that stands for users in records.
        metrics: Counters.
        user_header: Header with the user's id, lower case; beside the field `user`.
        conversation_header: Header with the conversation's id, where there is no user.
        timeouts: Of upstreams.
        limits: Of requests.
        include_usage: Whether streams are asked for token counts.
        ending: Set when the process is about to end: no longer ready, streams go on.
    """

    routes: Routes
    segments: Segments
    keys: Keys
    pseudonyms: bytes
    metrics: Metrics = field(default_factory=Metrics)
    user_header: str = "x-tunesmith-user"
    conversation_header: str = "x-tunesmith-conversation"
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)
    include_usage: bool = True
    ending: asyncio.Event = field(default_factory=asyncio.Event)


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


class Gateway:
    """The application.

    Args:
        door: What it has at hand.
        beside: What runs beside the requests, such as looking at the ledger.
    """

    def __init__(
        self, door: Door, beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    ) -> None:
        self._door, self._beside = door, beside
        self._upstreams: Upstreams | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live from start to end of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            await self._route(scope, receive, send)
        except Refused as refused:
            kind = "invalid_request_error" if refused.status < 500 else "server_error"
            body = error_body(refused.message, kind, refused.code)
            await _reply(send, refused.status, body, refused.headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._upstreams = Upstreams(self._door.timeouts)
        tasks = [asyncio.create_task(run()) for run in (self._door.segments.tend, *self._beside)]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._upstreams.close()
        await self._door.segments.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path == "/healthz":
            await _reply(send, 200, b'{"status":"ok"}')
            return
        if path == "/readyz":
            await self._ready(send)
            return
        if path == "/metrics":
            await _reply(send, 200, self._door.metrics.page(), kind=CONTENT_TYPE)
            return
        headers = _headers(scope, self._door.limits.headers)
        key = self._let_in(headers)
        if path == "/v1/models" and method == "GET":
            await _reply(send, 200, self._models())
            return
        if path == "/v1/feedback" and method == "POST":
            await self._hear(headers, receive, send)
            return
        onward = COMPLETIONS.get(path)
        if onward is None:
            raise Refused(404, f"there is nothing at {path[:100]}", "not_found")
        if method != "POST":
            raise Refused(405, f"expected POST, not {method[:10]}", "method_not_allowed",
                          ((b"allow", b"POST"),))  # fmt: skip
        await self._complete(onward, headers, key, receive, send)

    async def _ready(self, send: Send) -> None:
        door = self._door
        if door.ending.is_set():
            await _reply(send, 503, b'{"status":"ending"}')
        elif not door.routes.recipes:
            await _reply(send, 503, b'{"status":"no routes yet"}')
        else:
            await _reply(send, 200, b'{"status":"ready"}')

    def _let_in(self, headers: Mapping[str, str]) -> ClientKey | None:
        """Return whose request it is; None where the door stands open."""
        keys = self._door.keys
        if not keys:
            return None
        key = keys.find(headers.get("authorization", ""))
        if key is None:
            raise Refused(401, "the API key is missing or wrong", "invalid_api_key",
                          ((b"www-authenticate", b"Bearer"),))  # fmt: skip
        wait = keys.wait(key)
        if wait > 0:
            seconds = str(math.ceil(wait)).encode()
            raise Refused(429, "this key has made too many requests", "rate_limit_exceeded",
                          ((b"retry-after", seconds),))  # fmt: skip
        return key

    def _models(self) -> bytes:
        data = [
            {"id": recipe, "object": "model", "created": 0, "owned_by": "tunesmith"}
            for recipe in self._door.routes.recipes
        ]
        return _encode({"object": "list", "data": data})

    async def _hear(self, headers: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Keep what a client says of an answer."""
        raw = await _body(receive, headers, min(self._door.limits.body, _FEEDBACK))
        try:
            said = read_feedback(raw, new_id()[0])
        except Unreadable as error:
            raise Refused(400, str(error), "invalid_body") from None
        await self._door.segments.append(_encode(Line(said)))
        await _reply(send, 202, _encode({"id": said.id}))

    async def _complete(
        self,
        path: str,
        headers: Mapping[str, str],
        key: ClientKey | None,
        receive: Receive,
        send: Send,
    ) -> None:
        door = self._door
        raw = await _body(receive, headers, door.limits.body)
        try:
            body = read_body(raw)
            recipe = text_of(body, "model") or ""
            streamed = flag_of(body, "stream")
            unit = self._unit(body, headers)
        except Unreadable as error:
            raise Refused(400, str(error), "invalid_body") from None
        route = door.routes.of(recipe)
        if route is None:
            known = ", ".join(door.routes.recipes) or "none yet"
            raise Refused(404, f"no model {recipe[:100]!r}; expected {known}", "model_not_found")
        assigned = door.routes.assign(route, unit)
        identity, now = new_id()
        treated = assigned.variant == "treatment" and door.routes.fresh
        record = Interaction(
            id=identity,
            at=now,
            recipe=recipe,
            rollout=route.rollout,
            stage=route.stage,
            assigned=assigned.variant,
            served="treatment" if treated else "control",
            unit=pseudonym(door.pseudonyms, unit) if unit else "",
            key=key.id if key else "",
            streamed=streamed,
        )
        exchange = Exchange(
            record,
            route,
            self._connected(),
            self._keep,
            send,
            include_usage=door.include_usage and streamed and "stream_options" not in body,
            keep_text=False,
        )
        task = asyncio.current_task()
        gone = asyncio.ensure_future(_gone(receive))

        def stop(done: asyncio.Future[None]) -> None:
            # After the last byte a server says that the client has gone, too.
            if task is not None and not done.cancelled() and not exchange.ended:
                task.cancel()

        gone.add_done_callback(stop)
        try:
            await exchange.run(path, _onward(headers), body)
        except asyncio.CancelledError:
            if not gone.done():
                raise
        finally:
            gone.cancel()

    def _connected(self) -> Upstreams:
        if self._upstreams is None:
            raise RuntimeError("a request came before the application was started")
        return self._upstreams

    async def _keep(self, record: Interaction) -> None:
        await self._door.segments.append(_encode(record))
        self._door.metrics.add(record)

    def _unit(self, body: Body, headers: Mapping[str, str]) -> str | None:
        """Return who asks: the user, or else the conversation."""
        door = self._door
        for found in (
            text_of(body, "user"),
            headers.get(door.user_header),
            headers.get(door.conversation_header),
        ):
            if found and (unit := normal(found)):
                return unit
        return None


async def _gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(scope: Scope, limit: int) -> dict[str, str]:
    found, size = {}, 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        found[name.decode("latin-1")] = value.decode("latin-1")
    if size > limit:
        raise Refused(431, f"the headers are longer than {limit:,} bytes", "headers_too_large")
    return found


def _onward(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in STEPPED_OVER}


async def _body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    too_large = Refused(413, f"the body is larger than {limit:,} bytes", "body_too_large")
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(499, "the client has gone", "client_gone")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _reply(
    send: Send,
    status: int,
    body: bytes,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    kind: bytes = b"application/json",
) -> None:
    own = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})
