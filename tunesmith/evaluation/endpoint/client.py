"""One question to an OpenAI-compatible endpoint, tried again within a stated budget.

The `openai` client carries the requests; retries and the reading of replies are ours. A reply that
is not a whole chat completion counts as a failure, and never turns into an empty answer. Failures
that may pass are tried again; when the budget is spent they are `Transient`. The others are
`Refused` at once.

The key goes into one header and nowhere else: errors, notes and answers are searched for it, and
the exceptions of the libraries below, which hold the request, are not passed on.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self

import msgspec

from tunesmith.errors import InputError, Transient
from tunesmith.evaluation.endpoint.params import EndpointParams
from tunesmith.evaluation.endpoint.retrying import PASSING, Clock, asked_wait, backoff
from tunesmith.training.template import Tool, Turn

if TYPE_CHECKING:
    from openai import APIStatusError

QUOTED = 300
"""Characters of a server's words that a message repeats at most."""

SHORTEST_KEY = 16
"""Characters of a key that is a secret at least."""


class Reply(NamedTuple):
    """What a server answered, and what it says it is.

    Token counts and `fingerprint` are None where the server sends none. `finish_reason` is the
    server's word. `text` is None where the answer is no text, such as a call of a tool; `calls`
    are those calls, by name and arguments as JSON text.
    """

    text: str | None
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    model: str
    fingerprint: str | None
    calls: tuple[tuple[str, str], ...] = ()


