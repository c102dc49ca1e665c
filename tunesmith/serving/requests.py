"""What clients ask, in OpenAI's wire format, and the question that it comes to.

Fields that nobody here knows are passed over. Those that would change the answer in a way that is
not offered are refused, so that nobody takes an answer for what it is not.
"""

import functools
import json
import secrets
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from tunesmith import records
from tunesmith.errors import InputError
from tunesmith.evaluation.constraints import Constraint, problem
from tunesmith.evaluation.generation.loaded import LoadedModel
from tunesmith.evaluation.generation.work import Draws
from tunesmith.serving.answers import Question
from tunesmith.training.rows import turns
from tunesmith.training.template import prompt_ids

LONGEST = 4096
"""Most tokens of prompt and answer, where the model does not say."""
STOPS = 16
"""Texts before which an answer may end."""
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "top_logprobs": (0,),
    "top_k": (0, -1),
    "min_p": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repetition_penalty": (1,),
    "logit_bias": ({},),
    "echo": (False,),
    "suffix": ("",),
    "functions": ([],),
    "tool_choice": ("auto", "none"),
}
"""Fields that are taken only where they change nothing."""

Positive = Annotated[int, Meta(ge=1)]


class Part(msgspec.Struct):
    """A part of a message."""

    type: str
    text: str | None = None


class Function(msgspec.Struct):
    """A function that was called; `arguments` are JSON text."""

    name: str
    arguments: str = "{}"


class Call(msgspec.Struct):
    """A call of a tool."""

    function: Function
    id: str = ""


class Message(msgspec.Struct):
    """A message of a chat."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None


class Tool(msgspec.Struct):
    """A tool that is offered."""

    function: dict[str, Any]
    type: Literal["function"] = "function"


class Schema(msgspec.Struct):
    """A JSON Schema, as OpenAI names it."""

    schema: dict[str, Any]


class ResponseFormat(msgspec.Struct):
    """What may be written."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Schema | None = None


class StreamOptions(msgspec.Struct):
    """What a stream holds."""

    include_usage: bool | None = None


