"""The ASGI application: routes, keys, limits, and the exchange behind each request."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from tunesmith.gateway import openapi
from tunesmith.gateway.asgi import (
    CONNECTION,
    JSON,
    Headers,
    Receive,
    Refused,
    Scope,
    Send,
    body_of,
    headers_of,
    reply,
)
from tunesmith.gateway.door import Door
from tunesmith.gateway.exchange import Exchange
from tunesmith.gateway.feedback import Line, read_feedback
from tunesmith.gateway.interactions import Interaction, new_id
from tunesmith.gateway.keys import ClientKey
from tunesmith.gateway.metrics import CONTENT_TYPE
from tunesmith.gateway.reading import Body, Unreadable, flag_of, read_body, text_of
from tunesmith.gateway.routes import Route
from tunesmith.gateway.shadowing import LiveRequest, Shadow
from tunesmith.gateway.upstream import STEPPED_OVER, Stuck, Upstreams
from tunesmith.rollout.assignment import normal, pseudonym

logger = logging.getLogger(__name__)

COMPLETIONS = {
    "/v1/chat/completions": "/chat/completions",
    "/v1/completions": "/completions",
}
_MODELS = "/v1/models"
_FEEDBACK = 64 << 10
"""Bytes of feedback."""
_encode = msgspec.json.Encoder().encode


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
        self._user_headers = (door.user_header.encode(), door.conversation_header.encode())
        self._not_onward = STEPPED_OVER.union(self._user_headers, (b"content-type",))
        self._upstreams: Upstreams
        self._shadow: Shadow

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
            self._door.metrics.refuse(refused.status)
            await reply(send, refused.status, refused.body, refused.headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        door = self._door
        self._upstreams = Upstreams(door.timeouts)
        self._shadow = Shadow(
            door.budget, door.secret, door.shadow_rates, self._upstreams, self._keep,
            door.metrics.drop_shadow,
        )  # fmt: skip
        beside = (door.segments.tend, door.metrics.tend, *self._beside)
        tasks = [asyncio.create_task(_for_ever(run)) for run in beside]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._shadow.close(door.patience)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._upstreams.close()
        await door.segments.close()
        if door.outcomes is not None:
            await asyncio.to_thread(door.outcomes.close, door.patience)
        await send({"type": "lifespan.shutdown.complete"})

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path == "/healthz":
            await reply(send, 200, b'{"status":"ok"}')
            return
        if path == "/readyz":
            await self._ready(send)
            return
        if path == "/metrics":
            page = await asyncio.to_thread(self._door.metrics.page)
            await reply(send, 200, page, kind=CONTENT_TYPE)
            return
        if path == "/openapi.json":
            await reply(send, 200, openapi.PAGE)
            return
        headers = headers_of(scope, self._door.limits.headers)
        key = self._let_in(headers)
        onward = COMPLETIONS.get(path)
        if onward is not None and method == "POST":
            await self._complete(scope, onward, headers, key, receive, send)
        elif path == "/v1/feedback" and method == "POST":
            await self._hear(scope, headers, receive, send)
        elif path.startswith(_MODELS) and method == "GET":
            await reply(send, 200, self._models(path))
        elif onward is not None or path in ("/v1/feedback", _MODELS):
            allowed = b"GET" if path == _MODELS else b"POST"
            raise Refused(405, f"expected {allowed.decode()}, not {method[:10]}",
                          "method_not_allowed", ((b"allow", allowed),))  # fmt: skip
        else:
            raise Refused(404, f"there is nothing at {path[:100]}", "not_found")

    async def _ready(self, send: Send) -> None:
        door = self._door
        if door.ending.is_set():
            await reply(send, 503, b'{"status":"ending"}')
        elif not door.routes.recipes:
            await reply(send, 503, b'{"status":"no routes yet"}')
        else:
            await reply(send, 200, b'{"status":"ready"}')

    def _let_in(self, headers: Mapping[bytes, bytes]) -> ClientKey | None:
        """Return whose request it is; None where the door stands open."""
        keys = self._door.keys
        if not keys:
            return None
        key = keys.find(headers.get(b"authorization", b"").decode("latin-1"))
        if key is None:
            raise Refused(401, "the API key is missing or wrong", "invalid_api_key",
                          ((b"www-authenticate", b"Bearer"),))  # fmt: skip
        wait = keys.wait(key)
        if wait > 0:
            seconds = str(math.ceil(wait)).encode()
            raise Refused(429, "this key has made too many requests", "rate_limit_exceeded",
                          ((b"retry-after", seconds),))  # fmt: skip
        return key

    def _models(self, path: str) -> bytes:
        data = {
            recipe: {"id": recipe, "object": "model", "created": 0, "owned_by": "tunesmith"}
            for recipe in self._door.routes.recipes
        }
        if path == _MODELS:
            return _encode({"object": "list", "data": list(data.values())})
        name = path.removeprefix(f"{_MODELS}/")
        if name not in data:
            raise Refused(404, f"no model {name[:100]!r}", "model_not_found")
        return _encode(data[name])

    async def _hear(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        """Keep what a client says of an answer."""
        raw = await body_of(scope, receive, headers, min(self._door.limits.body, _FEEDBACK))
        try:
            said = read_feedback(raw, new_id()[0])
        except Unreadable as error:
            raise Refused(400, str(error), "invalid_body") from None
        if not await self._door.segments.append(_encode(Line(said))):
            raise Refused(503, "there is no room to keep it", "unavailable",
                          ((b"retry-after", b"60"),))  # fmt: skip
        await reply(send, 202, _encode({"id": said.id}))

    async def _complete(
        self,
        scope: Scope,
        path: str,
        headers: Mapping[bytes, bytes],
        key: ClientKey | None,
        receive: Receive,
        send: Send,
    ) -> None:
        door = self._door
        if not door.keys:
            _check_kind(headers)
        raw = await body_of(scope, receive, headers, door.limits.body)
        try:
            body = read_body(raw)
            recipe = text_of(body, "model") or ""
            streamed = flag_of(body, "stream")
            unit = self._unit(body, headers)
        except Unreadable as error:
            raise Refused(400, str(error), "invalid_body") from None
        route = door.routes.of(recipe)
        if route is None and not door.routes.recipes:
            raise Refused(503, "the ledger has not been seen yet", "unavailable",
                          ((b"retry-after", b"1"),))  # fmt: skip
        if route is None:
            known = ", ".join(door.routes.recipes)
            raise Refused(404, f"no model {recipe[:100]!r}; expected {known}", "model_not_found")
        record = self._record(recipe, route, unit, key, streamed)
        captured = door.capture.takes(record.id, len(raw))
        usage = door.include_usage and streamed and "stream_options" not in body
        exchange = Exchange(
            record,
            route,
            self._upstreams,
            lambda ended: self._keep(ended, raw if captured else None),
            send,
            include_usage=usage,
            keep_text=captured,
        )
        onward = self._onward(headers)
        await _while_there(scope, exchange, exchange.run(path, onward, body))
        if route.shadow and door.routes.fresh:
            self._shadow.offer(LiveRequest(record, captured, path, onward, body, raw, usage), route)

    def _record(
        self, recipe: str, route: Route, unit: str | None, key: ClientKey | None, streamed: bool
    ) -> Interaction:
        """Return the record of a request that begins: who is assigned, and who is asked first."""
        door = self._door
        assigned = door.routes.assign(route, unit)
        treated = assigned.variant == "treatment" and door.routes.fresh
        identity, now = new_id()
        return Interaction(
            id=identity,
            at=now,
            recipe=recipe,
            rollout=route.rollout,
            stage=route.stage,
            assigned=assigned.variant,
            served="treatment" if treated else "control",
            unit=pseudonym(door.secret, unit) if unit else "",
            key=key.id if key else "",
            streamed=streamed,
        )

    async def _keep(self, record: Interaction, captured: bytes | None) -> None:
        """Make a record durable; `captured` is the request whose text it holds."""
        door = self._door
        if captured is not None:
            # Beside the event loop, and before anything is written: what is stored is redacted.
            answer, record.answer = record.answer, None
            try:
                record.request, record.answer = await asyncio.to_thread(
                    door.capture.texts, captured, answer
                )
            except Exception as error:  # noqa: BLE001  # a fault costs the text, and no record
                door.metrics.drop()
                # Its kind alone: a message may quote the text.
                logger.error("a text could not be captured: %s", type(error).__name__)
        kept = await door.segments.append(_encode(record))
        door.metrics.add(record)
        if kept and door.outcomes is not None:
            door.outcomes.put(record)

    def _unit(self, body: Body, headers: Mapping[bytes, bytes]) -> str | None:
        """Return who asks: the user, or else the conversation."""
        if (named := text_of(body, "user")) and (unit := normal(named)):
            return unit
        for name in self._user_headers:
            if (value := headers.get(name)) and (unit := normal(value.decode("latin-1"))):
                return unit
        return None

    def _onward(self, headers: Mapping[bytes, bytes]) -> Headers:
        """Return the headers that an upstream gets."""
        return [header for header in headers.items() if header[0] not in self._not_onward]


def _check_kind(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that is not said to be JSON.

    A page in this machine's browser cannot send that type to a server that does not ask for it,
    but any other, or none.
    """
    kind = headers.get(b"content-type", b"")
    if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
        raise Refused(415, "expected content-type: application/json", "wrong_type")


async def _for_ever(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run what never ends; where a fault ends it, it is told and begins anew."""
    while True:
        try:
            await run()
        except Exception:
            logger.exception("%s failed and begins anew", run.__qualname__)
        await asyncio.sleep(1.0)


async def _while_there(scope: Scope, exchange: Exchange, run: Coroutine[Any, Any, None]) -> None:
    """Run an exchange until it has ended or its client has gone."""
    connection = scope["extensions"][CONNECTION]
    leaving: set[Callable[[], None]] = connection["tell"]
    task, left = asyncio.current_task(), False

    def stop() -> None:
        nonlocal left
        if task is not None and not exchange.ended:
            left = task.cancel()

    leaving.add(stop)
    try:
        await run
    except asyncio.CancelledError:
        if not left:
            raise
    except Stuck:
        connection["hang_up"]()
    finally:
        leaving.discard(stop)
