"""What a gateway reads of requests and answers; all else passes through as it came."""

from typing import Any

import msgspec

from tunesmith.data.checks.refusals import START, find_refusal
from tunesmith.gateway.interactions import LONGEST_REASON, MOST

Body = dict[str, msgspec.Raw]
"""The fields of a request, each as the bytes that came."""

_bodies = msgspec.json.Decoder(Body)
_strings = msgspec.json.Decoder(str)
_flags = msgspec.json.Decoder(bool | None)
_encoder = msgspec.json.Encoder()


class Usage(msgspec.Struct):
    """Token counts, as the upstream has them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Token(msgspec.Struct):
    """A token's log-probability."""

    logprob: float | None = None


class Logprobs(msgspec.Struct):
    """Those of a piece, or of a whole answer."""

    content: list[Token] | None = None
    token_logprobs: list[float | None] | None = None

    def values(self) -> list[float]:
        """Return the log-probabilities, of chat and of plain completions alike."""
        if self.content is not None:
            found = [token.logprob for token in self.content]
        else:
            found = list(self.token_logprobs or ())
        return [value for value in found if value is not None]


class Message(msgspec.Struct):
    """A message, or a piece of one."""

    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw()
    function_call: msgspec.Raw = msgspec.Raw()
    reasoning: msgspec.Raw = msgspec.Raw()
    reasoning_content: msgspec.Raw = msgspec.Raw()
    audio: msgspec.Raw = msgspec.Raw()


class Choice(msgspec.Struct):
    """One answer, or a piece of it."""

    index: int = 0
    message: Message | None = None
    delta: Message | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Answer(msgspec.Struct):
    """An answer, or one event of a stream."""

    choices: list[Choice] = []
    usage: Usage | None = None
    error: msgspec.Raw = msgspec.Raw()


_answers = msgspec.json.Decoder(Answer)
_UNKNOWN = Message(content=[None])
"""Stands for what is there and of no known shape: it is content, and no text."""
_UNREAD = ("tool_calls", "function_call", "reasoning", "reasoning_content", "audio")
"""Fields of a message of which it only matters that they are there."""


class Unreadable(ValueError):
    """A body is not what the wire format asks for."""


def read_body(raw: bytes) -> Body:
    """Return a request's fields.

    Raises:
        Unreadable: it is no JSON object.
    """
    try:
        if not raw.isascii():
            raw.decode()  # the fields are passed on unread, and would be an upstream's trouble
        return _bodies.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"the body is no JSON object: {error}") from None


def text_of(body: Body, field: str) -> str | None:
    """Return a field that is a string; None where it is missing or null.

    Raises:
        Unreadable: it is something else.
    """
    raw = body.get(field)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return _strings.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unreadable(f"{field}: expected a string") from None


def flag_of(body: Body, field: str) -> bool:
    """Return a field that is true or false; False where it is missing.

    Raises:
        Unreadable: it is something else.
    """
    raw = body.get(field)
    if raw is None:
        return False
    try:
        return bool(_flags.decode(raw))
    except msgspec.DecodeError:
        raise Unreadable(f"{field}: expected true or false") from None


def rewritten(body: Body, **fields: Any) -> bytes:
    """Return a body with some fields in place of those that came; all others as they came."""
    changed = {name: msgspec.Raw(_encoder.encode(value)) for name, value in fields.items()}
    return _encoder.encode({**body, **changed})


def read_answer(raw: bytes) -> Answer | None:
    """Return what is known of an answer or an event; None where it is no JSON object."""
    try:
        return _answers.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_loosely(raw)


def _read_loosely(raw: bytes) -> Answer | None:
    """Read field by field, as no usual answer has to be: a field of another shape loses itself."""
    fields = _part(raw, Body)
    if fields is None:
        return None
    return Answer(
        choices=_choices(fields.get("choices")),
        usage=_usage(fields.get("usage")),
        error=fields.get("error", msgspec.Raw()),
    )


def _choices(raw: msgspec.Raw | None) -> list[Choice]:
    if raw is None or not _given(raw):
        return []
    found = _part(raw, list[msgspec.Raw])
    return [Choice(delta=_UNKNOWN)] if found is None else [_choice(one) for one in found]


