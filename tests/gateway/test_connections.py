"""The gateway's HTTP client, with upstreams that keep to RFC 9112 and with those that do not."""

import asyncio
import contextlib
import datetime
import functools
import ipaddress
import os
import socket
import ssl
import struct
import time
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.waiting import PATIENCE
from tunesmith.gateway import connections
from tunesmith.gateway.connections import Address, Cut, Pool, Refused, connect, place_of

HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
BAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhi"
PLENTY = 24 << 20


def looped(test):
    """Run a test on the gateway's event loop; one that hangs fails, and so does one with faults."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        async def within():
            faults = []
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, fault: faults.append(fault)
            )
            async with asyncio.timeout(10):
                await test(*args, **kwargs)
            assert not faults

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(within())

    return run


async def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


class Upstream:
    """Takes connections; `serve` has a say in each."""

    def __init__(self, serve):
        self.serve, self.writers, self.gone, self._tasks = serve, [], 0, []

    @contextlib.asynccontextmanager
    async def running(self, tls=None):
        server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=tls)
        self.address = Address("127.0.0.1", server.sockets[0].getsockname()[1], tls is not None)
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks)

    async def _take(self, reader, writer):
        self.writers.append(writer)
        self._tasks.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, EOFError, asyncio.CancelledError):
            await self.serve(reader, writer)
            while await reader.read(1 << 20):
                pass
        self.gone += 1
        writer.transport.abort()

    def socket(self):
        """The first connection's socket, to use while the loop stands still."""
        return socket.socket(fileno=os.dup(self.writers[0].get_extra_info("socket").fileno()))


def reset(writer):
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def close(writer):
    writer.close()


def stay(writer):
    pass


def answering(*answers, then=stay):
    """Return an upstream that gives these answers on each connection, and goes `then`."""

    async def serve(reader, writer):
        for answer in answers:
            await reader.readexactly(len(HEAD) + 2)
            writer.write(answer)
            await writer.drain()
        then(writer)

    return Upstream(serve).running()


async def whole(connection):
    body = b""
    while piece := await connection.piece():
        body += piece
    return body


async def answered(connection):
    await connection.ask(HEAD, b"{}")
    return connection.status, await whole(connection)


ENDS = {
    "a length": (OK, 200, b"hi", True),
    "a length of nothing": (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 500, b"", True),
    "chunks": (CHUNKED + b"2\r\nhi\r\n1;why=\"so\"\r\n!\r\n0\r\n\r\n", 200, b"hi!", True),
    "trailers": (CHUNKED + b"2\r\nhi\r\n0\r\nX-Late: 1\r\n\r\n", 200, b"hi", True),
    "none at 204": (b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n", 204, b"", True),
    "none at 304": (b"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n", 304, b"", True),
    "early": (b"HTTP/1.1 100 X\r\n\r\nHTTP/1.1 103 X\r\nLink: a\r\n\r\nHTTP/1.1 199 X\r\n\r\n" + OK, 200, b"hi", True),
    "close": (b"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", False),
    "1.0": (b"HTTP/1.0 200 X\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", False),
    "1.0 kept": (b"HTTP/1.0 200 X\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", True),
    "many headers": (b"HTTP/1.1 204 X\r\n" + b"A: b\r\n" * 30_000 + b"\r\n", 204, b"", True),
    "two answers": (OK + BAD, 200, b"hi", False),
    "one and a bit": (OK + b"H", 200, b"hi", False),
    "one and no HTTP": (OK + b"\0", 200, b"hi", False),
    "chunks and an answer": (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + BAD, 200, b"hi", False),
    "none at 204, and a body": (b"HTTP/1.1 204 X\r\n\r\nbad", 204, b"", False),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "status", "body", "again"), ENDS.values(), ids=ENDS)
@looped
async def test_an_answer_ends_where_it_should_and_the_next_is_its_own(answer, status, body, again):
    pool = Pool(60)
    async with answering(answer, answer) as upstream:
        first = await connect(upstream.address)
        assert await answered(first) == (status, body)
        said = first.headers
        pool.give(upstream.address, first)
        assert (pool.kept(upstream.address) is first) == again
        if again:
            assert await answered(first) == (status, body)
            assert first.headers == said
            assert first.reusable
            first.close()
            assert not first.reusable
        await until(lambda: upstream.gone == 1)


@pytest.mark.parametrize("more", ["", "Transfer-Encoding: gzip\r\n", "Connection: keep-alive\r\n"])
@looped
async def test_an_answer_without_a_length_ends_with_the_connection(more):
    answer = b"HTTP/1.1 200 OK\r\n" + more.encode() + b"\r\nhi"
    async with answering(answer, then=close) as upstream:
        connection = await connect(upstream.address)
        assert await answered(connection) == (200, b"hi")
        assert not connection.reusable


