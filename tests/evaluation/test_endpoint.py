"""An endpoint that fails in any way gives answers or an error, and never an empty answer."""

import asyncio
import json
import logging
import socket
import threading
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.scripted_upstream import (
    Hours,
    completion,
    cuts,
    echo,
    fails,
    hangs,
    raw,
    redirects,
    refuses,
    says,
    serving,
    stalls,
)
from tunesmith.errors import InputError, RecipeError, Transient
from tunesmith.evaluation.endpoint import (
    Client,
    EndpointParams,
    Prices,
    Refused,
    Retries,
    Unanswered,
    generate,
    key_from,
)
from tunesmith.evaluation.endpoint.answers import cost, latencies
from tunesmith.evaluation.endpoint.batches import Batches, run_now
from tunesmith.evaluation.endpoint.retrying import LONGEST_WAIT, asked_wait, backoff
from tunesmith.evaluation.generation import Output
from tunesmith.evaluation.metrics.calls import Call, Written, written

KEY = "sk-3f9A2b7C8d1E4f6G5h0J"


@pytest.fixture
def upstream():
    with serving() as server:
        yield server


@pytest.fixture
def hours():
    return Hours()


def at(upstream, **fields):
    return EndpointParams(
        **{"base_url": upstream.url, "model": "m", "concurrency": 1, "total_seconds": 30, **fields}
    )


def prompts(count):
    return [[{"role": "user", "content": f"q{number}"}] for number in range(count)]


def ask(upstream, hours, count=1, key=None, batch_size=2, endpoint=None, **options):
    return generate(
        at(upstream, **(endpoint or {})), key, prompts(count),
        max_new_tokens=9, batch_size=batch_size, clock=hours.clock(), **options,
    )  # fmt: skip


# Answers


def test_answers_stand_in_the_order_of_their_prompts_with_counts_and_finish(upstream, hours):
    cut = {"choices": [{"message": {"content": "so"}, "finish_reason": "length"}]}
    upstream.told(says("", **cut))
    found = ask(upstream, hours, 7)
    assert [output.text for output in found.outputs] == ["so", *(f"re: q{n}" for n in range(1, 7))]
    assert [output.finish_reason for output in found.outputs] == ["length", *["stop"] * 6]
    assert found.outputs[0] == Output("so", "length", 7, 3)
    assert found.notes["served"] == {"small-1": 7}
    assert found.notes["fingerprints"] == {"fp_1": 7}


