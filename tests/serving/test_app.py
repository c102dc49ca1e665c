"""The unmodified `openai` client gets what `evaluate` measured, and honest errors."""

import asyncio
import dataclasses
import json
import math
import os
import signal
import socket
import threading
from http.client import HTTPConnection

import httpx
import jsonschema
import openai
import pytest
import torch

from tests.serving.conftest import BASE, TUNED, engine, serving
from tests.waiting import wait_for
from tunesmith.evaluation.generation import Draws, answer
from tunesmith.serving import server
from tunesmith.serving.app import BODY, Desk
from tunesmith.serving.models import Models
from tunesmith.training.template import prompt_ids

ASK = {"model": BASE, "messages": [{"role": "user", "content": "Mary wants 37 lamps."}]}
KEY = "a-key-of-many-characters"
SCHEMA = {
    "type": "object",
    "properties": {"item": {"enum": ["lamps", "chairs"]}, "count": {"type": "integer"}},
    "required": ["item", "count"],
    "additionalProperties": False,
}


def content(chunks):
    """The text of a stream, and why it ended."""
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    return "".join(c.delta.content or "" for c in choices), choices[-1].finish_reason


@pytest.mark.parametrize("name", [BASE, TUNED])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_the_one_that_was_evaluated(client, prompts, expected, name, stream):
    for prompt, right in list(zip(prompts, expected[name], strict=True))[:4]:
        found = client.chat.completions.create(
            model=name, messages=prompt, max_tokens=40, stream=stream,
            **({"stream_options": {"include_usage": True}} if stream else {}),
        )  # fmt: skip
        if stream:
            chunks = list(found)
            told, usage = content(chunks), chunks[-1].usage
            assert chunks[0].choices[0].delta.role == "assistant"
            assert len(chunks) > 6
        else:
            told = found.choices[0].message.content, found.choices[0].finish_reason
            usage = found.usage
        assert told == (right.text, right.finish_reason)
        counts = (usage.prompt_tokens, usage.completion_tokens)
        assert counts == (right.prompt_tokens, right.completion_tokens)


def test_answers_that_are_made_together_are_the_same(running, prompts, expected):
    assert expected[BASE] != expected[TUNED]

    async def ask(client, name, prompt, stream):
        found = await client.chat.completions.create(
            model=name, messages=prompt, max_tokens=40, stream=stream
        )
        if stream:
            return content([chunk async for chunk in found])[0]
        return found.choices[0].message.content

    async def ask_all():
        async with openai.AsyncOpenAI(
            base_url=f"{running.url}/v1", api_key="none", max_retries=0
        ) as client:
            asked = [
                ask(client, name, prompt, at % 2 == 1)
                for name in (BASE, TUNED)
                for at, prompt in enumerate(prompts)
            ]
            return await asyncio.gather(*asked)

    right = [output.text for name in (BASE, TUNED) for output in expected[name]]
    assert asyncio.run(ask_all()) == right


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_ends_before_a_stop(client, stream):
    found = client.chat.completions.create(**ASK, stop=["lamps", "!"], stream=stream)
    told = content(found) if stream else (
        found.choices[0].message.content, found.choices[0].finish_reason
    )  # fmt: skip
    assert told == ("Dear Mary, here are 37 ", "stop")


def test_a_limit_is_told(client):
    found = client.chat.completions.create(**ASK, max_completion_tokens=3, max_tokens=9)
    assert (found.choices[0].finish_reason, found.usage.completion_tokens) == ("length", 3)


def test_what_is_drawn_follows_from_the_seed(client, loaded):
    ids = prompt_ids(loaded.tokenizer, ASK["messages"])
    for seed in (1, 2):
        right = answer(
            loaded, [ids], max_new_tokens=30, batch_size=1, draws=Draws(1.5, 0.9, [seed])
        ).outputs[0]
        found = client.chat.completions.create(
            **ASK, temperature=1.5, top_p=0.9, seed=seed, max_tokens=30
        )
        assert found.choices[0].message.content == right.text