class Asked(msgspec.Struct, kw_only=True):
    """What both kinds of request have in common."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Positive | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    seed: int | None = None
    stop: str | Annotated[list[str], Meta(max_length=STOPS)] | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def longest(self) -> int | None:
        """Longest answer in tokens, where it is said."""
        return self.max_tokens

    @property
    def in_pieces(self) -> bool:
        """Whether the answer is told while it is made."""
        return bool(self.stream)


class ChatAsked(Asked, kw_only=True):
    """A chat that goes on."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: Positive | None = None
    tools: list[Tool] | None = None
    tool_choice: Any = None
    logprobs: bool | None = None
    response_format: ResponseFormat | None = None

    @property
    def offers(self) -> list[Tool]:
        """The tools that may be called."""
        return [] if self.tool_choice == "none" else self.tools or []

    @property
    def longest(self) -> int | None:
        """Longest answer in tokens, where it is said."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def in_pieces(self) -> bool:
        """Whether the answer is told while it is made; calls of tools are read when it is whole."""
        return bool(self.stream) and not self.offers

    @property
    def wants_logprobs(self) -> bool:
        """Whether tokens are told with their log-probabilities."""
        return bool(self.logprobs)


class CompletionAsked(Asked, kw_only=True):
    """A text that goes on; it is given as text or as tokens."""

    prompt: str | list[str | Annotated[int, Meta(ge=0)]]
    logprobs: Annotated[int, Meta(ge=0, le=0)] | None = None
    """How many other tokens are told beside each."""

    @property
    def wants_logprobs(self) -> bool:
        """Whether tokens are told with their log-probabilities."""
        return self.logprobs is not None


T = TypeVar("T", bound=msgspec.Struct)


def read(raw: bytes, kind: type[T]) -> T:
    """Return what a request asks.

    Raises:
        InputError: it is not what the wire format wants, or asks for what is not offered.
    """
    try:
        fields: Any = msgspec.json.decode(raw)
        asked = msgspec.convert(fields, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the body cannot be read: {error}") from None
    for name, neutral in _NEUTRAL.items():
        found = fields.get(name)
        if found is not None and found not in neutral:
            told = " or ".join(json.dumps(value) for value in neutral)
            raise InputError(
                f"{name}: found {json.dumps(found)[:100]}; expected {told}, which is all that "
                "this server offers"
            )
    return asked


def question(asked: ChatAsked | CompletionAsked, loaded: LoadedModel) -> Question:
    """Return the question that a request comes to.

    Raises:
        InputError: the model cannot be asked so, or prompt and answer are longer than its context.
    """
    constraint = None
    if isinstance(asked, ChatAsked):
        ids = _chat(asked, loaded)
        constraint = _constraint_of(asked.response_format, loaded)
    else:
        ids = _text(asked, loaded)
    stops = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
    return Question(
        ids=ids,
        limit=_limit(len(ids), asked.longest, loaded.context or LONGEST),
        stops=tuple(stop for stop in stops if stop),
        draws=_draws(asked),
        constraint=constraint,
        logprobs=asked.wants_logprobs,
        streamed=asked.in_pieces,
    )


def _chat(asked: ChatAsked, loaded: LoadedModel) -> list[int]:
    if any(not isinstance(tool.function.get("name"), str) for tool in asked.offers):
        raise InputError("tools: a function has no name")
    tools = [{"type": tool.type, "function": tool.function} for tool in asked.offers]
    return prompt_ids(loaded.tokenizer, turns(map(_recorded, asked.messages)), tools)


def _recorded(message: Message) -> records.Message:
    """Return a message as rows of training have it: both are put into the template in one way."""
    return records.Message(
        role="system" if message.role == "developer" else message.role,
        content=_content(message),
        name=message.name,
        tool_calls=tuple(
            records.ToolCall(call.id, call.function.name, _arguments(call.function))
            for call in message.tool_calls or ()
        ),
        tool_call_id=message.tool_call_id,
    )


def _content(message: Message) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    texts = []
    for part in message.content:
        if part.type != "text" or part.text is None:
            raise InputError(f"messages: found a part of type {part.type!r}; expected text alone")
        texts.append(part.text)
    return "\n".join(texts)


def _arguments(function: Function) -> str:
    try:
        json.loads(function.arguments)
    except (ValueError, RecursionError):
        raise InputError(
            f"messages: the arguments of the call of {function.name[:100]!r} are not JSON"
        ) from None
    return function.arguments


def _text(asked: CompletionAsked, loaded: LoadedModel) -> list[int]:
    texts = [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
    ids = [token for token in texts if isinstance(token, int)]
    if len(ids) < len(texts):
        if len(texts) > 1:
            raise InputError(f"prompt: found a list of {len(texts)}; expected one text, or tokens")
        ids = list(loaded.tokenizer.encode(str(texts[0])))
    most = loaded.model.get_input_embeddings().num_embeddings
    if not ids or max(ids) >= most:
        raise InputError(f"prompt: expected at least one token, each below {most:,}")
    return ids


def _limit(prompt: int, wanted: int | None, context: int) -> int:
    """Return the longest answer in tokens."""
    left = context - prompt
    if left < (wanted or 1):
        asked = f" and up to {wanted:,} for the answer" if wanted else ""
        raise InputError(
            f"the prompt has {prompt:,} tokens{asked}; the model's context holds {context:,}"
        )
    return wanted or left


def _draws(asked: Asked) -> Draws | None:
    """Return how tokens are drawn; without a temperature they are not, as when it was evaluated."""
    if not asked.temperature:
        return None
    seed = secrets.randbits(63) if asked.seed is None else asked.seed % 2**63
    return Draws(asked.temperature, asked.top_p or 1.0, [seed])


def _constraint_of(form: ResponseFormat | None, loaded: LoadedModel) -> Constraint | None:
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return _constraint(loaded, json.dumps({"type": "object"}))
    if form.json_schema is None:
        raise InputError("response_format: json_schema is missing; it holds the schema")
    return _constraint(loaded, json.dumps(form.json_schema.schema))


@functools.lru_cache(maxsize=32)
def _constraint(loaded: LoadedModel, schema: str) -> Constraint:
    """Return what holds answers to a schema; it takes a while to make."""
    if why := problem(json.loads(schema)):
        raise InputError(f"response_format: answers cannot be held to this schema: {why}")
    return Constraint(loaded.tokenizer, loaded.ends, schema)