def test_what_is_sent_is_greedy_and_seeded_and_complete(upstream, hours):
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": {"id": 7}}}
    asked = [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "hall", "tool_call_id": "c"},
    ]
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    generate(
        at(upstream, seed=4), None, [asked], max_new_tokens=9, batch_size=1, tools=[[tool]],
        clock=hours.clock(),
    )  # fmt: skip
    (sent,) = upstream.requests
    assert (sent["temperature"], sent["seed"], sent["max_tokens"]) == (0.0, 4, 9)
    assert sent["tools"] == [tool]
    assert json.loads(sent["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"id": 7}
    assert call["function"]["arguments"] == {"id": 7}, "the caller's message was changed"
    assert "stream" not in sent


def test_what_a_model_does_not_take_is_left_out(upstream, hours):
    ask(upstream, hours, endpoint={
        "temperature": None, "seed": None, "limit_key": "max_completion_tokens",
    })  # fmt: skip
    assert sorted(upstream.requests[0]) == ["max_completion_tokens", "messages", "model"]


def test_as_many_requests_are_under_way_as_allowed(upstream, hours):
    together = threading.Barrier(4, timeout=60)

    def meet(handler, body):
        together.wait()
        echo(handler, body)

    upstream.told(meet, times=8)
    found = ask(upstream, hours, 8, endpoint={"concurrency": 4})
    assert upstream.most_at_once == 4
    assert [output.text for output in found.outputs] == [f"re: q{n}" for n in range(8)]


def test_it_works_inside_a_running_loop(upstream, hours):
    async def inside():
        return ask(upstream, hours, 2).outputs

    assert [output.text for output in asyncio.run(inside())] == ["re: q0", "re: q1"]


# What fails and passes

PASSING = {
    "429": fails(429),
    "500": fails(500),
    "503": fails(503, "busy"),
    "408": fails(408),
    "refuses": refuses,
    "cuts": cuts,
    "html": raw(b"<html>ok</html>", "text/html"),
    "no json": raw(b"{{{ nonsense"),
    "not utf-8": raw(b'{"choices": "\xff\xfe"}'),
    "empty": raw(b""),
    "wrong json": raw(b'["a", "b"]'),
    "error inside": raw(b'{"error": {"message": "overloaded"}}'),
    "deep": raw(b"[" * 5000),
    "no choices": says("x", choices=[]),
    "null choices": raw(json.dumps({**completion("x"), "choices": None}).encode()),
    "wrong schema": says("x", choices=[{"message": "hello", "finish_reason": "stop"}]),
    "no message": says("x", choices=[{"finish_reason": "stop"}]),
    "number for text": says(12),
    "no finish": says("x", choices=[{"message": {"content": "x"}}]),
    "wrong usage": says("x", usage={"prompt_tokens": "7", "completion_tokens": 3}),
    "negative usage": says("x", usage={"prompt_tokens": -7, "completion_tokens": 3}),
}


@pytest.mark.parametrize("step", PASSING.values(), ids=PASSING)
def test_a_failure_that_passes_is_tried_again(upstream, hours, step):
    upstream.told(step, step)
    found = ask(upstream, hours, 2)
    assert [output.text for output in found.outputs] == ["re: q0", "re: q1"]
    assert sum(found.notes["failed_attempts"].values()) == 2
    assert hours.slept == [backoff(1, 1.0), backoff(2, 1.0)]


@pytest.mark.parametrize("step", PASSING.values(), ids=PASSING)
def test_a_failure_that_stays_is_an_error_and_no_answer(upstream, hours, step):
    upstream.told(echo, *[step] * 3)
    kept = {}
    with pytest.raises(Unanswered, match=r"prompt 2: .* was asked 3 times .*1 of 5 answers are"):
        ask(upstream, hours, 5, on_batch=lambda number, batch: kept.update(batch),
            endpoint={"retries": Retries(attempts=3)})  # fmt: skip
    assert {place: output.text for place, output in kept.items()} == {0: "re: q0"}
    assert len(upstream.requests) == 4


@pytest.mark.parametrize("step", [hangs, stalls], ids=["hangs", "stalls"])
def test_a_server_that_never_ends_is_left(upstream, hours, step):
    upstream.told(step)
    found = ask(upstream, hours, endpoint={"total_seconds": 2})
    assert found.outputs[0].text == "re: q0"
    assert found.notes["failed_attempts"] == {"timeout": 1}


def test_nobody_listens(hours):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    params = EndpointParams(base_url=url, model="m", retries=Retries(attempts=2))
    with pytest.raises(Transient, match="asked 2 times .*connection: ConnectError"):
        generate(params, None, prompts(1), max_new_tokens=1, batch_size=1, clock=hours.clock())


# Waits


def test_retry_after_is_kept_to(upstream, hours):
    upstream.told(
        fails(429, Retry_After="7"),
        fails(
            503, Retry_After="Sat, 21 Nov 2026 12:01:00 GMT", Date="Sat, 21 Nov 2026 12:00:20 GMT"
        ),
        fails(429, retry_after_ms="250"),
    )
    ask(upstream, hours)
    assert hours.slept == [7, 40, 0.25]


def test_a_wait_is_everybody_s(upstream, hours):
    """While the server wants to be left alone, no other prompt is asked either."""
    met, asleep, arrivals = threading.Barrier(2, timeout=60), threading.Event(), []

    def limit(handler, body):
        met.wait()
        fails(429, Retry_After="60")(handler, body)

    def later(handler, body):
        met.wait()
        assert asleep.wait(60)
        echo(handler, body)

    def note(handler, body):
        arrivals.append(hours.passed)
        echo(handler, body)

    async def sleep(seconds):
        until = hours.passed + seconds
        asleep.set()
        await asyncio.sleep(0.1)
        hours.passed = max(hours.passed, until)

    hours.sleep = sleep
    upstream.told(limit, later)
    upstream.answer = note
    ask(upstream, hours, 6, endpoint={"concurrency": 2})
    assert arrivals == [60] * 5


def test_a_wait_beyond_the_budget_ends_the_run_at_once(upstream, hours):
    upstream.told(fails(429, Retry_After="3600"))
    with pytest.raises(Unanswered, match="asks to wait 3600 s, more than is left of 300 s"):
        ask(upstream, hours)
    assert (len(upstream.requests), hours.slept) == (1, [])


def test_the_budget_of_seconds_is_for_all_waits_together(upstream, hours):
    upstream.told(fails(429, Retry_After="40"), times=9)
    with pytest.raises(Unanswered, match="asked 3 times in 80 s"):
        ask(upstream, hours, endpoint={"retries": Retries(attempts=9, seconds=100)})


def test_once_the_run_has_failed_nothing_is_asked_again(upstream, hours):
    upstream.answer = fails(500)

    async def stopped_while_waiting(seconds):
        client.stop()

    hours.sleep = stopped_while_waiting
    client = Client(at(upstream), None, hours.clock())

    async def ask_once():
        async with client:
            await client.ask("q", prompts(1)[0], max_tokens=1)

    with pytest.raises(Transient, match="asked once"):
        asyncio.run(ask_once())
    assert len(upstream.requests) == 1


def test_a_failed_job_stops_the_others_before_they_are_awaited():
    stopped, begun = asyncio.Event(), []

    async def work(place):
        begun.append(place)
        if place == 0:
            raise InputError("no")
        await asyncio.wait_for(stopped.wait(), 60)
        return place

    batches = Batches(9, 3)
    with pytest.raises(InputError, match="no"):
        run_now(batches.run(work, 2, stopped.set))
    assert (begun, batches.results) == ([0, 1], {1: 1})


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-5", "nan", "inf", "1e9", "1,5", "Sat, 99 Nov 2026 12:00:00 GMT", "٣", "9" * 40],
)
def test_a_wait_that_is_none_is_passed_over(text, hours):
    assert asked_wait({"retry-after": text}, hours.today) is None


def test_a_date_gone_by_asks_for_no_wait(hours):
    assert asked_wait({"retry-after": "Fri, 20 Nov 2026 12:00:00 GMT"}, hours.today) == 0
    assert asked_wait({"retry-after": "Sat, 21 Nov 2026 12:00:05 GMT"}, hours.today) == 5


@given(st.text())
def test_no_header_breaks_the_reading(text):
    found = asked_wait({"retry-after": text, "date": text}, Hours().today)
    assert found is None or found >= 0


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_grow_to_a_limit_and_differ(attempt, chance):
    assert backoff(attempt, 0) * 2 == backoff(attempt, 1) <= LONGEST_WAIT
    assert backoff(attempt, 0) <= backoff(attempt, chance) <= backoff(attempt, 1)
    assert backoff(attempt, chance) <= backoff(attempt + 1, chance)


# What fails for good


@pytest.mark.parametrize(
    ("step", "match"),
    [
        (fails(401), "wants a key .HTTP 401"),
        (fails(403), "wants a key .HTTP 403"),
        (fails(404, "no such model"), "has no model 'm'.*no such model"),
        (fails(400, "context is 4096"), "prompt 1: .*HTTP 400.: context is 4096"),
        (fails(422, "temperature"), "HTTP 422"),
        (fails(429, "pay first", "insufficient_quota"), "HTTP 429.: pay first"),
        (redirects("http://127.0.0.1:9/v1"), "has moved .HTTP 307"),
    ],
)
def test_what_will_not_pass_is_refused_at_once(upstream, hours, step, match):
    upstream.told(step)
    with pytest.raises(Refused, match=match):
        ask(upstream, hours, 3)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("message", "finish"),
    [
        ({"content": None}, "stop"),
        ({"content": None, "tool_calls": []}, "tool_calls"),
        ({"content": "x"}, "abort"),
    ],
)
def test_an_answer_that_is_none_is_refused(upstream, hours, message, finish):
    upstream.told(says("", choices=[{"message": message, "finish_reason": finish}]))
    with pytest.raises(InputError, match=f"prompt 1: .*finish_reason '{finish}'"):
        ask(upstream, hours)


