"""The door: who may come in, what is too large, and what stands where."""

import asyncio
import json
import socket

import httpx
import openai
import pytest

from tests.gateway.conftest import RECIPE, gateway
from tests.scripted_upstream import fails, says, says_in_pieces
from tunesmith.gateway import app, asgi
from tunesmith.gateway.door import Limits
from tunesmith.gateway.keys import ClientKey, Keys, digest_of, new_key

MESSAGES = [{"role": "user", "content": "hi"}]
BODY = {"model": RECIPE, "user": "u1", "messages": MESSAGES}
PATH = "/v1/chat/completions"


def post(running, body=None, **more):
    with running.http() as http:
        if body is not None:
            more = {"json": body, **more}
        return http.post(PATH, **more)


# Keys


@pytest.fixture
def kept(tmp_path):
    """A gateway with one key of three requests a minute, and the key."""
    key, known = new_key("support", per_minute=3)
    with gateway(tmp_path / "i", keys=Keys([known])) as running:
        yield running, key, known


def test_a_key_opens_the_door_and_is_named_in_the_record(kept):
    running, key, known = kept
    running.client(api_key=key).chat.completions.create(**BODY)
    assert running.record()["key"] == known.id
    assert key not in (running.folder / next(running.folder.glob("*")).name).read_text()


@pytest.mark.parametrize("change", [lambda key: key[:-1], lambda key: key.replace("tsk", "sk"),
                                    lambda key: "none", lambda key: "tsk__"])  # fmt: skip
def test_any_other_key_does_not(kept, change):
    running, key, _ = kept
    header = {"Authorization": f"Bearer {change(key)}"}
    reply = post(running, BODY, headers=header)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
    assert reply.headers["www-authenticate"] == "Bearer"
    assert running.treatment.requests == running.records() == []


def test_health_needs_no_key_and_models_do(kept):
    running, key, _ = kept
    with running.http() as http:
        assert http.get("/healthz").status_code == 200
        assert http.get("/readyz").status_code == 200
        assert http.get("/v1/models").status_code == 401
    client = running.client(api_key=key)
    assert [model.id for model in client.models.list()] == [RECIPE]
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-4'"):
        client.models.retrieve("gpt-4")
    assert client.models.retrieve(RECIPE).id == RECIPE


