"""An OpenAI-compatible server on this machine that does as it is told, also badly.

Each request takes the next step of the script; when that is used up, `answer` replies properly.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "small-1"
Step = Callable[["Handler", dict[str, Any]], None]


def completion(text: str | None, **changed: Any) -> dict[str, Any]:
    """A whole chat completion; `changed` replaces or, with None, removes what it holds."""
    found = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        **changed,
    }
    return {key: value for key, value in found.items() if value is not None}


def says(text: str | None, **changed: Any) -> Step:
    """Answer with a text."""
    return lambda handler, body: handler.reply(completion(text, **changed))


def echo(handler: "Handler", body: dict[str, Any]) -> None:
    """Answer with the last message."""
    handler.reply(completion(f"re: {body['messages'][-1]['content']}"))


def fails(status: int, said: str = "no", code: str | None = None, **headers: str) -> Step:
    """Answer with an error; underscores in names of headers are dashes."""
    error = {"error": {"message": said, "type": "t", "code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, body: handler.reply(error, status, named)


def raw(content: bytes, kind: str = "application/json", status: int = 200) -> Step:
    """Answer with just these bytes."""
    return lambda handler, body: handler.send(content, status, {"Content-Type": kind})


def hangs(handler: "Handler", body: dict[str, Any]) -> None:
    """Say nothing until the server ends."""
    handler.server.ending.wait(30)


def stalls(handler: "Handler", body: dict[str, Any]) -> None:
    """Send a byte now and then, and never the whole."""
    handler.send(b" ", length=1000)
    while not handler.server.ending.wait(0.02):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            break
    handler.close_connection = True


def cuts(handler: "Handler", body: dict[str, Any]) -> None:
    """Promise a whole reply, send half of it and hang up."""
    content = json.dumps(completion("half")).encode()
    handler.send(content[: len(content) // 2], length=len(content))
    handler.close_connection = True


def refuses(handler: "Handler", body: dict[str, Any]) -> None:
    """Hang up without a word."""
    handler.close_connection = True


def _event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def piece(text: str | None = None, **changed: Any) -> bytes:
    """One event of a stream, with a piece of the answer."""
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, **changed}
    return _event({"id": "c1", "object": "chat.completion.chunk", "model": MODEL,
                   "choices": [choice]})  # fmt: skip


OPENING = piece(delta={"role": "assistant", "content": ""})
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\n'
DONE = b"data: [DONE]\n\n"
BROKEN = b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'


def streams(*pieces: bytes, then: Step | None = None, every: float = 0.0) -> Step:
    """Send events one by one; `then` is what comes instead of the proper end."""

    def step(handler: "Handler", body: dict[str, Any]) -> None:
        handler.open_stream()
        for one in pieces:
            handler.push(one)
            handler.server.ending.wait(every)
        if then is not None:
            then(handler, body)
        else:
            handler.wfile.write(b"0\r\n\r\n")
            handler.wfile.flush()

    return step


def says_in_pieces(*texts: str, **changed: Any) -> Step:
    """Stream an answer as it should be, with its token counts if they are asked for."""

    def step(handler: "Handler", body: dict[str, Any]) -> None:
        asked = (body.get("stream_options") or {}).get("include_usage")
        ending = [piece(finish_reason="stop"), *([USAGE] if asked else []), DONE]
        streams(OPENING, *(piece(text, **changed) for text in texts), *ending)(handler, body)

    return step


def redirects(to: str) -> Step:
    """Send the request elsewhere."""
    return lambda handler, body: handler.send(b"", 307, {"Location": to})


@dataclass
class Upstream:
    """The server. `requests` and `headers` (names in lower case) are in the order of arrival."""

    answer: Step = echo
    script: list[Step] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    most_at_once: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, *steps: Step, times: int = 1) -> "Upstream":
        self.script += steps * times
        return self

    def take(self, body: dict[str, Any], headers: dict[str, str]) -> Step:
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            return self.script.pop(0) if self.script else self.answer

    def done(self) -> None:
        with self._lock:
            self._now -= 1


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    upstream: Upstream
    ending: threading.Event


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        upstream = self.server.upstream
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        step = upstream.take(body, {name.lower(): text for name, text in self.headers.items()})
        try:
            step(self, body)
        except OSError:
            self.close_connection = True
        finally:
            upstream.done()

    def reply(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(value).encode()
        self.send(content, status, {"Content-Type": "application/json", **(headers or {})})

    def send(
        self,
        content: bytes,
        status: int = 200,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        named = {"Content-Type": "application/json", **(headers or {})}
        self.send_response_only(status)
        for name, value in named.items():
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def open_stream(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def push(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(answer: Step = echo, script: Iterable[Step] = ()) -> Iterator[Upstream]:
    """Run a server for the length of the block."""
    server = Server(("127.0.0.1", 0), Handler)
    upstream = Upstream(answer, list(script))
    upstream.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.upstream, server.ending = upstream, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield upstream
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Hours:
    """A clock on which waiting takes no time: its `slept` tells how long it would have."""

    def __init__(self, chance: float = 1.0, now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)):
        self.passed = 0.0
        self.slept: list[float] = []
        self.chance = chance
        self.today = now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds

    def clock(self) -> Any:
        from tunesmith.evaluation.endpoint import Clock

        return Clock(
            seconds=lambda: self.passed,
            now=lambda: self.today,
            sleep=self.sleep,
            chance=lambda: self.chance,
        )