@pytest.mark.parametrize(("content", "text"), [("Sorry, I", "Sorry, I"), (None, "")])
def test_what_was_withheld_says_so(upstream, hours, content, text):
    message = {"message": {"content": content}, "finish_reason": "content_filter"}
    upstream.told(says("", choices=[message]))
    found = ask(upstream, hours)
    assert found.outputs == [Output(text, "content_filter", 7, 3)]
    assert found.notes["finish_reasons"] == {"content_filter": 1}


@pytest.mark.parametrize("said", [None, "", "Let me look."])
def test_a_call_is_an_answer_that_metrics_read(upstream, hours, said):
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"id": 7}'}}
    message = {"message": {"content": said, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    upstream.told(says("", choices=[message]))
    (output,) = ask(upstream, hours).outputs
    assert written(output.text) == Written(said or "", (Call("look", {"id": 7}),))
    assert output.finish_reason == "tool_calls"


def test_a_refusal_in_its_own_field_is_the_answer(upstream, hours):
    refusal = {"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}
    upstream.told(says("", choices=[refusal]))
    assert ask(upstream, hours).outputs[0].text == "I can't."


def test_an_answer_without_counts_is_refused(upstream, hours):
    upstream.told(says("fine", usage=None))
    with pytest.raises(InputError, match="sends no token counts"):
        ask(upstream, hours)


def test_an_empty_answer_that_a_model_really_gave_is_counted(upstream, hours):
    upstream.told(says(""))
    found = ask(upstream, hours, 2)
    assert (found.outputs[0].text, found.notes["empty_answers"]) == ("", 1)


# Going on


def test_an_interrupted_run_asks_only_for_what_is_missing(upstream, hours):
    kept, calls = {}, []

    def keep(number, batch):
        calls.append((number, sorted(batch)))
        kept.update(batch)

    upstream.told(echo, echo, echo, fails(401))
    with pytest.raises(Refused):
        ask(upstream, hours, 7, on_batch=keep, batch_size=2)
    assert calls == [(0, [0, 1]), (1, [2])]
    asked = len(upstream.requests)
    progress = []
    found = ask(
        upstream, hours, 7, on_batch=keep, batch_size=2, finished=dict(kept),
        on_progress=progress.append,
    )  # fmt: skip
    assert [output.text for output in found.outputs] == [f"re: q{n}" for n in range(7)]
    assert [body["messages"][0]["content"] for body in upstream.requests[asked:]] == [
        f"q{n}" for n in range(3, 7)
    ]
    assert calls[2:] == [(1, [2, 3]), (2, [4, 5]), (3, [6])]
    assert progress == [4, 6, 7]


@pytest.mark.parametrize("die_at", range(4))
def test_killed_at_any_batch_it_ends_in_the_same_answers(upstream, hours, die_at):
    kept = {}

    class Killed(BaseException):
        pass

    def keep(number, batch):
        if number == die_at:
            raise Killed
        kept.update(batch)

    with pytest.raises(Killed):
        ask(upstream, hours, 8, on_batch=keep, endpoint={"concurrency": 3})
    found = ask(upstream, hours, 8, finished=kept)
    assert found.outputs == ask(upstream, hours, 8).outputs


def test_nothing_is_asked_when_all_is_there(hours):
    params = EndpointParams(base_url="https://nowhere.invalid/v1", model="m")
    done = {0: Output("a", "stop", 1, 1)}
    found = generate(params, None, prompts(1), max_new_tokens=1, batch_size=1, finished=done)
    assert found.outputs == [done[0]]


# The key


def test_the_key_is_sent_and_stands_nowhere_else(upstream, hours, caplog):
    """The server repeats it wherever it can: in answers, in what it says it is, and in errors."""
    caplog.set_level(logging.DEBUG)
    upstream.told(
        says(f"your key is {KEY}", model=f"m {KEY}", system_fingerprint=KEY),
        fails(500, f"bad {KEY}"), fails(400, f"key {KEY} is no good"),
    )  # fmt: skip
    first = ask(upstream, hours, 1, KEY, endpoint={"key": "JUDGE_KEY"})
    assert first.outputs[0].text == "your key is [key]"
    with pytest.raises(Refused) as caught:
        ask(upstream, hours, 1, KEY, endpoint={"key": "JUDGE_KEY"})
    assert upstream.headers[0]["authorization"] == f"Bearer {KEY}"
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in f"{first}{shown}{vars(caught.value)}{caught.value.__cause__!r}"
    assert KEY not in caplog.text


def test_what_a_server_says_about_a_refused_key_is_not_repeated(upstream, hours):
    upstream.told(fails(401, f"wrong key {KEY[:-2]}**"))
    with pytest.raises(Refused, match="does not accept the key in JUDGE_KEY") as caught:
        ask(upstream, hours, 1, KEY, endpoint={"key": "JUDGE_KEY"})
    assert KEY[:6] not in f"{caught.value}{caught.value.said}"


def test_a_stand_in_for_a_key_may_stand_in_answers(upstream, hours):
    upstream.told(says("EMPTY is a word"))
    assert ask(upstream, hours, 1, "EMPTY").outputs[0].text == "EMPTY is a word"


def test_nothing_of_the_environment_is_sent_unasked(upstream, hours, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    ask(upstream, hours)
    assert "from-the-environment" not in str(upstream.headers)
    assert "authorization" not in upstream.headers[0]


def test_a_redirect_takes_no_prompt_elsewhere(upstream, hours):
    with serving() as other:
        upstream.told(redirects(other.url + "/chat/completions"))
        with pytest.raises(Refused):
            ask(upstream, hours, 1, KEY)
        assert other.requests == []


def test_the_key_is_read_from_the_environment_by_name():
    params = EndpointParams(base_url="https://host/v1", model="m", key="JUDGE_KEY")
    assert key_from({"JUDGE_KEY": f" {KEY}\n"}, params) == KEY
    with pytest.raises(RecipeError, match="has no JUDGE_KEY"):
        key_from({"JUDGE_KEY": " "}, params)
    with pytest.raises(RecipeError, match="signs that no key has") as caught:
        key_from({"JUDGE_KEY": f"“{KEY}”"}, params)
    assert KEY not in str(caught.value)
    assert key_from({}, EndpointParams(base_url="https://host/v1", model="m")) is None


@pytest.mark.parametrize("pasted", [KEY, "AKIAIOSFODNN7EXAMPLE", "a b", "key", "", "1X"])
def test_a_key_pasted_for_its_name_is_refused_and_not_repeated(pasted):
    with pytest.raises(ValidationError) as caught:
        EndpointParams(base_url="https://host/v1", model="m", key=pasted)
    assert "name of an environment variable" in str(caught.value)
    assert len(pasted) < 4 or pasted not in str(caught.value)
    # What prints an error of one field quotes what it found there.
    assert [error["loc"] for error in caught.value.errors()] == [()]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1", "http://localhost.example.com/v1", "http://0.0.0.0/v1",
        "http://10.0.0.1:8000/v1", "http://127.0.0.1.example.com/v1", "http://[2001:db8::1]/v1",
    ],
)  # fmt: skip
def test_a_key_is_not_sent_unencrypted_to_another_machine(url):
    with pytest.raises(ValidationError, match="would send the key unencrypted.*allow_http"):
        EndpointParams(base_url=url, model="m", key="JUDGE_KEY")
    EndpointParams(base_url=url, model="m")
    EndpointParams(base_url=url, model="m", key="JUDGE_KEY", allow_http=True)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.8.9.1:1", "[::1]:80"])
def test_this_machine_may_get_a_key_unencrypted(host):
    assert EndpointParams(base_url=f"http://{host}/v1", model="m", key="JUDGE_KEY").is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@host/v1", "https://host/v1?api-key=s3cr3t", "https://host/v1#s3cr3t",
        "ftp://host/v1", "host/v1", "https://", "https://host:port/v1", "https://[/v1", "",
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_holds_a_secret_is_refused(url):
    with pytest.raises(ValidationError) as caught:
        EndpointParams(base_url=url, model="m")
    assert "s3cr3t" not in str(caught.value)
    assert [error["loc"] for error in caught.value.errors()] == [()]
    assert "pass@" not in str(caught.value)


# Cost


def test_cost_is_of_all_answers_and_unknown_without_prices():
    outputs = [Output("a", "stop", 1_000_000, 0), Output("b", "length", 0, 500_000)]
    assert cost(outputs, Prices(input=0.5, output=4.0)) == {"amount": 2.5, "currency": "USD"}
    assert cost(outputs, None) is None


def test_the_cost_of_a_resumed_run_is_that_of_all_answers(upstream, hours):
    prices = {"prices": Prices(input=1.0, output=2.0)}
    whole = ask(upstream, hours, 3, endpoint=prices)
    rest = ask(upstream, hours, 3, endpoint=prices, finished={0: whole.outputs[0]})
    assert rest.notes["tokens"] == whole.notes["tokens"] == {"prompt": 21, "completion": 9}
    assert rest.notes["cost"] == whole.notes["cost"] == {"amount": 39e-6, "currency": "USD"}


def test_latencies_are_of_requests_that_were_answered():
    assert latencies([]) == {}
    assert latencies([1.0]) == {"request_median": 1.0, "request_p95": 1.0}
    assert latencies([float(n) for n in range(1, 101)]) == {
        "request_median": 50.5, "request_p95": 96.0,
    }  # fmt: skip