def test_a_key_has_a_rate_and_says_when_to_come_back(kept):
    running, key, _ = kept
    header = {"Authorization": f"Bearer {key}"}
    replies = [post(running, BODY, headers=header) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 20
    assert len(running.records()) == 3


def test_what_is_kept_of_a_key_does_not_give_it_back():
    key, known = new_key("support")
    assert key not in repr(known)
    assert known.digest == digest_of(key)
    assert Keys([known]).find(f"bearer {key}") is known
    assert Keys([ClientKey("x", "0" * 64, "x")]).find("Bearer tsk_x_") is None


# Bodies and paths


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON object"), (b"[]", "no JSON object"), (b"{", "no JSON object"),
        (b'"model"', "no JSON object"), (b"\xff\xfe", "no JSON object"), (b"null", "no JSON object"),
        (b'{"model": 3}', "model: expected a string"),
        (b'{"model": "support-email", "stream": "yes"}', "stream: expected true or false"),
        (b'{"model": "support-email", "user": {}}', "user: expected a string"),
        (b'{"model": "\xff"}', "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_told(running, content, said):
    reply = post(running, content=content)
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]
    assert running.records() == []


@pytest.mark.parametrize("model", [None, "", "gpt-4", "support-email "])
def test_a_model_that_is_not_there_is_told_with_those_that_are(running, model):
    reply = post(running, {**BODY, "model": model})
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
    assert RECIPE in reply.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_page_in_the_browser_cannot_ask_where_no_key_is_needed(running, kind):
    """Such a type, or none, it may send anywhere without being let."""
    headers = {"Origin": "https://example.com"} | ({"Content-Type": kind} if kind else {})
    reply = httpx.post(running.url + PATH, content=json.dumps(BODY), headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (415, "wrong_type")
    assert running.treatment.requests == running.records() == []
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert httpx.post(running.url + PATH, content=json.dumps(BODY), headers=kind).is_success


def test_with_a_key_the_type_says_nothing(kept):
    running, key, _ = kept
    header = {"Authorization": f"Bearer {key}"}
    assert httpx.post(running.url + PATH, content=json.dumps(BODY), headers=header).is_success


def chunks(size):
    yield b" " * size


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path, declared):
    with gateway(tmp_path / "i", limits=Limits(body=1000)) as running:
        content = b" " * 1001 if declared else chunks(1001)
        reply = post(running, content=content)
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "body_too_large")
        assert post(running, BODY).status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(asgi, "SLOWEST", 0.2)
    with gateway(tmp_path / "i") as running:
        port = int(running.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            slow.sendall(
                b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 99\r\n\r\n{" % PATH.encode()
            )
            assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert refused(running, 408) == 1
        assert post(running, BODY).status_code == 200


def refused(running, status):
    """How often a request was answered here with a status, as the counters have it."""
    return running.door.metrics._registry.get_sample_value(
        "tunesmith_refused_total", {"status": str(status)}
    )


def test_the_counters_hold_what_became_of_each_request(running):
    running.treatment.told(fails(500), says("one"), says("two"), says_in_pieces("th", "ree"))
    for streamed in (False, False, False, True):
        answer = running.ask(stream=streamed)
        assert not streamed or len(list(answer)) > 2
    page = httpx.get(f"{running.url}/metrics").text
    found = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in page.splitlines()
        if f'recipe="{RECIPE}"' in line and "_created" not in line
    }

    def value(name, **labels):
        inside = ",".join(f'{key}="{said}"' for key, said in labels.items())
        return found[f'tunesmith_{name}{{{inside},recipe="{RECIPE}",served="treatment"}}']

    sides = {"assigned": "treatment", "ending": "answered"}
    assert value("requests_total", **sides) == 3
    assert found[f'tunesmith_fallbacks_total{{ending="upstream_error",recipe="{RECIPE}"}}'] == 1
    by_side = {
        (kind, side): found[
            f'tunesmith_tokens_total{{kind="{kind}",recipe="{RECIPE}",served="{side}"}}'
        ]
        for kind in ("prompt", "completion") for side in ("treatment", "control")
    }  # fmt: skip
    assert by_side == {
        ("prompt", "treatment"): 21, ("prompt", "control"): 7,
        ("completion", "treatment"): 9, ("completion", "control"): 3,
    }  # fmt: skip
    for name in ("seconds", "first_token_seconds"):
        labels = f'{{recipe="{RECIPE}",served="treatment"}}'
        assert found[f"tunesmith_{name}_count{labels}"] == 3
        assert 0 < found[f"tunesmith_{name}_sum{labels}"] < 60
    assert value("seconds_bucket", le="+Inf") == 3


def test_without_a_look_at_the_ledger_nobody_is_told_that_there_is_no_such_model(running):
    running.routes.put({})
    reply = post(running, BODY)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    running.give()
    assert post(running, BODY).status_code == 200


def test_what_runs_beside_the_requests_begins_anew_after_a_fault(monkeypatch, caplog):
    waits, runs = [], []

    async def wait(seconds):
        waits.append(seconds)

    async def beside():
        runs.append(1)
        if len(runs) == 3:
            raise asyncio.CancelledError
        raise KeyError("a fault")

    monkeypatch.setattr(app.asyncio, "sleep", wait)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(app._for_ever(beside))
    assert (len(waits), len(runs)) == (2, 3)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_headers_that_are_too_large_are_refused(running):
    reply = post(running, BODY, headers={"x-long": "x" * 40_000})
    assert (reply.status_code, reply.json()["error"]["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", PATH, 405), ("GET", "/", 404), ("POST", "/v1/embeddings", 404),
     ("POST", "/v1/models", 405), ("DELETE", PATH, 405)],
)  # fmt: skip
def test_what_is_not_there_is_told_in_the_wire_format(running, method, path, status):
    with running.http() as http:
        reply = http.request(method, path)
    assert reply.status_code == status
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_it_is_not_ready_before_it_knows_its_routes_nor_when_it_ends(running):
    with running.http() as http:
        assert http.get("/readyz").status_code == 200
        running.door.ending.set()
        assert http.get("/readyz").status_code == 503
        assert http.get("/healthz").status_code == 200
        running.routes.put({})
        running.door.ending.clear()
        assert http.get("/readyz").json() == {"status": "no routes yet"}


# The unmodified client


def test_tools_and_json_mode_pass_through(running):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    running.treatment.answer = says(None, choices=[
        {"index": 0, "finish_reason": "tool_calls",
         "message": {"role": "assistant", "content": None, "tool_calls": [call]}}])  # fmt: skip
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    answer = running.ask(tools=[tool], response_format={"type": "json_object"})
    assert answer.choices[0].message.tool_calls[0].function.name == "f"
    (asked,) = running.treatment.requests
    assert (asked["tools"], asked["response_format"]) == ([tool], {"type": "json_object"})


def test_the_async_client_works_many_times_at_once(running):
    async def many():
        async with openai.AsyncOpenAI(
            base_url=f"{running.url}/v1", api_key="none", max_retries=0
        ) as client:
            asked = [client.chat.completions.create(**BODY) for _ in range(20)]
            return await asyncio.gather(*asked)

    assert len(asyncio.run(many())) == 20
    assert len({record["id"] for record in running.records()}) == 20


def test_the_async_client_streams(running):
    running.treatment.answer = says_in_pieces("a", "b")

    async def stream():
        async with openai.AsyncOpenAI(
            base_url=f"{running.url}/v1", api_key="none", max_retries=0
        ) as client:
            chunks = await client.chat.completions.create(**BODY, stream=True)
            return [chunk.choices[0].delta.content async for chunk in chunks]

    assert "".join(filter(None, asyncio.run(stream()))) == "ab"


@pytest.mark.parametrize("name", ["x-tunesmith-user", "x-tunesmith-conversation"])
def test_who_asks_is_not_told_to_the_upstream_by_our_headers(running, name):
    post(running, {**BODY, "user": None}, headers={name: "a", "x-other": "b"})
    (headers,) = running.treatment.headers
    assert name not in headers
    assert headers["x-other"] == "b"


@pytest.mark.parametrize(
    ("fields", "headers", "alike"),
    [
        ({"user": "a"}, {}, True),
        ({"user": None}, {"x-tunesmith-user": "a"}, True),
        ({"user": None}, {"x-tunesmith-conversation": "a"}, True),
        ({"user": "a"}, {"x-tunesmith-user": "b"}, True),
        ({"user": "b"}, {}, False),
    ],
)
def test_a_user_is_known_by_field_or_header(running, fields, headers, alike):
    post(running, {**BODY, "user": " a "})
    post(running, {**BODY, **fields}, headers=headers)
    one, other = running.records()
    assert (one["unit"] == other["unit"]) == alike


def test_numbers_pass_as_they_were_written(running):
    content = json.dumps(BODY)[:-1] + ', "big": 12345678901234567890123, "small": 1.10}'
    with running.http() as http:
        http.post(PATH, content=content)
    (asked,) = running.treatment.requests
    assert asked["big"] == 12345678901234567890123


# Feedback


def test_feedback_that_cannot_be_kept_is_not_acknowledged(tmp_path):
    drops = []
    with gateway(tmp_path / "i", limit=10, drops=drops) as running:
        reply = say(running, interaction="i" * 32, rating=1)
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "60")
    assert drops == [1]


