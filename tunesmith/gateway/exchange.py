"""One request through the gateway: from its assignment to the record of what became of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tunesmith.gateway import events
from tunesmith.gateway.asgi import JSON, Headers, Send, error_body
from tunesmith.gateway.interactions import Interaction
from tunesmith.gateway.reading import Body, Tally, has_content, read_answer, rewritten
from tunesmith.gateway.routes import Route, Target
from tunesmith.gateway.upstream import Asking, Failed, Stuck, Upstreams
from tunesmith.rollout.endings import Ending

_NOT_THE_CLIENTS = frozenset({401, 403, 404, 405, 408, 409, 425, 429})
"""Client errors that are none: who is asked, by which name and with whose key is chosen here."""


class Exchange:
    """Asks whoever is assigned, hands the answer on, and writes what became of it.

    Args:
        record: Of the request; filled in.
        route: Who answers.
        upstreams: The connections.
        keep: Makes a finished record durable.
        send: To the client.
        include_usage: Whether to ask a stream for its token counts, where the client did not.
        keep_text: Whether the record holds the answer.

    Attributes:
        ended: Whether the record is kept, or about to be.
    """

    def __init__(
        self,
        record: Interaction,
        route: Route,
        upstreams: Upstreams,
        keep: Callable[[Interaction], Awaitable[None]],
        send: Send,
        include_usage: bool,
        keep_text: bool,
    ) -> None:
        self._record, self._route, self._upstreams = record, route, upstreams
        self._keep, self._send = keep, send
        self._include_usage, self._keep_text = include_usage, keep_text
        self._tally = Tally(keep_text)
        self._began = time.perf_counter()
        self._told = False
        self.ended = False

    async def run(self, path: str, headers: Headers, body: Body) -> None:
        """Answer the client; exactly one record is kept, whatever happens.

        Raises:
            asyncio.CancelledError: the client has gone; the upstream is told so.
            Stuck: it is there, and reads nothing.
        """
        try:
            await self._answer(path, headers, body)
        except (asyncio.CancelledError, Stuck):
            self._record.ending = "client_gone"
            await asyncio.shield(self._end())
            raise
        except Exception:
            # A fault of our own: whatever it is, nobody was answered.
            self._record.ending = "cut"
            raise
        finally:
            await self._end()

    async def _answer(self, path: str, headers: Headers, body: Body) -> None:
        record, route = self._record, self._route
        if record.served == "treatment" and route.treatment is not None:
            try:
                await self._ask(route.treatment, path, headers, body, may_fall_back=True)
                return
            except Failed as failed:
                if self._told:
                    await self._fail(failed)
                    return
                record.treatment_ending = failed.ending
                record.served, record.attempts = "control", record.attempts + 1
                self._tally = Tally(self._keep_text)
        try:
            await self._ask(route.control, path, headers, body, may_fall_back=False)
        except Failed as failed:
            await self._fail(failed)

    async def _ask(
        self,
        target: Target,
        path: str,
        headers: Headers,
        body: Body,
        may_fall_back: bool,
    ) -> None:
        record = self._record
        record.model = target.model
        changed: dict[str, Any] = {"model": target.model}
        if record.streamed and self._include_usage:
            changed["stream_options"] = {"include_usage": True}
        sent = rewritten(body, **changed)
        async with self._upstreams.ask(target, path, headers, sent, record.streamed) as reply:
            record.status = reply.status
            ending = _ending_of(reply.status)
            if reply.status == 401:  # a client would take it for its own key, and read of ours
                raise Failed(ending, 502, "the model's server refuses the gateway's key")
            if 300 <= reply.status < 400:  # a client would follow it past the gateway
                raise Failed(ending, 502, "the model's server sends the request elsewhere")
            wrong = ending != "answered"
            if ending not in ("answered", "client_error") and may_fall_back:
                raise Failed(ending, reply.status, "")
            if reply.streams and not wrong:
                await self._stream(reply)
                return
            whole = await reply.whole()
            if wrong:
                record.ending = ending
            else:
                self._read_whole(whole, may_fall_back)
                record.first_token_seconds = time.perf_counter() - self._began
            await self._end()
            await self._start(reply.status, [*reply.headers, _length(whole)])
            await reply.hand_on(self._send, {"type": "http.response.body", "body": whole})

    def _read_whole(self, whole: bytes, may_fall_back: bool) -> None:
        answer = read_answer(whole)
        if answer is not None:
            self._tally.add(answer)
        if self._tally.failed or answer is None or not answer.choices:
            if may_fall_back:
                raise Failed("upstream_error", 502, "")
            self._record.ending = "upstream_error"

    async def _stream(self, reply: Asking) -> None:
        """Hand a stream on, event by event; until the first content it may still be given up."""
        cutter, held = events.Events(), b""
        ended = False
        while piece := await reply.piece():
            out, alive = b"", False
            try:
                for event in cutter.cut(piece):
                    data = events.data_of(event)
                    alive = alive or bool(data)
                    if data == events.DONE:
                        ended = True
                        break
                    out += self._take_event(event, data, reply)
                    if self._tally.failed:  # it says itself that no more is to come
                        break
            except ValueError:
                raise Failed("cut", 502, "the model's server sent no events") from None
            if ended or self._tally.failed:
                held += out
                break
            if not reply.begun:
                held += out
                continue
            if out or held:
                await self._start(reply.status, reply.headers)
                sent, held = held + out, b""
                message = {"type": "http.response.body", "body": sent, "more_body": True}
                await reply.hand_on(self._send, message)
            if alive:  # and not a comment, which a server sends for an engine that hangs, too
                reply.has_begun()
        if self._tally.failed:
            self._record.ending = "stream_error"
        elif not ended and cutter.rest.strip():
            raise Failed("cut", 502, "the model's server hung up inside an event")
        elif not ended and not self._tally.finished:
            raise Failed("cut", 502, "the model's server hung up before the end of its answer")
        reply.is_over()
        await self._end()
        await self._start(reply.status, reply.headers)
        last = held + (events.event(events.DONE) if ended else b"")
        await reply.hand_on(self._send, {"type": "http.response.body", "body": last})
        if ended:
            await reply.rest()

    def _take_event(self, event: bytes, data: bytes, reply: Asking) -> bytes:
        """Count an event, and return what of it the client gets."""
        answer = read_answer(data) if data else None
        if answer is None:
            return event
        self._tally.add(answer)
        if self._tally.failed and not reply.begun:
            raise Failed("stream_error", 502, "the model's server sent an error")
        if not reply.begun and has_content(answer):
            reply.has_begun()
            self._record.first_token_seconds = time.perf_counter() - self._began
        if self._include_usage and not answer.choices and answer.usage is not None:
            return b""  # the client did not ask for it
        return event

    async def _fail(self, failed: Failed) -> None:
        """Tell the client honestly that there is no answer, or no rest of one."""
        self._record.ending = failed.ending
        if not self._told:
            self._record.status = failed.status
        await self._end()
        body = error_body(failed.message, "upstream_error", failed.ending)
        if self._told:
            await self._send({"type": "http.response.body", "body": events.event(body)})
            return
        await self._start(failed.status, [(b"content-type", JSON), _length(body)])
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, headers: Headers) -> None:
        if self._told:
            return
        self._told = True
        record = self._record
        own = [
            (b"x-tunesmith-interaction", record.id.encode()),
            (b"x-tunesmith-assigned", record.assigned.encode()),
            (b"x-tunesmith-served", record.served.encode()),
        ]
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, *own]}
        )

    async def _end(self) -> None:
        """Fill the record in and keep it, once."""
        if self.ended:
            return
        self.ended = True
        record, tally = self._record, self._tally
        record.seconds = time.perf_counter() - self._began
        record.prompt_tokens = tally.usage.prompt_tokens
        record.completion_tokens = tally.usage.completion_tokens
        record.length, record.finish_reason = tally.length, tally.finish_reason
        record.refusal = tally.refuses
        record.logprob_mean, record.logprob_least = tally.logprobs
        record.answer = tally.text
        await self._keep(record)


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()


def _ending_of(status: int) -> Ending:
    if status < 300:
        return "answered"
    if status == 429:
        return "rate_limited"
    clients = 400 <= status < 500 and status not in _NOT_THE_CLIENTS
    return "client_error" if clients else "upstream_error"
