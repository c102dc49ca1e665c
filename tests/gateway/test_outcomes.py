"""Records for others: soon, signed, without text, and never at a user's cost."""

import contextlib
import hashlib
import hmac
import importlib.metadata
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.gateway.conftest import gateway
from tests.waiting import wait_for
from tunesmith.errors import RecipeError
from tunesmith.gateway import outcomes
from tunesmith.gateway.capture import Capture
from tunesmith.gateway.config import GatewayParams
from tunesmith.gateway.interactions import Interaction
from tunesmith.gateway.outcomes import Outcomes, entry_point, webhook

GIVEN = {"models": {"tiny": {"upstream": "http://x/v1", "serves": "m"}}}


def record(number=1):
    return Interaction(id=f"i{number}", at=5, recipe="tiny", request="{}", answer="private words")


def test_each_record_comes_once_in_order_and_without_its_text():
    got, dropped = [], []
    made = Outcomes(got.extend, dropped.append)
    for number in range(1200):
        made.put(record(number))
    made.close(10)
    assert [one["id"] for one in got] == [f"i{number}" for number in range(1200)]
    assert got[0]["ending"] == "answered"  # also what is as usual
    assert {"request", "answer"}.isdisjoint(got[0])
    assert dropped == []


def test_what_a_callable_raises_is_counted_and_told_without_content(caplog):
    got, dropped = [], []
    entered, goes_on = threading.Event(), threading.Event()

    def fails_at_first(records):
        entered.set()
        assert goes_on.wait(30)
        if len(dropped) < 2:
            raise ValueError(f"private: {records}")
        got.extend(records)

    made = Outcomes(fails_at_first, dropped.append)
    made.put(record(1))
    assert entered.wait(30)
    for number in (2, 3, 4):
        made.put(record(number))
    goes_on.set()
    wait_for(lambda: dropped == [1, 3])
    made.put(record(5))
    made.close(10)
    assert [one["id"] for one in got] == ["i5"]
    assert "outcomes cannot be delivered: ValueError" in caplog.text
    assert "delivered again" in caplog.text
    assert "private" not in caplog.text


def test_one_that_hangs_makes_nobody_wait(monkeypatch):
    monkeypatch.setattr(outcomes, "WAITING", 3)
    goes_on, dropped = threading.Event(), []
    entered = threading.Event()

    def hangs(records):
        entered.set()
        goes_on.wait(30)

    made = Outcomes(hangs, dropped.append)
    made.put(record(0))
    assert entered.wait(10)
    for number in range(5):
        made.put(record(number))
    assert dropped == [1, 1]
    before = time.monotonic()
    made.close(0.05)
    assert time.monotonic() - before < 10
    goes_on.set()


@contextlib.contextmanager
def receiver(status=200):
    """A server that keeps what is posted to it."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, self.headers, body))
            self.send_response_only(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook?of=us", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_url_gets_json_lines_that_it_can_check():
    with receiver() as (url, posted):
        webhook(url, "its secret")([{"id": "i1"}, {"id": "i2", "seconds": 0.5}])
    ((path, headers, body),) = posted
    assert path == "/hook?of=us"
    assert [json.loads(line) for line in body.splitlines()] == [
        {"id": "i1"}, {"id": "i2", "seconds": 0.5},
    ]  # fmt: skip
    stamp = headers["X-Tunesmith-Timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    signed = hmac.new(b"its secret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Tunesmith-Signature"] == signed


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_url_that_does_not_take_them_is_a_failure_and_no_redirect_is_followed(status):
    with receiver(status) as (url, posted), pytest.raises(ConnectionError):
        webhook(url, "s")([{"id": "i1"}])
    assert len(posted) == 1


def test_a_sink_that_fails_costs_no_user_anything(tmp_path):
    dropped = []
    made = Outcomes(webhook("http://127.0.0.1:9/", "s"), dropped.append)
    with gateway(tmp_path / "i", outcomes=made) as running:
        for _ in range(3):
            assert running.ask().choices[0].message.content == "re: hi"
        wait_for(lambda: sum(dropped) == 3)
        assert len(running.records()) == 3


def test_a_sink_gets_what_is_kept_and_nothing_else(tmp_path):
    got = []
    made = Outcomes(got.extend, lambda count: None)
    capture = Capture(b"k", 1.0)
    with gateway(tmp_path / "i", outcomes=made, limit=700, capture=capture, drops=[]) as running:
        for _ in range(6):
            running.ask()
        kept = [one["id"] for one in running.records()]
    assert [one["id"] for one in got] == kept
    assert 0 < len(kept) < 6
    assert "answer" not in got[0]


def test_a_package_may_offer_one(monkeypatch):
    point = importlib.metadata.EntryPoint("print", "builtins:print", "tunesmith.outcomes")
    offered = importlib.metadata.EntryPoints([point])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: offered)
    assert entry_point("print") is print
    with pytest.raises(RecipeError, match="no 'nothing' in the group.*one of: print"):
        entry_point("nothing")


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ({}, "either entry_point or webhook"),
        ({"webhook": "http://x", "secret": "S", "entry_point": "e"}, "either"),
        ({"webhook": "http://x"}, "secret with webhook"),
        ({"entry_point": "e", "secret": "S"}, "secret with webhook"),
        ({"webhook": "ftp://x", "secret": "S"}, "webhook"),
        ({"webhook": "http://me:key@x/", "secret": "S"}, "without a key"),
        ({"webhook": "http://x:port/", "secret": "S"}, "webhook"),
        ({"webhook": "http://x/", "secret": "sk-1"}, "secret"),
    ],
)
def test_a_sink_is_one_thing_and_a_url_has_a_secret(outcome, told):
    with pytest.raises(ValueError, match=told):
        GatewayParams.model_validate(GIVEN | {"outcomes": outcome})


def test_a_secret_comes_from_the_environment():
    made = GatewayParams.model_validate(
        GIVEN | {"outcomes": {"webhook": "http://x/", "secret": "KEY_Y"}}
    )
    assert made.deliver({"KEY_Y": "s"}) is not None
    with pytest.raises(RecipeError, match=r"outcomes.secret: the variable KEY_Y is not set"):
        made.deliver({})
    assert GatewayParams.model_validate(GIVEN).deliver({}) is None