class Refused(InputError):
    """The endpoint does not take a request, and will not take it next time either.

    Attributes:
        status: HTTP status.
        said: The server's words, shortened, without the key.
    """

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class _Passing(Exception):
    """An attempt failed in a way that may pass; `wait` is what the server asks for."""

    def __init__(self, kind: str, detail: str = "", wait: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.wait = wait


Count = Annotated[int, msgspec.Meta(ge=0)]


class _Function(msgspec.Struct):
    name: str
    arguments: str = ""


class _Call(msgspec.Struct):
    function: _Function


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count
    completion_tokens: Count = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None
    system_fingerprint: str | None = None
    usage: _Usage | None = None


class Client:
    """A connection to an endpoint; an async context manager.

    Attributes:
        served: Replies by the model that the server said it was.
        fingerprints: Replies by the `system_fingerprint` that the server sent.
        failures: Attempts that failed, by kind, such as "HTTP 429".
        seconds: How long each attempt that succeeded took.
        tokens: Tokens of replies that the server counted, by `prompt` and `completion`.
    """

    def __init__(self, params: EndpointParams, key: str | None, clock: Clock | None = None) -> None:
        self.params = params
        self.served: Counter[str] = Counter()
        self.fingerprints: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.tokens: Counter[str] = Counter()
        self._stopping = False
        self._key = key
        self._clock = clock or Clock()
        self._not_before = 0.0

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout, omit

        timeout = Timeout(self.params.total_seconds, connect=self.params.connect_seconds)
        self._http = DefaultAsyncHttpxClient(
            timeout=timeout,
            # A redirect would carry the prompts to a host that nobody named.
            follow_redirects=False,
            # A proxy from the environment would get what is sent to this very machine.
            trust_env=not self.params.is_loopback,
        )
        # Without these the client takes OPENAI_API_KEY and others from the environment and sends
        # them to whatever host the recipe names.
        self._openai = AsyncOpenAI(
            base_url=self.params.base_url,
            api_key=self._key or "none",
            max_retries=0,
            timeout=timeout,
            http_client=self._http,
        )
        self._headers: dict[str, Any] = {"OpenAI-Organization": omit, "OpenAI-Project": omit}
        if not self._key:
            self._headers["Authorization"] = omit
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection pool."""
        await self._openai.close()

    async def ask(
        self,
        name: str,
        messages: Sequence[Turn],
        *,
        max_tokens: int,
        seed: int | None = None,
        response_format: Mapping[str, Any] | None = None,
        tools: Sequence[Tool] = (),
    ) -> Reply:
        """Return the reply to one question.

        Args:
            name: What to call the question in messages.
            messages: The chat so far.
            max_tokens: Longest answer, in tokens.
            seed: Seed to send; that of the params by default.
            response_format: Form that the answer must have, as the API takes it.
            tools: What the model is offered.

        Raises:
            Refused: the endpoint does not take the request.
            Transient: it did not answer within the budget.
        """
        params = self.params
        body: dict[str, Any] = {
            "model": params.model,
            "messages": list(messages),
            params.limit_key: max_tokens,
            "temperature": params.temperature,
            "seed": params.seed if seed is None else seed,
            "response_format": response_format,
            "tools": list(tools) or None,
        }
        body = {key: value for key, value in body.items() if value is not None}
        return await self._try(name, body)

    async def _try(self, name: str, body: dict[str, Any]) -> Reply:
        budget = self.params.retries
        await self._hold()
        start = self._clock.seconds()
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(name, body)
            except _Passing as failure:
                self.failures[failure.kind] += 1
                last = failure
            wait = backoff(attempt, self._clock.chance()) if last.wait is None else last.wait
            passed = self._clock.seconds() - start
            if attempt < budget.attempts and passed + wait <= budget.seconds:
                await self._pause(wait, for_all=last.wait is not None)
                if not self._stopping:
                    continue
            raise Transient(self._gave_up(name, attempt, passed, wait, last)) from None

    async def _pause(self, seconds: float, for_all: bool) -> None:
        if self._stopping:
            return
        if for_all:
            # The server means whoever asks: the other requests wait too.
            self._not_before = max(self._not_before, self._clock.seconds() + seconds)
        else:
            await self._clock.sleep(seconds)
        await self._hold()

    async def _hold(self) -> None:
        """Wait until the server wants to be asked again."""
        while (wait := self._not_before - self._clock.seconds()) > 0 and not self._stopping:
            await self._clock.sleep(wait)

    def _gave_up(self, name: str, attempt: int, passed: float, wait: float, last: _Passing) -> str:
        asked = ""
        if last.wait is not None and passed + wait > self.params.retries.seconds:
            asked = (
                f"; it asks to wait {last.wait:.0f} s, more than is left of "
                f"{self.params.retries.seconds:.0f} s"
            )
        times = "once" if attempt == 1 else f"{attempt} times in {passed:.0f} s"
        return (
            f"{name}: {self.params.base_url} was asked {times} without an answer{asked}; "
            f"last: {last}"
        )

    async def _once(self, name: str, body: dict[str, Any]) -> Reply:
        import openai

        start = self._clock.seconds()
        try:
            # The client's own limits are for each read: a server that sends a byte now and then
            # would keep it waiting for ever.
            async with asyncio.timeout(self.params.total_seconds):
                raw = await self._openai.chat.completions.with_raw_response.create(
                    **body, extra_headers=self._headers
                )
                content = raw.content
        except (TimeoutError, openai.APITimeoutError):
            raise _Passing(
                "timeout", f"no whole reply within {self.params.total_seconds:g} s"
            ) from None
        except openai.APIConnectionError as error:
            raise _Passing("connection", type(error.__cause__ or error).__name__) from None
        except openai.APIStatusError as error:
            raise self._failed(name, error) from None
        reply = self._read(content)
        self.seconds.append(self._clock.seconds() - start)
        self.served[reply.model] += 1
        if reply.fingerprint:
            self.fingerprints[reply.fingerprint] += 1
        self.tokens["prompt"] += reply.prompt_tokens or 0
        self.tokens["completion"] += reply.completion_tokens or 0
        return reply

    def _failed(self, name: str, error: "APIStatusError") -> Exception:
        status = error.status_code
        said = self.redacted(error.message.removeprefix(f"Error code: {status} - "))[:QUOTED]
        if status in PASSING and error.code != "insufficient_quota":
            wait = asked_wait(error.response.headers, self._clock.now())
            return _Passing(f"HTTP {status}", said, wait)
        url, model = self.params.base_url, self.params.model
        if status in (401, 403):
            # What a server says about a key may hold most of it.
            said = ""
            found = f"does not accept the key in {self.params.key}" if self._key else "wants a key"
            message = f"{url} {found} (HTTP {status}); set endpoint.key to the name of the "
            message += "environment variable that holds one for this model"
        elif status == 404:
            message = f"{url} has no model {model!r}, or no chat completions (HTTP 404): {said}"
            message += ". Check endpoint.base_url, which often ends in /v1, and endpoint.model"
        elif 300 <= status < 400:
            message = f"{url} answers that it has moved (HTTP {status}). Set endpoint.base_url to "
            message += "the new address"
        else:
            message = f"{name}: {url} does not take the request (HTTP {status}): {said}. Change "
            message += "the endpoint's settings, or drop the row"
        return Refused(message, status, said)

    def _read(self, content: bytes) -> Reply:
        try:
            found = msgspec.json.decode(content, type=_Completion)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # msgspec names the field and the types, and quotes nothing.
            raise _Passing("no completion", str(error)[:QUOTED]) from None
        if not found.choices:
            raise _Passing("no completion", "no choices")
        choice = found.choices[0]
        if not choice.finish_reason:
            raise _Passing("no completion", "no finish_reason")
        text = choice.message.content
        if text is None:
            text = choice.message.refusal
        usage = found.usage
        return Reply(
            text=None if text is None else self.redacted(text),
            finish_reason=choice.finish_reason,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            model=self.redacted(found.model or "")[:QUOTED],
            fingerprint=self.redacted(found.system_fingerprint or "")[:QUOTED] or None,
            calls=tuple(
                (self.redacted(call.function.name), self.redacted(call.function.arguments))
                for call in choice.message.tool_calls or ()
            ),
        )

    def stop(self) -> None:
        """Try nothing again: the run has failed elsewhere."""
        self._stopping = True

    def redacted(self, text: str) -> str:
        """Return a text without the key, if that is long enough to be one.

        Servers that want none are often given a word such as EMPTY, which answers may hold.
        """
        secret = self._key is not None and len(self._key) >= SHORTEST_KEY
        return text.replace(self._key, "[key]") if self._key and secret else text