LONG = b"a" * (2 << 20)
BROKEN = {
    "nothing": (b"", close),
    "half a line": (b"HTTP/1.1 20", close),
    "half its headers": (b"HTTP/1.1 200 OK\r\nA: b\r\n", close),
    "half a body": (OK[:-1], close),
    "half a chunk": (CHUNKED + b"2\r\nh", close),
    "no last chunk": (CHUNKED + b"2\r\nhi\r\n", close),
    "only 100": (b"HTTP/1.1 100 X\r\n\r\n", close),
    "reset": (b"", reset),
    "reset in a body to the end": (TO_THE_END, reset),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", stay),
    "two lengths": (OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"), stay),
    "a length and chunks": (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n") + b"0\r\n\r\n", stay),
    "chunks and a wrong size": (CHUNKED + b"2\r\nhi\r\nx\r\n", stay),
    "another protocol": (b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + OK, stay),
    "a body of 150": (BAD.replace(b"200", b"150") + OK, stay),
    "a header split": (OK.replace(b"\r\n\r\n", b"\r\nA: b\r\n c: d\r\n\r\n"), stay),
    "an endless line": (b"HTTP/1.1 200 " + LONG, stay),
    "an endless header": (b"HTTP/1.1 200 OK\r\nA: " + LONG, stay),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * len(LONG[::6]), stay),
    "endless trailers": (CHUNKED + b"2\r\nhi\r\n0\r\n" + b"A: b\r\n" * len(LONG[::6]), stay),
    "an endless extension": (CHUNKED + b"2;" + LONG, stay),
    "endlessly early": (b"HTTP/1.1 100 X\r\n\r\n" * len(LONG[::18]), stay),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "then"), BROKEN.values(), ids=BROKEN)
@looped
async def test_what_is_no_whole_answer_is_cut(answer, then):
    async with answering(answer, then=then) as upstream:
        connection = await connect(upstream.address)
        with pytest.raises(Cut):
            await answered(connection)
        assert not connection.reusable
        await until(lambda: upstream.gone == 1)


@looped
async def test_headers_are_those_of_the_answer_alone():
    early, late = b"HTTP/1.1 103 X\r\nLink: a\r\n\r\n", b"0\r\nX-Late: 1\r\n\r\n"
    own = b"HTTP/1.1 200 OK\r\nX-Empty:\r\nX-B:  \xe4\r\nTransfer-Encoding: Chunked\r\n\r\n"
    async with answering(early + own + late) as upstream:
        connection = await connect(upstream.address)
        await answered(connection)
        expected = [(b"x-empty", b""), (b"x-b", b"\xe4"), (b"transfer-encoding", b"Chunked")]
        assert connection.headers == expected
        connection.close()


@pytest.mark.parametrize("then", [close, reset, lambda writer: writer.write(BAD)])
@looped
async def test_a_new_connection_that_is_lost_before_its_use_is_cut(then):
    async with answering(then=then) as upstream:
        connection = await connect(upstream.address)
        await until(lambda: connection._fault is not None)
        with pytest.raises(Cut):
            await answered(connection)


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("what", [BAD, b"\r\n", b""], ids=["answers", "speaks", "closes"])
@looped
async def test_what_an_upstream_does_unasked_ends_the_connection(what, noticed):
    pool = Pool(60)
    async with answering(OK, OK) as upstream:
        connection = await connect(upstream.address)
        await answered(connection)
        pool.give(upstream.address, connection)
        with upstream.socket() as own:
            own.send(what) if what else own.shutdown(socket.SHUT_WR)
        if noticed:
            await until(lambda: not connection.reusable)
        assert pool.kept(upstream.address) is None
        await until(lambda: upstream.gone == 1)


@pytest.mark.parametrize("ended", [True, False])
@looped
async def test_an_answer_may_come_before_the_body_was_sent(ended):
    async def serve(reader, writer):
        await reader.readexactly(len(HEAD))
        writer.transport.pause_reading()
        writer.write(TO_THE_END if ended else OK)
        if ended:
            writer.write_eof()
        await asyncio.Event().wait()

    async with Upstream(serve).running() as upstream:
        connection = await connect(upstream.address)
        await connection.ask(HEAD, bytes(PLENTY))
        assert (connection.status, await whole(connection)) == (200, b"hi")
        assert not connection.reusable
        connection.close()


async def pour(reader, writer):
    await reader.readexactly(len(HEAD) + 2)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % PLENTY)
    for _ in range(PLENTY >> 20):
        writer.write(bytes(1 << 20))
        await writer.drain()


async def babble(reader, writer):
    writer.write(OK)


@pytest.mark.parametrize("encrypted", [False, True])
@looped
async def test_nothing_piles_up_that_nobody_reads(encrypted, tls, monkeypatch):
    monkeypatch.setattr(connections, "_trusting", lambda: tls[1])
    async with Upstream(pour).running(tls[0] if encrypted else None) as upstream:
        connection = await connect(upstream.address)
        await connection.ask(HEAD, b"{}")
        await until(lambda: connection._paused)
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(b"".join(connection._pieces)) < 1 << 20
        assert len(await whole(connection)) == PLENTY
        assert connection.reusable
        connection.close()


@looped
async def test_an_answer_that_nobody_read_is_not_the_next_ones():
    pool = Pool(60)
    async with answering(OK) as upstream:
        connection = await connect(upstream.address)
        await connection.ask(HEAD, b"{}")
        await until(lambda: connection._ended)
        pool.give(upstream.address, connection)
        assert pool.kept(upstream.address) is None
        await until(lambda: upstream.gone == 1)


