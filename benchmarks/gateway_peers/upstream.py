"""A model's server that answers at once: whole, or in twenty pieces, ten milliseconds apart.

python upstream.py PORT ANSWERS.json
"""

import asyncio
import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import uvloop

PIECES = 20
EVENTS = PIECES + 3
"""Of a stream: the pieces, the reason of the end, the token counts, and [DONE]."""
PAUSE = 0.010
COMMON = {"id": "chatcmpl-7f3a", "created": 1795300000, "model": "model-3"}
USAGE = {"prompt_tokens": 388, "completion_tokens": 92, "total_tokens": 480}

_LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
_STREAM = re.compile(rb'"stream": *true')


def whole(answer: str) -> bytes:
    """Return the response with a whole answer."""
    message = {"role": "assistant", "content": answer, "refusal": None, "tool_calls": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    completion = {**COMMON, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    body = json.dumps(completion).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def in_pieces(answer: str) -> list[bytes]:
    """Return a response in which an answer comes in pieces, one for each write."""
    size = -(-len(answer) // PIECES)
    deltas = [{"content": answer[at * size : (at + 1) * size]} for at in range(PIECES)]
    deltas[0]["role"] = "assistant"
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    chunks: list[dict] = [{"choices": [choice]} for choice in choices]
    chunks.append({"choices": [], "usage": USAGE})
    common = {**COMMON, "object": "chat.completion.chunk"}
    events = [b"data: " + json.dumps(common | chunk).encode() + b"\n\n" for chunk in chunks]
    events.append(b"data: [DONE]\n\n")
    parts = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
    last = b"".join(parts[PIECES:]) + b"0\r\n\r\n"
    return [head + b"\r\n\r\n" + parts[0], *parts[1:PIECES], last]


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self, wholes: Iterator[bytes], pieces: Iterator[list[bytes]]) -> None:
        self._wholes, self._pieces = wholes, pieces

    def connection_made(self, transport):
        self._transport, self._came = transport, b""
        self._timer = None

    def connection_lost(self, error):
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data):
        self._came += data
        head, ended, body = self._came.partition(b"\r\n\r\n")
        if not ended:
            return
        found = _LENGTH.search(head)
        if len(body) < (int(found[1]) if found else 0):
            return
        self._came = b""
        if _STREAM.search(body):
            self._tell(iter(next(self._pieces)))
        else:
            self._transport.write(next(self._wholes))

    def _tell(self, pieces):
        piece = next(pieces, None)
        if piece is not None:
            self._transport.write(piece)
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._tell, pieces)


async def serve(port: int, answers: list[str]) -> None:
    wholes = itertools.cycle([whole(answer) for answer in answers])
    pieces = itertools.cycle([in_pieces(answer) for answer in answers])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(wholes, pieces), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
