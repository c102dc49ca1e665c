"""Answers in OpenAI's wire format, whole and as the events of a stream."""

import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tunesmith.evaluation.metrics.calls import Call, written
from tunesmith.serving.answers import Piece, Token

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode
Fields = dict[str, Any]


def event(content: Fields) -> bytes:
    """Return an event of a stream (server-sent events)."""
    return b"data: " + _encode(content) + b"\n\n"


def error(message: str, status: int, code: str) -> Fields:
    """Return an error as OpenAI words it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def listed(names: Sequence[str], base: str) -> Fields:
    """Return the models that are served; of an adapter its base is told."""
    data = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "tunesmith",
            "parent": None if name == base else base,
        }
        for name in names
    ]
    return {"object": "list", "data": data}


class Reply(ABC):
    """The answer to one request.

    Args:
        model: What the client calls it.
        prompt_tokens: Of the prompt.
    """

    prefix, kind, kind_of_event = "", "", ""

    def __init__(self, model: str, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._head = {
            "id": f"{self.prefix}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    def whole(self, piece: Piece) -> bytes:
        """Return the answer of which the piece is all."""
        return _encode(
            {
                **self._head,
                "object": self.kind,
                "choices": [self._choice(piece)],
                "usage": self._usage(piece),
            }
        )

    def events(self, piece: Piece) -> Iterator[bytes]:
        """Yield the events of a piece."""
        for choice in self._changes(piece):
            yield event({**self._head, "object": self.kind_of_event, "choices": [choice]})

    def usage(self, piece: Piece) -> bytes:
        """Return the event with the token counts, after the last piece."""
        used = {"choices": [], "usage": self._usage(piece)}
        return event({**self._head, "object": self.kind_of_event, **used})

    def _usage(self, piece: Piece) -> Fields:
        made = piece.completion_tokens
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": made,
            "total_tokens": self._prompt_tokens + made,
        }

    @abstractmethod
    def _choice(self, piece: Piece) -> Fields: ...

    @abstractmethod
    def _changes(self, piece: Piece) -> Iterator[Fields]: ...


class ChatReply(Reply):
    """The answer in a chat.

    Args:
        model: What the client calls it.
        prompt_tokens: Of the prompt.
        logprobs: Whether log-probabilities were asked for.
        tools: Whether tools were offered; the answer then comes in one piece.
    """

    prefix, kind, kind_of_event = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def __init__(self, model: str, prompt_tokens: int, logprobs: bool, tools: bool) -> None:
        super().__init__(model, prompt_tokens)
        self._logprobs, self._tools = logprobs, tools
        self._begun = False

    def _choice(self, piece: Piece) -> Fields:
        content, calls = self._read(piece)
        message: Fields = {"role": "assistant", "content": content, "refusal": None}
        if calls:
            message["tool_calls"] = calls
        return {
            "index": 0,
            "message": message,
            "logprobs": self._told(piece.tokens),
            "finish_reason": "tool_calls" if calls else piece.finish,
        }

    def _changes(self, piece: Piece) -> Iterator[Fields]:
        content, calls = self._read(piece)
        if not self._begun:
            self._begun = True
            yield {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        delta: Fields = {"content": content} if content else {}
        if calls:
            delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
        if delta or piece.tokens:
            told = {"logprobs": self._told(piece.tokens)} if self._logprobs else {}
            yield {"index": 0, "delta": delta, "finish_reason": None, **told}
        if piece.finish is not None:
            yield {
                "index": 0,
                "delta": {},
                "finish_reason": "tool_calls" if calls else piece.finish,
            }

    def _read(self, piece: Piece) -> tuple[str | None, list[Fields]]:
        """Return what a piece says, and which tools it calls."""
        read = written(piece.text) if self._tools else None
        if read is None or not read.calls or read.broken:
            return piece.text, []
        return read.text or None, [_called(call) for call in read.calls]

    def _told(self, tokens: Sequence[Token]) -> Fields | None:
        if not self._logprobs:
            return None
        content = [
            {
                "token": token.text,
                "logprob": token.logprob,
                "bytes": list(token.text.encode()),
                "top_logprobs": [],
            }
            for token in tokens
        ]
        return {"content": content, "refusal": None}


def _called(call: Call) -> Fields:
    function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}


class TextReply(Reply):
    """The rest of a text.

    Args:
        model: What the client calls it.
        prompt_tokens: Of the prompt.
        logprobs: Whether log-probabilities were asked for.
    """

    prefix, kind, kind_of_event = "cmpl", "text_completion", "text_completion"

    def __init__(self, model: str, prompt_tokens: int, logprobs: bool) -> None:
        super().__init__(model, prompt_tokens)
        self._logprobs, self._length = logprobs, 0

    def _choice(self, piece: Piece) -> Fields:
        return {
            "index": 0,
            "text": piece.text,
            "logprobs": self._told(piece.tokens) if self._logprobs else None,
            "finish_reason": piece.finish,
        }

    def _changes(self, piece: Piece) -> Iterator[Fields]:
        yield self._choice(piece)

    def _told(self, tokens: Sequence[Token]) -> Fields:
        offsets = []
        for token in tokens:
            offsets.append(self._length)
            self._length += len(token.text)
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": None,
            "text_offset": offsets,
        }
