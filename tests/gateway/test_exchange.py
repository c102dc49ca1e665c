"""Every way that an upstream can answer or fail: what the client sees, and the one record of it."""

import contextlib
import json
import socket
import threading
import time

import openai
import pytest

from tests.gateway.conftest import RECIPE, SHORT, gateway, patience
from tests.scripted_upstream import (
    BROKEN,
    DONE,
    OPENING,
    completion,
    cuts,
    fails,
    hangs,
    piece,
    raw,
    redirects,
    refuses,
    says,
    says_in_pieces,
    stalls,
    streams,
)
from tests.waiting import wait_for
from tunesmith.gateway import upstream

MESSAGES = [{"role": "user", "content": "hi"}]


def hangs_up(handler, body):
    handler.close_connection = True


def text_of(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


# As it should be


def test_an_answer_comes_as_the_upstream_gave_it(running):
    running.treatment.answer = says("Good day.", service_tier="default", choices=[{
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Good day."},
        "logprobs": {"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]},
    }])  # fmt: skip
    answer = running.ask(temperature=0.25, extra_body={"new_field": {"a": [1, "ž"]}})
    assert answer.choices[0].message.content == "Good day."
    assert answer.service_tier == "default"
    (asked,) = running.treatment.requests
    assert asked["model"] == "model-4"
    assert (asked["temperature"], asked["new_field"]) == (0.25, {"a": [1, "ž"]})
    assert "stream_options" not in asked
    record = running.record()
    assert record.pop("seconds") > 0
    assert record.pop("first_token_seconds") > 0
    assert len(record.pop("unit")) == 32
    assert len(record.pop("id")) == 32
    assert abs(record.pop("at") / 1000 - time.time()) < 60
    assert record == {
        "recipe": RECIPE, "rollout": "7", "stage": 2, "assigned": "treatment",
        "served": "treatment", "model": "model-4", "prompt_tokens": 7, "completion_tokens": 3,
        "length": 9, "finish_reason": "stop", "logprob_mean": -1.0, "logprob_least": -1.5,
    }  # fmt: skip


def test_a_stream_comes_piece_by_piece_and_its_tokens_are_counted(running):
    running.treatment.answer = says_in_pieces("Good ", "day.")
    chunks = list(running.ask(stream=True))
    assert text_of(chunks) == "Good day."
    # The client did not ask for the counts, and does not see them.
    assert all(chunk.choices for chunk in chunks)
    record = running.record()
    assert (record["prompt_tokens"], record["completion_tokens"]) == (7, 3)
    assert (record["length"], record["finish_reason"], record["streamed"]) == (9, "stop", True)
    assert 0 < record["first_token_seconds"] <= record["seconds"]


def test_a_client_that_asks_for_counts_gets_them(running):
    running.treatment.answer = says_in_pieces("a")
    chunks = list(running.ask(stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == 3
    assert running.record()["completion_tokens"] == 3


def test_pieces_go_out_as_they_come_and_not_at_the_end(tmp_path):
    seen = threading.Event()

    def waits(handler, body):
        assert seen.wait(20), "the first piece was held back"
        for one in (piece("b"), piece(finish_reason="stop"), DONE):
            handler.push(one)
        handler.wfile.write(b"0\r\n\r\n")

    with gateway(tmp_path / "i") as running:
        running.treatment.answer = streams(OPENING, piece("a"), then=waits)
        said = []
        for chunk in running.ask(stream=True):
            said.append(chunk.choices[0].delta.content or "")
            if "a" in said:
                seen.set()
    assert "".join(said) == "ab"


def test_what_is_recorded_stands_before_the_client_has_the_last_byte(running):
    running.treatment.answer = says_in_pieces("a")
    for _ in range(20):
        for _ in running.ask(stream=True):
            pass
        running.ask()
    assert len(running.records()) == 40


def test_response_headers_say_who_was_assigned_and_who_answered(running):
    running.treatment.told(fails(500))
    with running.http() as http:
        body = {"model": RECIPE, "user": "u1", "messages": MESSAGES}
        replies = [http.post("/v1/chat/completions", json=body) for _ in range(2)]
    assert all(int(reply.headers["content-length"]) == len(reply.content) for reply in replies)
    assert all(len(reply.headers.get_list("date")) == 1 for reply in replies)
    told = [
        (reply.headers["x-tunesmith-assigned"], reply.headers["x-tunesmith-served"])
        for reply in replies
    ]
    assert told == [("treatment", "control"), ("treatment", "treatment")]
    ids = [record["id"] for record in running.records()]
    assert ids == [reply.headers["x-tunesmith-interaction"] for reply in replies]


def test_plain_completions_go_the_same_way(running):
    running.treatment.answer = says(
        None, choices=[{"index": 0, "text": "two", "finish_reason": "stop"}]
    )
    answer = running.client().completions.create(model=RECIPE, prompt="one", user="u1")
    assert answer.choices[0].text == "two"
    assert running.record()["length"] == 3


def test_somebody_without_an_id_gets_control_and_is_not_analysed(running):
    running.ask(user=None)
    assert len(running.control.requests) == 1
    record = running.record()
    assert "unit" not in record
    assert record.get("assigned", "control") == "control"


# The treatment fails before its first content: control steps in


FAILS_AT_ONCE = [
    # What the treatment does, whether a stream was asked for, and how that is called.
    (None, False, "refused"),
    (None, True, "refused"),
    (refuses, False, "cut"),
    (refuses, True, "cut"),
    # Nobody can tell how much longer a whole answer takes: there is only the time for all of it.
    (hangs, False, "too_long"),
    (hangs, True, "no_first_token"),
    (fails(500), False, "upstream_error"),
    (fails(503, Retry_After="7"), True, "upstream_error"),
    (fails(429, Retry_After="7"), False, "rate_limited"),
    (fails(429, Retry_After="7"), True, "rate_limited"),
    (cuts, False, "cut"),
    (stalls, False, "too_long"),
    (raw(b'{"error": {"message": "no"}}'), False, "upstream_error"),
    (streams(OPENING, BROKEN), True, "stream_error"),
    (streams(BROKEN), True, "stream_error"),
    (streams(OPENING), True, "cut"),
    (streams(OPENING, then=hangs_up), True, "cut"),
    (streams(OPENING, then=hangs), True, "no_first_token"),
    (streams(b"data: half of an eve"), True, "cut"),
]


@pytest.mark.parametrize(("step", "streamed", "ending"), FAILS_AT_ONCE)
def test_control_steps_in_before_the_first_content(tmp_path, step, streamed, ending):
    with gateway(tmp_path / "i", timeouts=patience(ending)) as running:
        if step is None:
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                running.treatment.url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
            running.give()
        else:
            running.treatment.told(step)
        whole = says("from control")
        running.control.answer = says_in_pieces("from ", "control") if streamed else whole
        answer = running.ask(stream=streamed)
        said = text_of(answer) if streamed else answer.choices[0].message.content
        assert said == "from control"
        record = running.record()
        assert (record["assigned"], record.get("served", "control")) == ("treatment", "control")
        assert (record["treatment_ending"], record["attempts"]) == (ending, 2)
        assert record.get("ending", "answered") == "answered"
        assert (record["model"], record["length"]) == ("model-3", 12)


def test_a_wrong_request_is_the_clients_and_is_not_tried_again(running):
    running.treatment.told(fails(400, "max_tokens is too large"))
    with pytest.raises(openai.BadRequestError, match="max_tokens is too large"):
        running.ask()
    assert running.control.requests == []
    record = running.record()
    assert (record["ending"], record["status"]) == ("client_error", 400)


@pytest.mark.parametrize("status", [307, 401, 403, 404, 405, 409])
def test_who_is_asked_and_with_whose_key_is_not_the_clients_doing(running, status):
    """As where a candidate is not loaded: its users must not be the ones who find out."""
    running.treatment.told(fails(status, "there is no such model"))
    assert running.ask().choices[0].message.content == "re: hi"
    record = running.record()
    assert (record.get("served", "control"), record["treatment_ending"]) == (
        "control", "upstream_error",
    )  # fmt: skip


def test_a_key_that_an_upstream_refuses_is_not_shown_to_clients(running):
    running.give(0)
    running.control.told(fails(401, "Incorrect API key provided: up*****ret"))
    with pytest.raises(openai.InternalServerError, match="refuses the gateway's key") as told:
        running.ask()
    assert told.value.status_code == 502 and "up*****ret" not in str(told.value)
    assert running.record()["ending"] == "upstream_error"


# Nobody is left to step in: the client is told honestly


ALONE = {
    "hung up": (refuses, "cut", 502, openai.InternalServerError),
    "hangs": (hangs, "too_long", 504, openai.InternalServerError),
    "500": (fails(500, "kaput"), "upstream_error", 500, openai.InternalServerError),
    "429": (fails(429, "slow", Retry_After="7"), "rate_limited", 429, openai.RateLimitError),
}


@pytest.mark.parametrize("case", ALONE)
def test_controls_own_failure_is_told(tmp_path, case):
    step, ending, status, error = ALONE[case]
    with gateway(tmp_path / "i", timeouts=patience(ending)) as running:
        running.give(weight=0)
        running.control.told(step)
        with pytest.raises(error) as raised:
            running.ask()
        assert raised.value.status_code == status
        if case == "429":
            assert raised.value.response.headers["retry-after"] == "7"
        record = running.record()
        assert (record["ending"], record["status"]) == (ending, status)
        assert record.get("served", "control") == "control"


IN_THE_MIDST = {
    "cut": (streams(OPENING, piece("a"), then=hangs_up), "cut"),
    "ends without an end": (streams(OPENING, piece("a")), "cut"),
    "stalls": (streams(OPENING, piece("a"), then=hangs), "stalled"),
    "goes on for ever": (streams(OPENING, *[piece("a")] * 60, every=0.1), "too_long"),
    "says an error": (streams(OPENING, piece("a"), BROKEN), "stream_error"),
}


@pytest.mark.parametrize("case", IN_THE_MIDST)
def test_after_the_first_content_a_failure_is_an_error_in_the_stream(tmp_path, case):
    step, ending = IN_THE_MIDST[case]
    with gateway(tmp_path / "i", timeouts=patience(ending)) as running:
        running.treatment.told(step)
        seen = []
        with pytest.raises(openai.APIError):
            for chunk in running.ask(stream=True):
                seen.append(chunk.choices[0].delta.content or "")
        assert "".join(seen).startswith("a")
        assert running.control.requests == []
        record = running.record()
        assert (record["ending"], record["served"], record.get("attempts", 1)) == (
            ending, "treatment", 1,
        )  # fmt: skip
        assert record.get("status", 200) == 200


# The client goes


def gone(running, read, streamed):
    """Send a request by hand, read so many events of the answer and hang up."""
    body = json.dumps({"model": RECIPE, "user": "u1", "stream": streamed, "messages": []}).encode()
    port = int(running.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw_client:
        raw_client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        seen = b""
        while seen.count(b"data: ") < read:
            seen += raw_client.recv(4096)
        if not read:
            wait_for(lambda: running.treatment.requests)


@pytest.mark.parametrize(
    ("step", "read", "streamed"),
    [
        (None, 0, False),
        (streams, 0, True),
        (lambda then: streams(OPENING, then=then), 0, True),
        (lambda then: streams(OPENING, piece("a"), then=then), 2, True),
    ],
    ids=["whole", "before the stream", "before the first content", "in the midst"],
)
def test_a_client_that_goes_away_ends_it_all(tmp_path, step, read, streamed):
    with gateway(tmp_path / "i") as running:
        closed = hangs_till_closed
        running.treatment.answer = closed if step is None else step(then=closed)
        gone(running, read, streamed)
        (record,) = wait_for(running.records)
        assert record["ending"] == "client_gone"
        assert running.control.requests == []
        wait_for(lambda: running.treatment.most_at_once and running.treatment._now == 0)


MUCH = [piece("x" * 100_000)] * 120
"""More than what lies between two programs on one machine without being read."""


def slow_client(running, waits):
    """Ask for a stream by hand, read once `waits` has returned, and return all that came."""
    body = json.dumps({"model": RECIPE, "user": "u1", "stream": True, "messages": []}).encode()
    port = int(running.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        waits()
        came = b""
        with contextlib.suppress(ConnectionResetError):
            while got := client.recv(1 << 20):
                came += got
        return came


def test_how_slowly_a_client_reads_is_not_held_against_the_upstream(tmp_path):
    with gateway(tmp_path / "i", timeouts=patience("stalled")) as running:
        running.treatment.answer = streams(OPENING, *MUCH, piece(finish_reason="stop"), DONE)
        came = slow_client(running, lambda: time.sleep(2 * SHORT["stalled"]["idle"]))
        assert came.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        record = running.record()
        assert (record.get("ending", "answered"), record["length"]) == ("answered", 12_000_000)


def test_a_connection_is_kept_whose_end_comes_a_little_after_the_last_event(running):
    ports = []

    def ends_late(handler, body):
        ports.append(handler.client_address[1])
        time.sleep(0.02)
        handler.wfile.write(b"0\r\n\r\n")

    running.treatment.answer = streams(
        OPENING, piece("a"), piece(finish_reason="stop"), DONE, then=ends_late
    )

    def asked_again():
        text_of(running.ask(stream=True))
        return len(set(ports)) < len(ports)

    wait_for(asked_again)


def test_a_client_that_reads_nothing_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(upstream, "SLOWEST", 0.2)
    with gateway(tmp_path / "i") as running:
        running.treatment.answer = streams(OPENING, *MUCH, piece(finish_reason="stop"), DONE)
        came = slow_client(running, lambda: wait_for(running.records))
        assert b"[DONE]" not in came
        assert running.record()["ending"] == "client_gone"
        wait_for(lambda: running.treatment._now == 0)


def hangs_till_closed(handler, body):
    """Wait until the other end has closed the connection."""
    handler.connection.settimeout(60)
    assert handler.connection.recv(1) == b""
    handler.close_connection = True


@pytest.mark.parametrize("said", [b"<html>log in</html>", b"", b'"hello"', b'{"detail": "ok"}'])
def test_an_answer_that_is_no_answer_is_a_failure(running, said):
    running.treatment.told(raw(said, kind="text/plain"))
    assert running.ask().choices[0].message.content == "re: hi"
    assert running.record()["treatment_ending"] == "upstream_error"


def test_controls_passes_as_it_is_and_is_recorded_as_none(running):
    running.give(0)
    running.control.told(raw(b"hello", kind="text/plain"))
    with running.http() as http:
        reply = http.post("/v1/chat/completions", json={"model": RECIPE, "user": "u1"})
    assert (reply.status_code, reply.text) == (200, "hello")
    assert running.record()["ending"] == "upstream_error"


def test_an_object_of_an_unknown_shape_is_an_answer(running):
    running.treatment.told(raw(b'{"choices": {"0": "hello"}}'))
    with running.http() as http:
        http.post("/v1/chat/completions", json={"model": RECIPE, "user": "u1"})
    assert running.record()["served"] == "treatment"


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning": "hm"},
        {"reasoning_content": "hm"},
        {"function_call": {"name": "f"}},
        {"audio": {"id": "a"}},
    ],
)
def test_what_comes_before_the_text_is_content_too(tmp_path, delta):
    """A model that thinks aloud for long is not given up, and its thoughts are not held back."""
    more = streams(OPENING, piece(delta=delta), piece(delta=delta), then=hangs)
    with gateway(tmp_path / "i", timeouts=patience("stalled")) as running:
        running.treatment.told(more)
        with pytest.raises(openai.APIError):
            list(running.ask(stream=True))
        record = running.record()
    assert (record["ending"], record["served"]) == ("stalled", "treatment")
    assert record["first_token_seconds"] > 0


COUNTS = b'data: {"choices": null, "usage": {"prompt_tokens": 7.0, "completion_tokens": 3}}\n\n'


def test_a_field_of_another_shape_loses_itself_and_no_more(running):
    odd = {"logprobs": -0.1, "matched_stop": 3}
    running.treatment.answer = streams(
        piece(delta={"role": "assistant", "content": ""}, **odd), piece("Good ", **odd),
        piece("day.", index=0.0), piece(finish_reason="stop", **odd), COUNTS, DONE,
    )  # fmt: skip
    chunks = list(running.ask(stream=True))
    assert text_of(chunks) == "Good day."
    assert all(chunk.choices for chunk in chunks), "the client did not ask for the counts"
    record = running.record()
    assert (record["prompt_tokens"], record["completion_tokens"]) == (7, 3)
    assert (record["length"], record["finish_reason"]) == (9, "stop")


def test_a_whole_answer_is_read_as_well(running):
    running.treatment.told(says(
        "Good day.", usage={"prompt_tokens": 7.0, "completion_tokens": "three"},
        choices=[{"message": {"content": "Good day."}, "finish_reason": "stop", "logprobs": []}],
    ))  # fmt: skip
    running.ask()
    record = running.record()
    assert (record["prompt_tokens"], record["length"], record["finish_reason"]) == (7, 9, "stop")
    assert "completion_tokens" not in record


@pytest.mark.parametrize(
    "event",
    [
        {"choices": {"0": "hello"}},
        {"choices": ["hello"]},
        {"choices": [{"delta": "hello"}]},
        {"choices": [{"delta": {"content": {"text": "hello"}}}]},
    ],
)
def test_what_is_not_understood_is_not_held_back(tmp_path, event):
    pieces = [f"data: {json.dumps(event)}\n\n".encode()] * 2
    with gateway(tmp_path / "i", timeouts=patience("stalled")) as running:
        running.treatment.told(streams(OPENING, *pieces, then=hangs))
        with running.http() as http:
            body = {"model": RECIPE, "user": "u1", "stream": True}
            came = http.post("/v1/chat/completions", json=body).content
        assert came.count(b"hello") == 2
        record = running.record()
    assert (record["ending"], record["served"]) == ("stalled", "treatment")
    assert record["first_token_seconds"] > 0


def test_an_error_beside_choices_that_are_none_is_an_error(running):
    error = b'data: {"choices": null, "error": {"message": "out of memory"}}\n\n'
    running.treatment.told(streams(OPENING, piece("a"), error, DONE))
    with pytest.raises(openai.APIError):
        list(running.ask(stream=True))
    running.treatment.told(raw(b'{"choices": null, "error": {"message": "out of memory"}}'))
    running.ask()
    first, second = running.records()
    assert (first["ending"], second["treatment_ending"]) == ("stream_error", "upstream_error")


def test_what_only_keeps_the_connection_alive_is_no_sign_of_life(tmp_path):
    """The server in front of an engine goes on with it when the engine hangs."""
    pings = [b": ping\n\n"] * 40
    with gateway(tmp_path / "i", timeouts=patience("stalled")) as running:
        running.treatment.told(streams(OPENING, piece("a"), *pings, every=0.1))
        with running.http() as http:
            body = {"model": RECIPE, "user": "u1", "stream": True}
            came = http.post("/v1/chat/completions", json=body).content
        assert b": ping" in came
        assert running.record()["ending"] == "stalled"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_that_says_it_is_one_is_one(running, streamed):
    said = {"content": None, "refusal": "That is not something I do."}
    whole = says(None, choices=[{"index": 0, "message": said, "finish_reason": "stop"}])
    pieces = streams(OPENING, piece(delta=said), piece(finish_reason="stop"), DONE)
    running.treatment.told(pieces if streamed else whole)
    answer = running.ask(stream=streamed)
    if streamed:
        list(answer)
    assert running.record()["refusal"] is True


@pytest.mark.parametrize(("ended", "ending"), [([0], "cut"), ([1], "cut"), ([0, 1], "answered")])
def test_a_stream_has_ended_when_each_of_its_answers_has(running, ended, ending):
    pieces = [piece("a"), piece("b", index=1)]
    pieces += [piece(index=index, finish_reason="stop") for index in ended]
    running.treatment.told(streams(*pieces))
    told = pytest.raises(openai.APIError) if ending == "cut" else contextlib.nullcontext()
    with told:
        list(running.ask(stream=True, n=2))
    assert running.record().get("ending", "answered") == ending


def test_a_client_is_not_sent_elsewhere(running):
    running.give(0)
    running.control.told(redirects("http://127.0.0.1:1/v1"))
    with running.http() as http:
        reply = http.post("/v1/chat/completions", json={"model": RECIPE, "user": "u1"})
    assert (reply.status_code, reply.json()["error"]["type"]) == (502, "upstream_error")
    assert "location" not in reply.headers
    record = running.record()
    assert (record["ending"], record["status"]) == ("upstream_error", 502)


def test_headers_of_another_gateway_and_a_coding_that_is_none_stop_here(running):
    """Whose answer it was is told by the gateway that was asked."""

    def answer(handler, body):
        theirs = {f"X-Tunesmith-{name}": "theirs" for name in ("Interaction", "Assigned", "Served")}
        handler.reply(completion("a"), headers={"Content-Encoding": "identity", **theirs})

    running.treatment.told(answer)
    with running.http() as http:
        reply = http.post("/v1/chat/completions", json={"model": RECIPE, "user": "u1"})
    record = running.record()
    assert "content-encoding" not in reply.headers
    for name, own in (("interaction", record["id"]), ("served", "treatment")):
        assert reply.headers.get_list(f"x-tunesmith-{name}") == [own]


@pytest.mark.parametrize("host", ["model..internal", "ü..internal", "a" * 70])
def test_a_host_that_cannot_be_is_one_where_nobody_answers(running, host):
    running.treatment.url = f"http://{host}:8000/v1"
    running.give()
    assert running.ask().choices[0].message.content == "re: hi"
    assert running.record()["treatment_ending"] == "refused"


def test_a_key_of_an_upstream_goes_there_and_that_of_a_client_does_not(running):
    running.ask()
    running.give(0)
    running.client(api_key="clients-secret").chat.completions.create(
        model=RECIPE, messages=MESSAGES
    )
    assert running.treatment.headers[0]["authorization"] == "Bearer upstream-secret"
    assert "authorization" not in running.control.headers[0]


def test_the_record_holds_neither_the_user_nor_the_text(running):
    running.treatment.answer = says("private words")
    running.ask(user="jane@example.com")
    (path,) = running.folder.glob("*.jsonl")
    assert "jane" not in path.read_text()
    assert "private" not in path.read_text()
    assert oct(path.stat().st_mode)[-3:] == "600"


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_a_full_disk_drops_records_and_no_request(tmp_path, durability):
    drops = []
    with gateway(tmp_path / "i", limit=600, durability=durability, drops=drops) as running:
        for _ in range(6):
            assert running.ask().choices[0].message.content == "re: hi"
        assert len(running.records()) + len(drops) == 6
        assert drops


def test_a_gateway_that_cannot_see_the_ledger_serves_control(tmp_path):
    with gateway(tmp_path / "i", lease=0.0) as running:
        with running.http() as http:
            body = {"model": RECIPE, "user": "u1", "messages": MESSAGES}
            reply = http.post("/v1/chat/completions", json=body)
        assert (reply.status_code, reply.headers["x-tunesmith-served"]) == (200, "control")
        assert len(running.control.requests) == 1
        record = running.record()
        assert (record["assigned"], record.get("served", "control")) == ("treatment", "control")


def test_an_answer_without_end_fills_no_memory(running, monkeypatch):
    """Of the treatment control steps in; of control the client is told."""
    monkeypatch.setattr(upstream, "LARGEST", 1000)
    running.treatment.answer = says("x" * 2000)
    answer = running.ask()
    assert answer.choices[0].message.content == "re: hi"
    record = running.record()
    assert (record["treatment_ending"], record["model"]) == ("upstream_error", "model-3")
    running.control.answer = says("x" * 2000)
    with pytest.raises(openai.InternalServerError, match="larger than"):
        running.ask()
