"""Clients that ask again as soon as they have an answer, cheap enough to be measured through.

Each is a connection that is kept. Of an answer they look only for its end.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

TICKET = (
    "Ticket TK-50363, opened on 8 November by Diana Lindqvist (customer since 2019), concerning "
    "order 48213, a Fenn travel charger, 65 W. She writes that the charger gets too hot to touch "
    "after about ten minutes, that it does so with two cables and in three rooms, and that she "
    "has stopped using it. She asks whether she may keep on using it until another one comes, "
    "whether she has to pay for sending it back, and until when she can expect an answer. "
    "Note of 9 November: photograph seen, serial number 7-1183-A, within the warranty. "
    "Note of 10 November: asked the workshop; batch 1183 is known, exchange without return. "
    "Note of 11 March: replacement reserved in Leeds. Note of 12 March: sent, tracking number "
    "LX 204 118 937 GB, expected on 15 March. The customer was called once and not reached."
)
SYSTEM = (
    "You write follow-up e-mails for Brightline Support. State only what the ticket says. Give the "
    "subject line with the ticket id, a greeting, the facts in short, a paragraph and the "
    "sign-off. Promise nothing that the ticket does not hold. Write no more than 120 words."
)
USERS = 1000
FIRST_WORD = b"Subj"


def requests(streamed: bool) -> list[bytes]:
    """Return one request for each user."""
    made = []
    for user in range(USERS):
        body = {
            "model": "support-email",
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": TICKET},
            ],
            "temperature": 0.2,
            "max_tokens": 200,
            "user": f"user-{user:05d}",
        }
        if streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        content = json.dumps(body).encode()
        made.append(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            b"authorization: Bearer none\r\ncontent-type: application/json\r\n"
            b"accept: application/json\r\nuser-agent: load\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(content), content)
        )
    return made


WHOLE, STREAMED = requests(streamed=False), requests(streamed=True)


@dataclass
class Heard:
    """What the clients heard.

    Attributes:
        seconds: To the end of each answer.
        first: To its first word.
        wrong: The beginning of an answer that was none.
    """

    seconds: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    wrong: bytes = b""


class _Client(asyncio.Protocol):
    """One of them; `until` is when it stops asking."""

    def __init__(self, bodies: Iterator[bytes], until: float, heard: Heard) -> None:
        self._bodies, self._until, self._heard = bodies, until, heard
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self._transport = transport
        self._ask()

    def _ask(self):
        self._came, self._first = b"", 0.0
        self._asked = time.perf_counter()
        self._transport.write(next(self._bodies))

    def data_received(self, data):
        self._came += data
        if not self._first and FIRST_WORD in self._came:
            self._first = time.perf_counter()
        if not _ended(self._came):
            return
        now = time.perf_counter()
        if not self._came.startswith(b"HTTP/1.1 200") or not self._first:
            self._heard.wrong = self._came[:500]
            self._transport.close()
            return
        self._heard.seconds.append(now - self._asked)
        self._heard.first.append(self._first - self._asked)
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, error):
        if not self.done.done():
            self.done.set_result(None)


def _ended(came: bytes) -> bool:
    """Whether an answer is whole."""
    if came.endswith(b"\r\n0\r\n\r\n"):
        return True
    head, found, body = came.partition(b"\r\n\r\n")
    at = head.lower().find(b"content-length:")
    if not found or at < 0:
        return False
    return len(body) >= int(head[at + 15 :].split(b"\r\n", 1)[0])


async def ask(port: int, clients: int, seconds: float, streamed: bool = False) -> Heard:
    """Let so many clients ask for a while, and wait for the last answers.

    Raises:
        RuntimeError: something else than an answer came.
    """
    heard, until = Heard(), time.perf_counter() + seconds
    bodies = cycle(STREAMED if streamed else WHOLE)
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: _Client(bodies, until, heard), "127.0.0.1", port))[1]
        for _ in range(clients)
    ]
    await asyncio.gather(*(client.done for client in made))
    if heard.wrong or not heard.seconds:
        raise RuntimeError(f"port {port} answered {heard.wrong!r}")
    return heard