def _choice(raw: msgspec.Raw) -> Choice:
    fields = _part(raw, Body)
    if fields is None:
        return Choice(delta=_UNKNOWN)
    return Choice(
        index=_integer(fields.get("index")) or 0,
        message=_message(fields.get("message")),
        delta=_message(fields.get("delta")),
        text=_part(fields.get("text"), str),
        finish_reason=_part(fields.get("finish_reason"), str),
        logprobs=_part(fields.get("logprobs"), Logprobs),
    )


def _message(raw: msgspec.Raw | None) -> Message | None:
    if raw is None or not _given(raw):
        return None
    fields = _part(raw, Body)
    if fields is None:
        return _UNKNOWN
    content = fields.get("content", msgspec.Raw())
    known = _part(content, str | list[Any] | None)
    return Message(
        content=_UNKNOWN.content if known is None and _given(content) else known,
        refusal=_part(fields.get("refusal"), str),
        **{name: fields[name] for name in _UNREAD if name in fields},
    )


def _usage(raw: msgspec.Raw | None) -> Usage | None:
    fields = _part(raw, Body)
    if fields is None:
        return None
    return Usage(*(_integer(fields.get(name)) for name in Usage.__struct_fields__))


def _integer(raw: msgspec.Raw | None) -> int | None:
    """Return an integer, also one that is written as 3.0."""
    found = _part(raw, float)
    return int(found) if found is not None and found.is_integer() else None


def _part(raw: bytes | msgspec.Raw | None, kind: Any) -> Any:
    """Return what is of a type; None where it is not, or is not there."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _given(raw: msgspec.Raw) -> bool:
    return bytes(raw) not in (b"", b"null", b"[]", b"{}", b'""')


def has_content(answer: Answer) -> bool:
    """Whether an event is more than an opening."""
    for choice in answer.choices:
        piece = choice.delta or choice.message
        if choice.text or choice.finish_reason:
            return True
        if piece is not None and (
            piece.content
            or piece.refusal
            or _given(piece.tool_calls)
            or _given(piece.reasoning_content)
            or _given(piece.reasoning)
            or _given(piece.function_call)
            or _given(piece.audio)
        ):
            return True
    return False


def _count(tokens: int | None) -> int | None:
    """Return a count as a record holds it; None for what is none."""
    return tokens if tokens is not None and 0 <= tokens <= MOST else None


_OPENING = START + 100
"""Characters of an answer in which a refusal is looked for."""


class Tally:
    """What an answer amounts to, piece by piece."""

    def __init__(self, keep_text: bool = False) -> None:
        self.usage = Usage()
        self.length = 0
        self.finish_reason = ""
        self.failed = False
        self._text: list[str] | None = [] if keep_text else None
        self._opening, self._declined = "", False
        self._others: dict[int, bool] = {}
        self._sum, self._count, self._least = 0.0, 0, 0.0

    def add(self, answer: Answer) -> None:
        """Take in an event, or a whole answer."""
        if answer.usage is not None:
            self.usage = Usage(*map(_count, msgspec.structs.astuple(answer.usage)))
        if _given(answer.error):
            self.failed = True
        for choice in answer.choices:
            if choice.index:
                ended = self._others.get(choice.index, False)
                self._others[choice.index] = ended or bool(choice.finish_reason)
                continue
            piece = choice.delta or choice.message
            text = choice.text if piece is None else piece.content
            if piece is not None and piece.refusal:
                self._declined = True
            if isinstance(text, str):
                self.length += len(text)
                if len(self._opening) < _OPENING:
                    self._opening += text[:_OPENING]
                if self._text is not None:
                    self._text.append(text)
            if choice.finish_reason:
                self.finish_reason = choice.finish_reason[:LONGEST_REASON]
            if choice.logprobs is not None:
                for value in choice.logprobs.values():
                    self._least = min(self._least, value) if self._count else value
                    self._sum += value
                    self._count += 1

    @property
    def finished(self) -> bool:
        """Whether each answer of which something came has come to its end."""
        return bool(self.finish_reason) and all(self._others.values())

    @property
    def refuses(self) -> bool:
        """Whether the first answer says that it is a refusal, or begins as one does."""
        return self._declined or (bool(self._opening) and find_refusal(self._opening) is not None)

    @property
    def text(self) -> str | None:
        """The text of the first answer, where it is kept."""
        return None if self._text is None else "".join(self._text)

    @property
    def logprobs(self) -> tuple[float | None, float | None]:
        """Their mean and the least of them; None without any."""
        return (self._sum / self._count, self._least) if self._count else (None, None)
