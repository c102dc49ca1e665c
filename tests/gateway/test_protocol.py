"""What a client may send before its body has an end."""

import socket

import pytest

from tests.gateway.conftest import gateway
from tunesmith.gateway import protocol
from tunesmith.gateway.protocol import LARGEST

BEGIN = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = BEGIN + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


def sent(running, first, *more):
    """Send for as long as the server listens; returns what it said."""
    port = int(running.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        size = 0
        try:
            client.sendall(first)
            while more and size < 64 * LARGEST:
                for one in more:
                    client.sendall(one)
                    size += len(one)
        except OSError:
            pass
        else:
            assert not more, "it read on and on"
        said = b""
        try:
            while got := client.recv(4096):
                said += got
        except ConnectionResetError:
            pass
        return said


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"GET /" , b"x" * 4000),
        (BEGIN + b"X-Long: ", b"x" * 4000),
        (BEGIN, b"X-One: more\r\n" * 300),
        (CHUNKED, b"X-Trailer: more\r\n" * 300),
        (CHUNKED + b"X-Trailer: ", b"x" * 4000),
        (BEGIN + b"Transfer-Encoding: chunked\r\n\r\n2;x=", b"x" * 4000),
    ],
    ids=["path", "header", "headers", "trailers", "trailer", "chunk"],
)  # fmt: skip
def test_what_has_no_end_is_given_one(running, first, more):
    sent(running, first, more)
    assert running.ask().choices[0].message.content == "re: hi"  # others are served


def test_it_says_why(running):
    said = sent(running, BEGIN + b"X-Long: " + b"x" * (LARGEST + 1))
    assert said.startswith(b"HTTP/1.1 431 ")
    assert b"headers_too_large" in said


def test_headers_that_do_not_come_are_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol, "SLOWEST", 0.2)
    with gateway(tmp_path / "i") as running:
        assert sent(running, BEGIN) == b""
        with running.http() as http:  # a connection that is kept for more requests
            assert http.get("/healthz").status_code == 200
            assert sent(running, b"") == b""
            assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"),
        (b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", b"{}"),
        (b"POST /nothing HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
         b"Content-Length: 2\r\n\r\n", b"{"),
    ],
    ids=["a line's end", "a body's end", "a part of a body"],
)  # fmt: skip
def test_what_comes_after_an_answer_and_begins_nothing_keeps_no_connection(
    tmp_path, monkeypatch, asked, more
):
    monkeypatch.setattr(protocol, "SLOWEST", 0.5)
    with gateway(tmp_path / "i") as running:
        port = int(running.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(asked)
            while not client.recv(4096).endswith(b"}"):
                pass
            client.sendall(more)
            assert client.recv(4096) == b""


def test_a_body_may_be_far_longer_than_headers(running):
    with running.http() as http:
        reply = http.post("/v1/chat/completions", content=b" " * (20 * LARGEST) + b"{}")
    assert reply.status_code == 404
