"""Whatever is sent to a gateway, it answers, and no fault is its own.

A quick part runs in the suite. A long one, with other examples each time:

    FUZZ_CASES=2000 python -m pytest tests/gateway/test_fuzz.py --hypothesis-profile=search
"""

import contextlib
import json
import os
import re
import socket
import sys

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as some
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.gateway.conftest import RECIPE, gateway
from tests.scripted_upstream import completion, says, says_in_pieces
from tunesmith.gateway import asgi, openapi, protocol
from tunesmith.gateway.app import COMPLETIONS
from tunesmith.gateway.door import Limits
from tunesmith.gateway.importing import import_all
from tunesmith.gateway.keys import Keys, new_key

CASES = int(os.environ.get("FUZZ_CASES", "30"))
PATH = "/v1/chat/completions"
BODY = {"model": RECIPE, "user": "u1", "messages": [{"role": "user", "content": "hi"}]}
TEXT = json.dumps(BODY).encode()
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A gateway whose upstreams answer everything."""
    whole, pieces = says("ok"), says_in_pieces("o", "k")

    def answer(handler, body):
        (pieces if body.get("stream") else whole)(handler, body)

    limits = Limits(body=1 << 20)
    with gateway(tmp_path_factory.mktemp("fuzz") / "i", limits=limits) as made:
        made.control.answer = made.treatment.answer = answer
        yield made


@pytest.fixture(scope="module")
def http(running):
    with running.http() as made:
        yield made


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Let nobody wait for long; and let the upstream, which is Python's, read any number."""
    monkeypatch.setattr(asgi, "SLOWEST", 0.3)
    monkeypatch.setattr(protocol, "SLOWEST", 0.3)
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


def lives(http):
    """It answers as ever."""
    assert http.post(PATH, json=BODY).status_code == 200
    return True


# What its document says


schema = schemathesis.openapi.from_dict(openapi.DOCUMENT)


@schema.parametrize()
@settings(max_examples=CASES)
def test_what_its_document_describes(case, running):
    if case.operation.path in COMPLETIONS and isinstance(case.body, dict):
        case.body["model"] = RECIPE  # with any other, a 404 would be all there is to see
    response = case.call(base_url=running.url, timeout=60)
    case.validate_response(response, checks=CHECKS)


def test_the_document_names_all_there_is_and_no_more(running, http):
    assert http.get("/openapi.json").json() == openapi.DOCUMENT
    for path, operations in openapi.DOCUMENT["paths"].items():
        for method in ("get", "post"):
            told = http.request(method, path.replace("{model}", RECIPE)).status_code
            known = method in operations or "security" in operations.get("get", {})
            assert (told not in (404, 405)) == known, (method, path)
    assert set(COMPLETIONS) < set(openapi.DOCUMENT["paths"])


def test_a_key_is_needed_where_the_document_says_so(tmp_path):
    key, kept = new_key("shop", per_minute=1)
    with gateway(tmp_path / "i", keys=Keys([kept])) as other, other.http() as http:
        for path, operations in openapi.DOCUMENT["paths"].items():
            for method, operation in operations.items():
                closed = http.request(method, path).status_code == 401
                assert closed == ("security" not in operation) == ("401" in operation["responses"])
        header = {"authorization": f"Bearer {key}"}
        assert [http.get("/v1/models", headers=header).status_code for _ in range(2)] == [200, 429]


# Bodies


def deep(opening, closing, of=b"1"):
    return opening * 100_000 + of + closing * 100_000