def test_log_probabilities_are_the_model_s(client, loaded):
    ids = prompt_ids(loaded.tokenizer, ASK["messages"])
    found = client.chat.completions.create(**ASK, logprobs=True)
    told = found.choices[0].logprobs.content
    assert "".join(token.token for token in told) == found.choices[0].message.content
    made = loaded.tokenizer.encode(found.choices[0].message.content, add_special_tokens=False)
    with torch.inference_mode():
        scores = loaded.model(torch.tensor([ids + made])).logits[0].log_softmax(-1)
    right = [float(scores[len(ids) - 1 + at, token]) for at, token in enumerate(made)]
    assert [token.logprob for token in told] == pytest.approx(right, abs=1e-3)
    streamed = client.chat.completions.create(**ASK, logprobs=True, stream=True)
    pieces = [chunk.choices[0].logprobs for chunk in streamed]
    again = [token for piece in pieces if piece for token in piece.content]
    assert [t.logprob for t in again] == pytest.approx([t.logprob for t in told], abs=1e-3)


def test_an_answer_keeps_to_a_schema(client):
    form = {"type": "json_schema", "json_schema": {"name": "order", "schema": SCHEMA}}
    found = client.chat.completions.create(**ASK, response_format=form, max_tokens=60)
    jsonschema.validate(json.loads(found.choices[0].message.content), SCHEMA)
    found = client.chat.completions.create(
        **ASK, response_format={"type": "json_object"}, max_tokens=5
    )
    assert found.choices[0].message.content.startswith("{")


@pytest.mark.parametrize("as_tokens", [False, True])
def test_a_text_goes_on(client, loaded, as_tokens):
    ids = prompt_ids(loaded.tokenizer, ASK["messages"])
    text = loaded.tokenizer.decode(ids)
    found = client.completions.create(
        model=BASE, prompt=ids if as_tokens else text, max_tokens=9, logprobs=0
    )
    (choice,) = found.choices
    right = answer(loaded, [ids], max_new_tokens=9, batch_size=1).outputs[0]
    assert (choice.text, choice.finish_reason) == (right.text, "length")
    assert "".join(choice.logprobs.tokens) == choice.text
    assert math.exp(choice.logprobs.token_logprobs[0]) <= 1
    pieces = client.completions.create(model=BASE, prompt=text, max_tokens=9, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == choice.text


def test_the_models_are_listed(client):
    assert [model.id for model in client.models.list()] == [BASE, TUNED]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n": 2}, "n: found 2"),
        ({"top_logprobs": 3, "logprobs": True}, "top_logprobs"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5000}, "context holds 1,024"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "image_url"),
        ({"messages": [{"role": "user", "content": "x " * 1100}]}, "the prompt has"),
        ({"tools": [{"type": "function", "function": {"name": "look_up"}}]}, "look_up"),
        ({"response_format": {"type": "json_schema"}}, "json_schema is missing"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {
                "name": "x", "schema": {"type": "no such"}}}},
            "cannot be held",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(running, change, told):
    with running.http() as http:
        reply = http.post("/v1/chat/completions", json=ASK | change)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
    assert told in reply.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"model": 1}', b"[" * 100_000])
def test_a_body_that_is_none_is_refused(running, body):
    with running.http() as http:
        assert http.post("/v1/chat/completions", content=body).status_code == 400


def test_a_model_a_path_and_a_size_that_are_not_there(running):
    with running.http() as http:
        reply = http.post("/v1/chat/completions", json=ASK | {"model": "other"})
        assert reply.status_code == 404
        assert f"{BASE}, {TUNED}" in reply.json()["error"]["message"]
        assert http.get("/v1/nothing").json()["error"]["code"] == "not_found"
        assert http.get("/v1/completions").status_code == 405
        reply = http.post("/v1/completions", content=b" " * (BODY + 1))
        assert reply.status_code == 413
        assert http.get("/healthz").status_code == 200
        assert http.get("/readyz").status_code == 200


def test_without_the_key_nothing_is_answered(models):
    with engine() as made, serving(Desk(models, made, key=KEY)) as server:
        with pytest.raises(openai.AuthenticationError), server.client(api_key=KEY[1:]) as client:
            client.models.list()
        with server.client(api_key=KEY) as client:
            assert len(client.models.list().data) == 2
        with server.http() as http:
            assert http.get("/v1/models", headers={"authorization": KEY}).status_code == 401
            assert http.get("/healthz").status_code == 200


