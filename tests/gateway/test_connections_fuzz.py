"""However an answer comes in pieces, it is the same; and whatever comes, nothing hangs.

A quick part runs in the suite. A long one, with other examples each time:

    FUZZ_CASES=5000 python -m pytest tests/gateway/test_connections_fuzz.py \\
        --hypothesis-profile=search
"""

import asyncio
import contextlib
import os

from hypothesis import given, settings
from hypothesis import strategies as some

from tests.gateway.test_connections import OK, answered, looped
from tunesmith.gateway.connections import Connection, Cut

CASES = int(os.environ.get("FUZZ_CASES", "100"))


class Wire(asyncio.Transport):
    """Says what it is told to, segment by segment, to a connection that somebody reads."""

    def __init__(self):
        super().__init__(extra={"socket": 0})
        self.closing, self.connection = False, Connection()
        self.connection.connection_made(self)

    def write(self, data):
        pass

    def get_write_buffer_size(self):
        return 0

    def is_closing(self):
        return self.closing

    def abort(self):
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    async def answered(self, segments, ends=False):
        asking = asyncio.create_task(answered(self.connection))
        for segment in segments:
            await asyncio.sleep(0)
            if not self.closing:
                self.connection.data_received(segment)
        if ends and not self.closing:
            self.connection.eof_received()
        return await asyncio.wait_for(asking, 5)


@some.composite
def cut(draw, answer):
    """Draw where the segments of an answer begin and end."""
    at = sorted(draw(some.sets(some.integers(1, max(1, len(answer) - 1)), max_size=12)))
    return [answer[a:b] for a, b in zip([0, *at], [*at, len(answer)], strict=True)]


HEADERS = some.dictionaries(
    some.from_regex(rb"X-[A-Za-z0-9!#$%&'*+.^_`|~-]{0,9}", fullmatch=True),
    some.from_regex(rb"([!-~\x80-\xff]([ -~\x80-\xff]{0,30}[!-~\x80-\xff])?)?", fullmatch=True),
    max_size=4,
)
EARLY = some.sampled_from([b"", b"HTTP/1.1 100 X\r\n\r\n", b"HTTP/1.1 103 X\r\nX-No: x\r\n\r\n"])


def lines(headers):
    return b"".join(b"%s: %s\r\n" % header for header in headers.items())


@some.composite
def answers(draw):
    """Draw an answer's bytes, status, body, headers, whether it ends with the connection, and
    whether another may follow."""
    status, minor = draw(some.sampled_from([200, 204, 304, 404, 500])), draw(some.integers(0, 1))
    bare, headers = status in (204, 304), draw(HEADERS)
    parts = draw(some.lists(some.binary(min_size=1, max_size=300), max_size=0 if bare else 4))
    framing, body = draw(some.sampled_from(["length", "chunks", "end"])), b"".join(parts)
    kept = draw(some.sampled_from([b"", b"close", b"keep-alive", b"Close, x"]))
    own, sent = {b"Connection": kept} if kept else {}, body
    if framing == "length":
        own[b"content-length"] = b"%d" % len(body)
    if framing == "chunks":
        own[b"Transfer-Encoding"] = b"Chunked"
        chunks = [b"%X;a=b\r\n%s\r\n" % (len(part), part) for part in parts]
        sent = b"" if bare else b"".join(chunks) + b"0\r\n" + lines(draw(HEADERS)) + b"\r\n"
    ends = framing == "end" and not bare
    more = b"" if ends else draw(some.sampled_from([b"", OK, b"H", b"\0"]))
    first = draw(EARLY) + b"HTTP/1.%d %d X\r\n" % (minor, status)
    again = not ends and not more and (kept == b"keep-alive" or (minor == 1 and not kept))
    whole = first + lines(headers | own) + b"\r\n" + sent + more
    return whole, status, body, [(name.lower(), headers[name]) for name in headers], ends, again


CUT = answers().flatmap(lambda answer: some.tuples(cut(answer[0]), some.just(answer)))


@given(CUT)
@settings(max_examples=CASES, deadline=None)
def test_an_answer_is_the_same_however_it_is_cut(drawn):
    segments, (_, status, body, headers, ends, again) = drawn

    @looped
    async def ask():
        wire = Wire()
        assert await wire.answered(segments, ends) == (status, body)
        assert [pair for pair in wire.connection.headers if pair[0].startswith(b"x-")] == headers
        assert wire.connection.reusable == again
        if again:
            assert await wire.answered([OK]) == (200, b"hi")
            assert wire.connection.headers == [(b"content-length", b"2")]

    ask()


def spoilt(answer, junk, at):
    at %= len(answer) + 1
    return answer[:at] + junk + answer[at + len(junk) :]


JUNK = some.binary(max_size=60) | some.sampled_from([b"\r\n\r\n", b"1" * 20, b"HTTP/1.1 101 X\r\n"])
WHOLE = answers().map(lambda answer: answer[0]) | some.binary()


@given(some.builds(spoilt, WHOLE, JUNK, some.integers(0, 2000)).flatmap(cut))
@settings(max_examples=CASES, deadline=None)
def test_whatever_comes_is_an_answer_or_cut(segments):
    @looped
    async def ask():
        with contextlib.suppress(Cut):
            await Wire().answered(segments, ends=True)

    ask()