BODIES = {
    "nothing": b"", "a half": TEXT[:-1], "two": TEXT + TEXT, "a list": b"[]", "a number": b"1",
    "a text": b'"a"', "nobody": b"null", "a byte order mark": b"\xef\xbb\xbf" + TEXT,
    "utf-16": TEXT.decode().encode("utf-16"), "no utf-8": TEXT.replace(b"hi", b"\xff\xfe"),
    "a NUL": TEXT.replace(b"hi", b"\0"), "a NUL after": TEXT + b"\0",
    "a lone surrogate": TEXT.replace(b"hi", b"\\ud800"),
    "a lone surrogate's name": TEXT.replace(b'"user"', b'"\\udfff"'),
    "NaN": TEXT.replace(b'"hi"', b"NaN"), "no end": TEXT.replace(b'"hi"', b"-Infinity"),
    "model a list": b'{"model": ["support-email"]}', "model nobody": b'{"model": null}',
    "model long": b'{"model": "%s"}' % (b"x" * 100_000), "user a list": b'{"model": "a", "user": []}',
    "stream yes": TEXT.replace(b"{", b'{"stream": "yes", ', 1),
    "stream 1": TEXT.replace(b"{", b'{"stream": 1, ', 1),
    "deep lists": TEXT.replace(b'"hi"', deep(b"[", b"]")),
    "deep objects": TEXT.replace(b'"hi"', deep(b'{"a":', b"}")),
    "a deep stream": b'{"model": "a", "stream": %s}' % deep(b"[", b"]"),
    "too large": TEXT.replace(b"hi", b"x" * (1 << 20)),
}  # fmt: skip
FINE = {
    "a number without end": TEXT.replace(b'"hi"', b"1" * 10_000),
    "a large exponent": TEXT.replace(b'"hi"', b"1e99999"),
    "names twice": b'{"model": "other", "user": 7, ' + TEXT[1:],
    "spaces": b" \n\t" * 1000 + TEXT + b" " * 1000,
    "no user": b'{"model": "support-email", "user": null, "stream": null}',
    "a user of any kind": TEXT.replace(b"u1", "Ж\\u0000\U0001f600".encode() * 5000),
    "a stream": TEXT.replace(b"{", b'{"stream": true, ', 1),
    "names of any kind": TEXT.replace(b"{", b'{"": 1, "\\u0000": 2, "stream_options": [], ', 1),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_none_is_the_clients_fault(running, http, name):
    before = len(running.records())
    reply = http.post(PATH, content=BODIES[name])
    assert reply.status_code in (400, 404, 413), reply.text
    assert len(running.records()) == before


@pytest.mark.parametrize("name", FINE)
def test_a_body_that_is_odd_is_answered(running, http, name):
    reply = http.post(PATH, content=FINE[name])
    assert reply.status_code == 200, reply.text
    assert "ending" not in running.records()[-1], "it is answered, which is not written"


def test_of_a_name_that_comes_twice_the_last_counts_here_and_over_there(running, http):
    http.post(PATH, content=FINE["names twice"])
    assert running.treatment.requests[-1]["model"] == "model-4"
    assert running.treatment.requests[-1]["user"] == "u1"


# A body with some bytes of it changed


@settings(max_examples=CASES * 5)
@given(at=some.integers(0, len(TEXT) - 1), put=some.binary(max_size=3), cut=some.integers(0, 4))
def test_a_body_with_other_bytes_in_it(running, http, at, put, cut):
    reply = http.post(PATH, content=TEXT[:at] + put + TEXT[at + cut :])
    assert reply.status_code in (200, 400, 404), reply.text


# Feedback


ABOUT = {"interaction": "i" * 32}


@pytest.mark.parametrize("said", [
    {"outcomes": {"a": 10**400}}, {"outcomes": {"a": -(10**13)}}, {"outcomes": {"a": 1e300}},
    {"outcomes": {"\0": 1}}, {"id": "\0", "rating": 1}, {"rating": 10**400}, {"rating": -0.1},
    {"rating": True}, {"accepted": 1}, {"outcomes": {"a": None}}, {"outcomes": []},
])  # fmt: skip
def test_feedback_that_no_table_could_hold_is_refused(running, http, said):
    reply = http.post("/v1/feedback", content=json.dumps(ABOUT | said))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_body")


# What an upstream says


@pytest.mark.parametrize("changed", [
    {"usage": {"prompt_tokens": -5, "completion_tokens": 3}},
    {"usage": {"prompt_tokens": 10**400, "completion_tokens": 1e300}},
    {"usage": {"prompt_tokens": 2**31, "completion_tokens": 2**63}},
    {"usage": []}, {"choices": {}}, {"choices": [{}]}, {"choices": [None]},
    {"choices": [{"message": {"content": "x"}, "finish_reason": "\0" * 100}]},
    {"choices": [{"message": {"content": "\0\ud800"}, "finish_reason": "stop"}]},
    {"choices": [{"text": "x", "logprobs": {"token_logprobs": [-1e308, -1e308, None]}}]},
    {"id": json.loads("[" * 500 + "]" * 500)}, {"error": {}}, {"error": None},
])  # fmt: skip
def test_what_an_upstream_says_is_passed_on_and_can_be_imported(database_url, tmp_path, changed):
    with gateway(tmp_path / "i") as made:
        made.give(0)
        made.control.told(says("x", **changed))
        with made.http() as http:
            reply = http.post(PATH, json=BODY)
            assert (reply.status_code, reply.json()) == (200, json.loads(json.dumps(
                completion("x", **changed))))  # fmt: skip
            http.post(PATH, json=BODY)
    done = import_all(tmp_path / "i", database_url)
    assert (done.rows, done.unreadable) == (2, 0)


# HTTP itself


def head(*lines, method="POST", path=PATH):
    kind = "content-type: application/json"
    opening = f"{method} {path} HTTP/1.1\r\nhost: x\r\n{kind}\r\n".encode()
    return opening + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


LENGTH = b"content-length: %d" % len(TEXT)
CHUNKED = b"transfer-encoding: chunked"
RAW = {
    "bytes": b"\x00\x01\x02\xff\r\n\r\n", "a greeting of TLS": bytes.fromhex("160301020001fc0303"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/0.9": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/7.7\r\n\r\n", "no target": b"GET  HTTP/1.1\r\n\r\n",
    "a path of bytes": b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    "a long path": head(method="GET", path="/" + "x" * 200_000),
    "a header without a name": head(b": x"), "a header with a space": head(b"a b: x"),
    "a header with a NUL": head(b"x-a: \0"), "a folded header": head(b"x-a: a", b" b"),
    "a header of bytes": head(b"\xff: x"), "a long header": head(b"x-a: " + b"x" * 200_000),
    "a long name": head(b"x" * 200_000 + b": a"), "many headers": head(*[b"x-a: b"] * 20_000),
    "lengths that differ": head(b"content-length: 2", b"content-length: 3") + b"{}a",
    "a length twice": head(b"content-length: 2", b"content-length: 2") + b"{}",
    "a length and chunks": head(b"content-length: 2", CHUNKED) + b"2\r\n{}\r\n0\r\n\r\n",
    "a length below zero": head(b"content-length: -2") + b"{}",
    "a length that is none": head(b"content-length: x") + b"{}",
    "a length with a sign": head(b"content-length: +2") + b"{}",
    "a length beyond numbers": head(b"content-length: " + b"9" * 30) + b"{}",
    "a length of gigabytes": head(b"content-length: 9999999999") + b"{}",
    "a chunk without a size": head(CHUNKED) + b"\r\n{}\r\n0\r\n\r\n",
    "a chunk of no number": head(CHUNKED) + b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk beyond numbers": head(CHUNKED) + b"f" * 30 + b"\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer": head(CHUNKED) + b"1\r\n{}\r\n0\r\n\r\n",
    "a size without end": head(CHUNKED) + b"0" * 200_000,
    "trailers without end": head(CHUNKED) + b"2\r\n{}\r\n0\r\n" + b"x-a: b\r\n" * 30_000,
    "a coding of one's own": head(b"transfer-encoding: xchunked") + b"2\r\n{}\r\n0\r\n\r\n",
    "a tunnel": head(method="CONNECT", path="x:80"), "a web socket": head(
        b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-version: 13",
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", method="GET"),
    "no body at all": head(), "a half of the headers": b"POST / HTTP/1.1\r\nx-a",
    "nothing": b"", "a half of the body": head(LENGTH) + TEXT[:10], "only headers": head(LENGTH),
    "a half of the chunks": head(CHUNKED) + b"2\r\n{}\r\n",
    "a method of one's own": head(method="BREW"), "a key of bytes": head(
        b"authorization: Bearer \xff\xfe", LENGTH),
}  # fmt: skip


def converse(running, sent, pieces=1, ends=False):
    """Send bytes over a connection of their own; returns all that came until it was silent.

    With `ends`, until it was ended.
    """
    host, port = running.url.removeprefix("http://").split(":")
    came = b""
    with socket.create_connection((host, int(port)), timeout=60) as line:
        try:
            for at in range(0, len(sent), max(len(sent) // pieces, 1)):
                line.sendall(sent[at : at + max(len(sent) // pieces, 1)])
            while part := line.recv(1 << 16):
                came += part
                if not ends:
                    line.settimeout(0.1)  # kept open for another request
        except TimeoutError:
            assert came, "neither answered nor ended"
        except ConnectionError:
            pass  # it was ended while there was more to say
    return came


def statuses(came):
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", came)]


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_no_request_are_told_or_hung_up_on(running, http, name):
    told = statuses(converse(running, RAW[name]))
    assert all(400 <= status < 500 for status in told), told
    assert lives(http)


# What Java's client sends with every request.
WISH = (b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAEAAEAAAAIAAA")
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(TEXT), TEXT)
INNER = head(method="GET", path="/v1/models")


@pytest.mark.parametrize("pieces", [1, 2, 7, 10_000])
@pytest.mark.parametrize(
    "asked", [head(*WISH, LENGTH) + TEXT, head(*WISH, CHUNKED) + CHUNKS], ids=["length", "chunks"]
)
def test_a_wish_for_another_protocol_is_not_heard_and_its_body_is_its_own(running, asked, pieces):
    last = head(*WISH, b"connection: close, upgrade", method="GET")
    before = len(running.treatment.requests)
    came = converse(running, asked * 2 + INNER + asked + last, pieces, ends=True)
    assert statuses(came) == [200, 200, 200, 200, 405]
    assert len(running.treatment.requests) == before + 3


@pytest.mark.parametrize("upgrade", [b"foo", b"websocket", b"TLS/1.0, HTTP/1.1"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_body_is_no_request_whatever_is_asked_for_beside(running, upgrade, method):
    wish = (b"connection: upgrade", b"upgrade: " + upgrade, b"expect: 100-continue")
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(head(*wish, b"content-length: %d" % len(INNER), method=method))
        came = line.recv(1 << 16)  # the headers have been read before their body is there
        line.sendall(INNER)
        line.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            while part := line.recv(1 << 16):
                came += part
    assert statuses(came) == ([100, 400] if method == "POST" else [405])


def test_what_follows_the_wish_for_a_tunnel_is_not_read(running):
    tunnel = head(LENGTH, method="CONNECT", path="x:80")
    assert statuses(converse(running, tunnel + INNER, ends=True)) == [400]


@pytest.mark.parametrize("name", [
    name for name, raw in RAW.items() if re.search(rb"host: x\r\n.*(length|encoding): ", raw, re.S)
])  # fmt: skip
def test_with_a_wish_for_another_protocol_all_limits_are_as_without(running, name):
    plain, wish = RAW[name], b"host: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
    told = statuses(converse(running, plain.replace(b"host: x\r\n", wish, 1)))
    assert told == statuses(converse(running, plain))


def test_a_request_that_goes_on_after_its_answer_is_ended(running):
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(head(b"content-length: 9999999999"))
        assert statuses(line.recv(1 << 16)) == [413]
        line.settimeout(0.05)
        for _ in range(100):
            try:
                line.sendall(b"x")
                if not line.recv(1 << 16):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    raise AssertionError("it goes on for ever")


def test_requests_one_after_the_other_are_answered_in_turn(running):
    wrong, last = head(b"content-length: 1") + b"{", head(b"connection: close", method="GET")
    came = converse(running, head(LENGTH) + TEXT + wrong + head(LENGTH) + TEXT + last, ends=True)
    assert statuses(came) == [200, 400, 200, 405]


def test_a_body_in_many_pieces_is_one(running):
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in TEXT) + b"0\r\nx-trailer: a\r\n\r\n"
    came = converse(running, head(CHUNKED, b"connection: close") + body, pieces=50, ends=True)
    assert statuses(came) == [200]


def test_an_upstream_is_not_asked_to_wait_for_a_body(running, http):
    assert http.post(PATH, json=BODY, headers={"expect": "100-continue"}).status_code == 200
    assert "expect" not in running.treatment.headers[-1]


@settings(max_examples=CASES * 2)
@given(at=some.integers(0, 150), put=some.binary(min_size=1, max_size=4), cut=some.integers(0, 6))
def test_a_request_with_other_bytes_in_it(running, at, put, cut):
    sent = head(LENGTH, b"connection: close") + TEXT
    told = statuses(converse(running, sent[:at] + put + sent[at + cut :]))
    assert all(status < 500 for status in told), told
