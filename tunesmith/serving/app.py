"""The server's application: what is asked goes to the engine, what it tells goes to the client."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tunesmith.errors import InputError
from tunesmith.serving import replies, requests
from tunesmith.serving.answers import Answer, Piece, Question
from tunesmith.serving.engine import Engine, Full
from tunesmith.serving.models import Model, Models
from tunesmith.serving.replies import ChatReply, Reply, TextReply
from tunesmith.serving.requests import ChatAsked, CompletionAsked

BODY = 4 << 20
"""Most bytes of a request."""
GONE = 499
"""Status that nobody sees: the client has gone."""


class Refused(Exception):
    """A request that is not answered by a model."""

    def __init__(self, status: int, message: str, code: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Loading(msgspec.Struct):
    """An adapter that is to be served, as vLLM has it."""

    lora_name: str
    lora_path: str


class Unloading(msgspec.Struct):
    """An adapter that is to be served no longer."""

    lora_name: str


T = TypeVar("T", bound=msgspec.Struct)
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Desk:
    """What requests are answered from.

    Attributes:
        models: By name.
        engine: What answers.
        key: Without which nothing is answered; empty for none.
        allow_loading: Whether clients may load and unload adapters.
        ending: Set when the process is about to end: no longer ready, answers go on.
    """

    models: Models
    engine: Engine
    key: str = ""
    allow_loading: bool = False
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    _tokenizing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def application(self) -> Starlette:
        """Return the application."""
        posts: dict[str, Handler] = {
            "/v1/chat/completions": self._chat,
            "/v1/completions": self._complete,
            "/v1/load_lora_adapter": self._load,
            "/v1/unload_lora_adapter": self._unload,
        }
        return Starlette(
            routes=[
                Route("/healthz", self._healthy),
                Route("/readyz", self._ready),
                Route("/v1/models", self._let_in(self._listed)),
                *(Route(at, self._let_in(run), methods=["POST"]) for at, run in posts.items()),
            ],
            exception_handlers={Refused: _refused, HTTPException: _not_found},
        )

    def _let_in(self, handler: Handler) -> Handler:
        """Return a handler that asks for the key first."""
        expected = hashlib.sha256(self.key.encode()).digest()

        async def handle(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(hashlib.sha256(given.strip().encode()).digest(), expected)
            if self.key and not (right and scheme.lower() == "bearer"):
                raise Refused(
                    401, "the API key is missing or wrong", "invalid_api_key",
                    www_authenticate="Bearer",
                )  # fmt: skip
            return await handler(request)

        return handle

    async def _healthy(self, request: Request) -> Response:
        alive = self.engine.alive
        return JSONResponse({"status": "ok" if alive else "ended"}, 200 if alive else 503)

    async def _ready(self, request: Request) -> Response:
        if self.ending.is_set():
            return JSONResponse({"status": "ending"}, 503)
        ready = self.engine.alive
        return JSONResponse({"status": "ready" if ready else "ended"}, 200 if ready else 503)

    async def _listed(self, request: Request) -> Response:
        return JSONResponse(replies.listed(self.models.names, self.models.base_name))

    async def _chat(self, request: Request) -> Response:
        return await self._answer(request, ChatAsked)

    async def _complete(self, request: Request) -> Response:
        return await self._answer(request, CompletionAsked)

    async def _answer(
        self, request: Request, kind: type[ChatAsked] | type[CompletionAsked]
    ) -> Response:
        asked = _read(await _body(request), kind)
        model = self.models.find(asked.model)
        if model is None:
            known = ", ".join(self.models.names)
            raise Refused(
                404, f"no model {asked.model[:200]!r}; served: {known}", "model_not_found"
            )
        told: asyncio.Queue[Piece] = asyncio.Queue()
        question, answer = await self._ask(asked, model, told)
        reply = _reply(asked, question)
        first = await _first(request, answer, told)
        if not asked.stream:
            return Response(reply.whole(first), media_type="application/json")
        return StreamingResponse(
            _events(reply, answer, first, told, asked.include_usage),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache"},
        )

    async def _ask(
        self, asked: ChatAsked | CompletionAsked, model: Model, told: asyncio.Queue[Piece]
    ) -> tuple[Question, Answer]:
        loop = asyncio.get_running_loop()

        def tell(piece: Piece) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(told.put_nowait, piece)

        try:
            # The tokens of a long prompt take a while, and others are told theirs meanwhile. One
            # at a time, for a tokenizer that two use at once may refuse the second.
            async with self._tokenizing:
                question = await asyncio.to_thread(requests.question, asked, model.base)
            return question, self.engine.ask(model, question, tell)
        except InputError as error:
            raise Refused(400, str(error), "invalid_request") from None
        except Full:
            raise Refused(
                429, "too many requests wait already; try again soon", "queue_full", retry_after="1"
            ) from None

    async def _load(self, request: Request) -> Response:
        self._may_load(request)
        asked = _read(await _body(request), Loading)
        try:
            await asyncio.to_thread(self.models.load, asked.lora_name, Path(asked.lora_path))
        except InputError as error:
            raise Refused(400, str(error), "invalid_adapter") from None
        return Response(f"Success: LoRA adapter '{asked.lora_name}' added successfully.")

    async def _unload(self, request: Request) -> Response:
        self._may_load(request)
        asked = _read(await _body(request), Unloading)
        try:
            self.models.unload(asked.lora_name)
        except InputError as error:
            raise Refused(404, str(error), "not_found") from None
        return Response(f"Success: LoRA adapter '{asked.lora_name}' removed successfully.")

    def _may_load(self, request: Request) -> None:
        if not self.allow_loading:
            raise Refused(
                403, "adapters are not loaded on request; start with --allow-loading", "forbidden"
            )
        # A page in this machine's browser cannot send this type to a server that does not ask for
        # it, but any other.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refused(415, "expected content-type: application/json", "wrong_type")


async def _first(request: Request, answer: Answer, told: "asyncio.Queue[Piece]") -> Piece:
    """Return the first piece, which is all of an answer that is not streamed."""
    piece = asyncio.ensure_future(told.get())
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((piece, gone), return_when=asyncio.FIRST_COMPLETED)
        if not piece.done():
            raise Refused(GONE, "the client has gone", "client_gone")
        found = piece.result()
        if found.error:
            raise Refused(500, found.error, "failed")
        return found
    except (Refused, asyncio.CancelledError):
        answer.drop()
        raise
    finally:
        piece.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    """Return when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _events(
    reply: Reply,
    answer: Answer,
    first: Piece,
    told: "asyncio.Queue[Piece]",
    include_usage: bool,
) -> AsyncIterator[bytes]:
    piece = first
    try:
        while True:
            for event in reply.events(piece):
                yield event
            if piece.last:
                break
            piece = await told.get()
        if piece.error:
            yield replies.event(replies.error(piece.error, 500, "failed"))
            return
        if include_usage:
            yield reply.usage(piece)
        yield replies.DONE
    finally:
        answer.drop()  # changes nothing once it has ended


def _reply(asked: ChatAsked | CompletionAsked, question: Question) -> Reply:
    if isinstance(asked, ChatAsked):
        tools = bool(asked.offers)
        return ChatReply(asked.model, len(question.ids), question.logprobs, tools)
    return TextReply(asked.model, len(question.ids), question.logprobs)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BODY:
                raise Refused(413, f"the body is larger than {BODY:,} bytes", "body_too_large")
            parts.append(part)
    except ClientDisconnect:
        raise Refused(GONE, "the client has gone", "client_gone") from None
    return b"".join(parts)


def _read(raw: bytes, kind: type[T]) -> T:
    try:
        return requests.read(raw, kind)
    except InputError as error:
        raise Refused(400, str(error), "invalid_body") from None


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    told = replies.error(str(error), error.status, error.code)
    return JSONResponse(told, error.status, error.headers)


async def _not_found(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    told = replies.error(
        f"{error.detail}: {request.url.path[:100]}", error.status_code, "not_found"
    )
    return JSONResponse(told, error.status_code, error.headers)