def say(running, **said):
    with running.http() as http:
        return http.post("/v1/feedback", json=said)


def test_feedback_is_kept_beside_what_it_is_of(running):
    name = running.ask() and running.record()["id"]
    reply = say(
        running, interaction=name, id="mail-1", rating=0.8, outcomes={"ticket_closed": True}
    )
    assert (reply.status_code, reply.json()) == (202, {"id": "mail-1"})
    kept = running.records()[1]["feedback"]
    assert kept.pop("at") > 0
    assert kept == {
        "id": "mail-1", "interaction": name, "outcomes": {"ticket_closed": True, "rating": 0.8},
    }  # fmt: skip
    assert len(say(running, interaction=name, accepted=False).json()["id"]) == 32


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"rating": 1}, "interaction"),
        ({"interaction": "i" * 32}, "expected a rating"),
        ({"interaction": "i" * 32, "rating": 1.5}, "from 0 to 1"),
        ({"interaction": "../../etc/passwd", "rating": 1}, "x-tunesmith-interaction"),
        ({"interaction": "i" * 32, "ratnig": 1}, "ratnig"),
        ({"interaction": "i" * 32, "rating": "good"}, "rating"),
        ({"interaction": "i" * 32, "rating": 1, "id": "x" * 81}, "80 characters"),
        ({"interaction": "i" * 32, "outcomes": {str(n): 1 for n in range(21)}}, "20 at most"),
        ({"interaction": "i" * 32, "outcomes": {"a": "b"}}, "outcomes"),
        ({"interaction": "i" * 32, "outcomes": {"rating": 7}}, "rating has a meaning of its own"),
        ({"interaction": "i" * 32, "outcomes": {"seconds": 7}}, "seconds has a meaning"),
    ],
)
def test_feedback_that_says_nothing_is_told(running, said, why):
    reply = say(running, **said)
    assert reply.status_code == 400
    assert why in reply.json()["error"]["message"]
    assert running.records() == []