@pytest.mark.parametrize("answer", [b"", OK[:-1]], ids=["before the answer", "within it"])
@looped
async def test_a_connection_is_closed_if_whoever_waits_is_cancelled(answer):
    pool = Pool(60)
    async with answering(answer) as upstream:
        connection = await connect(upstream.address)
        asking = asyncio.create_task(answered(connection))
        await until(lambda: connection._begun == bool(answer) and connection._waiter is not None)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        pool.give(upstream.address, connection)
        assert pool.kept(upstream.address) is None
        await until(lambda: upstream.gone == 1)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("encrypted", [False, True])
@looped
async def test_nothing_is_left_of_a_cancelled_connect(encrypted):
    async with answering() as upstream:
        address = upstream.address._replace(tls=encrypted)
        before = open_files()
        for turns in range(12):
            connecting = asyncio.create_task(connect(address))
            for _ in range(turns):
                await asyncio.sleep(0)
            if connecting.done():
                connecting.result().close()
                continue
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
        await until(lambda: open_files() == before)
        assert upstream.gone == len(upstream.writers)


@looped
async def test_the_pool_gives_the_last_first_and_tells_addresses_apart():
    pool = Pool(60)
    async with answering(OK) as upstream:
        at = upstream.address
        first, second, other = [await connect(at) for _ in range(3)]
        for connection in (first, second, other):
            await answered(connection)
        pool.give(at, first)
        pool.give(at, second)
        pool.give(at._replace(host="localhost"), other)
        assert pool.kept(at._replace(tls=True)) is pool.kept(at._replace(port=1)) is None
        assert [pool.kept(at), pool.kept(at), pool.kept(at)] == [second, first, None]
        assert pool.kept(at._replace(host="localhost")) is other
        for connection in (first, second, other):
            pool.give(at, connection)
        pool.close()
        await until(lambda: upstream.gone == 3)


@looped
async def test_the_pool_closes_what_nobody_uses():
    soon, at_once, now = Pool(0.05), Pool(0), asyncio.get_running_loop().time
    async with answering(OK) as upstream:
        for pool in (soon, soon, at_once):
            connection, since = await connect(upstream.address), now()
            await answered(connection)
            pool.give(upstream.address, connection)
            # The sweep that closes one comes too early for the next.
            await until(lambda since=since: now() > since + 0.01)
        assert at_once.kept(upstream.address) is None
        await until(lambda: upstream.gone == 3)


PLACES = {
    "http://h/v1": (Address("h", 80, False), b"/v1", b"h"),
    "https://H:8443/v1/a?b=c&d": (Address("h", 8443, True), b"/v1/a?b=c&d", b"h:8443"),
    "http://[::1]:8000": (Address("::1", 8000, False), b"/", b"[::1]:8000"),
    "https://[2001:db8::1]/v1": (Address("2001:db8::1", 443, True), b"/v1", b"[2001:db8::1]"),
    "https://bücher.example/v1": (Address("xn--bcher-kva.example", 443, True), b"/v1", b"xn--bcher-kva.example"),
}  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), PLACES.items())
def test_an_url_says_where_to_connect_and_how_to_begin(url, expected):
    address, path, host = expected
    assert place_of(url) == (address, b"POST " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n")


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A server's context with a certificate of its own, and a client's that trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "upstream")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    then = now + datetime.timedelta(1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, then)
    signed = made.add_extension(here, critical=False).sign(key, hashes.SHA256())
    pem, file = serialization.Encoding.PEM, tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + signed.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=signed.public_bytes(pem).decode())


@looped
async def test_who_takes_no_connection_or_is_not_trusted_is_refused(tls, monkeypatch):
    async with Upstream(pour).running(tls[0]) as upstream, Upstream(babble).running() as plain:
        with pytest.raises(Refused, match="self-signed"):
            await connect(upstream.address)
        monkeypatch.setattr(connections, "_trusting", lambda: tls[1])
        with pytest.raises(Refused, match="not valid for 'localhost'"):
            await connect(upstream.address._replace(host="localhost"))
        with pytest.raises(Refused):
            await connect(plain.address._replace(tls=True))
        (await connect(upstream.address)).close()
    with pytest.raises(Refused, match="refused"):
        await connect(plain.address)


@pytest.mark.parametrize("properly", [True, False])
@looped
async def test_the_end_of_an_encrypted_answer_must_be_signed(properly, tls, monkeypatch):
    async def serve(reader, writer):
        await reader.readexactly(len(HEAD) + 2)
        writer.write(TO_THE_END)

    monkeypatch.setattr(connections, "_trusting", lambda: tls[1])
    async with Upstream(serve).running(tls[0]) as upstream:
        connection = await connect(upstream.address)
        await connection.ask(HEAD, b"{}")
        assert await connection.piece() == b"hi"
        if properly:
            upstream.writers[0].close()
            assert await connection.piece() == b""
            return
        with upstream.socket() as own:
            own.shutdown(socket.SHUT_WR)
        with pytest.raises(Cut):
            await connection.piece()