@pytest.fixture
def endless(loaded):
    """The base, as if it never ended an answer by itself."""
    return Models(dataclasses.replace(loaded, ends=frozenset()), BASE)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_ends_when_its_client_goes(endless, monkeypatch, stream):
    long = ASK | {"max_tokens": 900, "stream": stream}
    asked = []
    with engine() as made, serving(Desk(endless, made)) as server, server.http() as http:
        ask = made.ask
        monkeypatch.setattr(made, "ask", lambda *given: asked.append(ask(*given)) or asked[-1])
        if stream:
            with http.stream("POST", "/v1/chat/completions", json=long) as reply:
                next(reply.iter_bytes())
        else:
            client = HTTPConnection(server.url.removeprefix("http://"))
            kind = {"content-type": "application/json"}
            client.request("POST", "/v1/chat/completions", json.dumps(long), kind)
            wait_for(lambda: asked)
            client.close()
        wait_for(lambda: asked and not endless.find(BASE).answers)
    assert len(asked[0].tokens) < 900


def test_when_nobody_more_can_wait_a_client_is_told_to_come_back(models):
    with engine(waiting=0) as made, serving(Desk(models, made)) as server, server.http() as http:
        reply = http.post("/v1/chat/completions", json=ASK)
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
        assert reply.json()["error"]["code"] == "queue_full"


def test_the_end_of_the_server_is_told_in_a_stream(endless):
    with engine() as made, serving(Desk(endless, made)) as server, server.client() as client:
        chunks = client.chat.completions.create(**ASK, stream=True, max_tokens=900)
        next(chunks)
        made.close()
        with pytest.raises(openai.APIError, match="ending"):
            list(chunks)
        with server.http() as http:
            assert http.get("/healthz").status_code == 503
            assert http.post("/v1/chat/completions", json=ASK).status_code == 500


@pytest.fixture
def ended():
    """The signals that reach this process after the server has let go of them."""
    found = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: found.append(number))
    yield found
    signal.signal(signal.SIGTERM, before)


def run_while(ask, desk, drain):
    """Serve here, as the command does, while a thread asks, and then ends it in any case."""
    opened = server.listen("127.0.0.1", 0, "")
    url = f"http://127.0.0.1:{opened.getsockname()[1]}"
    found, over = [], threading.Event()

    def begin():
        try:
            with httpx.Client(base_url=url, timeout=30) as http:
                wait_for(lambda: http.get("/readyz").status_code == 200)
                found.append(ask(http))
        finally:
            while not over.wait(0.1):
                terminate()

    thread = threading.Thread(target=begin)
    thread.start()
    server.run(desk, opened, drain)
    over.set()
    thread.join()
    return found[0]


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_from_the_signal_on_it_is_not_ready_and_streams_go_on(endless, ended):
    def ask(http):
        with http.stream(
            "POST", "/v1/chat/completions", json=ASK | {"stream": True, "max_tokens": 300}
        ) as reply:
            lines = reply.iter_lines()
            next(lines)
            terminate()
            wait_for(lambda: http.get("/readyz").status_code == 503)
            assert http.get("/readyz").json() == {"status": "ending"}
            # Whoever spreads the traffic has not looked yet.
            late = http.post("/v1/chat/completions", json=ASK | {"max_tokens": 3})
            terminate()  # nobody waits any longer
            return late.status_code, [line for line in lines if line][-1]

    with engine() as made:
        assert run_while(ask, Desk(endless, made), drain=3600) == (200, "data: [DONE]")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_wish_for_another_protocol_is_not_heard_and_its_body_is_its_own(
    models, ended, together, chunked
):
    body = json.dumps(ASK | {"max_tokens": 1}).encode()
    frame = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    asked = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" \
        b"Upgrade: h2c\r\n" + frame + b"\r\n\r\n"  # fmt: skip
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body

    def ask(http):
        with socket.create_connection((http.base_url.host, http.base_url.port), 30) as line:
            for _ in range(2):  # and the connection is kept
                line.sendall(asked + body if together else asked)
                if not together:
                    wait_for(lambda: http.get("/healthz").status_code == 200)
                    line.sendall(body)
                came = line.recv(1 << 16)
                assert came.startswith(b"HTTP/1.1 200 "), came
                while b'"usage"' not in came:
                    came += line.recv(1 << 16)
        return True

    with engine() as made:
        assert run_while(ask, Desk(models, made), drain=0)


def test_it_ends_a_while_after_the_signal(models, ended):
    def ask(http):
        terminate()
        wait_for(lambda: ended)
        return list(ended)

    with engine() as made:
        assert run_while(ask, Desk(models, made), drain=0.1) == [signal.SIGTERM]
