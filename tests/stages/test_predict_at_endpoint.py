"""A model behind an endpoint answers through the same Predictions, or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_rows import chat, chats
from tests.scripted_upstream import cuts, echo, fails, hangs, raw, says, serving
from tests.toy_stages import given
from tests.training.test_template import TOOL
from tunesmith.canonical import digest
from tunesmith.errors import RecipeError, Transient
from tunesmith.evaluation.endpoint import EndpointParams, Prices, Retries
from tunesmith.evaluation.prompting import STEPS, Prompting
from tunesmith.records import ChatExample, Message, Prediction, ToolCall
from tunesmith.stages import evaluate
from tunesmith.stages.predict import AT_ENDPOINT, KEPT_TOGETHER, AskParams
from tunesmith.store import Store
from tunesmith.training.rows import turns

KEY = "sk-3f9A2b7C8d1E4f6G5h0J"
SOON = {"retry_after_ms": "1"}


@pytest.fixture
def upstream():
    with serving() as server:
        yield server


def asking(upstream, endpoint=None, **fields):
    at = {"base_url": upstream.url, "model": "m", "retries": Retries(attempts=2)}
    return AskParams(
        endpoint=EndpointParams(**{**at, **(endpoint or {})}), max_new_tokens=9, **fields
    )


def asked(upstream):
    return [body["messages"][-1]["content"] for body in upstream.requests]


def build(store, upstream, rows, endpoint=None, **fields):
    return store.build(AT_ENDPOINT, asking(upstream, endpoint, **fields), given(store, rows), None)


def record(store):
    (found,) = store.all_records("predict")
    return found


def test_answers_are_predictions_with_what_they_took(store, upstream):
    rows = chats("one", "two", "three")
    cut = {"choices": [{"message": {"content": "so"}, "finish_reason": "length"}]}
    upstream.told(says("", **cut))
    made = build(store, upstream, rows, {"concurrency": 1, "prices": Prices(input=2, output=1)})
    found = list(store.rows(made, Prediction))
    order = {row.row_id: row for row in rows}
    assert sorted(order) == sorted(answer.row_id for answer in found)
    texts = [order[answer.row_id].prompt[-1].content for answer in found]
    assert [answer.output for answer in found] == ["so", *(f"re: {text}" for text in texts[1:])]
    assert [answer.finish_reason for answer in found] == ["length", "stop", "stop"]
    assert found[0].prompt_digest == digest(turns(order[found[0].row_id].prompt))
    notes = record(store)["notes"]
    assert notes["tokens"] == {"prompt": 21, "completion": 9}
    assert notes["cost"] == {"amount": pytest.approx(51e-6), "currency": "USD"}
    assert notes["finish_reasons"] == {"length": 1, "stop": 2}
    assert notes["served"] == {"small-1": 3}


SAME = {
    "concurrency": {"concurrency": 2},
    "timeouts": {"total_seconds": 30, "connect_seconds": 20},
    "prices": {"prices": Prices(input=1, output=1)},
    "retries": {"retries": Retries(attempts=1)},
    "key": {"key": "SOME_KEY"},
    "limit": {"limit_key": "max_completion_tokens"},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_how_it_is_reached_changes_no_key(store, upstream, change):
    made = build(store, upstream, chats("one"))
    assert build(store, upstream, chats("one"), change) == made
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "change",
    [{"model": "n"}, {"temperature": 0.5}, {"temperature": None}, {"seed": 1},
     {"base_url": "http://127.0.0.1:9/v1"}],
)  # fmt: skip
def test_what_answers_is_in_the_key(store, upstream, change):
    rows = given(store, chats("one"))
    one, other = asking(upstream), asking(upstream, change)
    assert AT_ENDPOINT.key(one, rows, None) != AT_ENDPOINT.key(other, rows, None)


def test_the_key_reaches_the_endpoint_and_stands_nowhere_else(upstream, tmp_path, caplog):
    caplog.set_level("DEBUG")
    store = Store(str(tmp_path / "store"), secrets={"SOME_KEY": KEY})
    upstream.answer = says(f"your key is {KEY}")
    upstream.told(fails(429, f"slow down, {KEY}", **SOON))
    made = build(store, upstream, chats("one"), {"key": "SOME_KEY"})
    assert {sent["authorization"] for sent in upstream.headers} == {f"Bearer {KEY}"}
    assert [row.output for row in store.rows(made, Prediction)] == ["your key is [key]"]
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert files and not any(KEY.encode() in path.read_bytes() for path in files)
    assert KEY not in caplog.text


def test_a_key_that_the_environment_lacks_is_named_before_anything_is_asked(store, upstream):
    with pytest.raises(RecipeError, match="has no SOME_KEY"):
        build(store, upstream, chats("one"), {"key": "SOME_KEY"})
    assert upstream.requests == []


BAD = {
    "fails": fails(500, **SOON),
    "rate-limits": fails(429, **SOON),
    "stalls": hangs,
    "hangs up": cuts,
    "rubbish": raw(b"<html>ok</html>", "text/html"),
    "error inside": raw(b'{"error": {"message": "overloaded"}}'),
}


@pytest.mark.parametrize("step", BAD.values(), ids=BAD)
def test_a_server_that_stays_bad_leaves_no_artifact_and_the_next_run_goes_on(store, upstream, step):
    rows = chats(*(f"q{n}" for n in range(KEPT_TOGETHER + 4)))
    upstream.told(*[echo] * (KEPT_TOGETHER + 1), step, step)
    once = {"concurrency": 1, "total_seconds": 2 if step is hangs else 60}
    with pytest.raises(Transient, match=rf"{KEPT_TOGETHER + 1} of {len(rows)} answers are kept"):
        build(store, upstream, rows, once)
    assert list(store.all_records("predict")) == []
    before = len(asked(upstream))
    made = build(store, upstream, rows, {"concurrency": 4})
    again = asked(upstream)[before:]
    assert sorted(again) == sorted(set(again) - set(asked(upstream)[: KEPT_TOGETHER + 1]))
    assert len(again) == 3
    assert all(row.output for row in store.rows(made, Prediction))


KILLED = """
import sys
from tunesmith.artifacts import Examples
from tunesmith.stages.predict import AT_ENDPOINT, AskParams
from tunesmith.store import Store
store, params, rows = sys.argv[1:]
params = AskParams.model_validate_json(params)
Store(store).build(AT_ENDPOINT, params, Examples.model_validate_json(rows), None)
"""


def test_killed_and_run_again_it_ends_in_the_same_digest_and_asks_no_batch_twice(
    store, upstream, tmp_path
):
    rows = chats(*(f"q{n}" for n in range(3 * KEPT_TOGETHER)))
    source, params = given(store, rows), asking(upstream)
    arguments = [store.url, params.model_dump_json(), source.model_dump_json()]
    command = [sys.executable, "-c", KILLED, *arguments]

    def kills(handler, body):
        os.kill(child.pid, signal.SIGKILL)

    upstream.told(*[echo] * (2 * KEPT_TOGETHER + 8), kills)
    child = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    assert child.wait(60) == -signal.SIGKILL
    before = asked(upstream)
    kept = list(Path(store.url).rglob("work/predict/*/state/endpoint/*.json"))
    assert kept, "no batch was finished before the kill"
    made = store.build(AT_ENDPOINT, params, source, None)
    again = asked(upstream)[len(before) :]
    assert len(again) == len(rows) - len(kept) * KEPT_TOGETHER
    assert len(set(again)) == len(again)
    other = Store(str(tmp_path / "other"))
    assert other.build(AT_ENDPOINT, params, given(other, rows), None).digest == made.digest


def test_calls_and_withheld_answers_are_kept_as_what_they_are(store, upstream):
    call = ToolCall("c1", "look", '{"id": 7}')
    wants_call = ChatExample(
        row_id="1" * 16, group_id="g", source="rows.jsonl:1", origin="human", tools=(TOOL,),
        messages=(Message("user", "Where?"), Message("assistant", "", tool_calls=(call,))),
    )  # fmt: skip

    def calls_or_withholds(handler, body):
        called = [{"function": {"name": "look", "arguments": '{"id": 7}'}, "id": "x"}]
        message, finish = {"content": None, "tool_calls": called}, "tool_calls"
        if "tools" not in body:
            message, finish = {"content": None}, "content_filter"
        says(None, choices=[{"message": message, "finish_reason": finish}])(handler, body)

    upstream.answer = calls_or_withholds
    rows = [wants_call, chat("How?")]
    source = given(store, rows)
    made = store.build(AT_ENDPOINT, asking(upstream), source, None)
    found = {row.row_id: row for row in store.rows(made, Prediction)}
    assert found[wants_call.row_id].finish_reason == "tool_calls"
    withheld = found[rows[1].row_id]
    assert (withheld.output, withheld.finish_reason) == ("", "content_filter")
    metrics = evaluate.EvaluateParams(metrics=("tool_call", "grounding"))
    scores = evaluate.evaluate(found.values(), {row.row_id: row for row in rows}, metrics)
    assert {score.row_id: score.values["tool_call"] for score in scores}[wants_call.row_id] == 1.0
    assert record(store)["notes"]["finish_reasons"] == {"content_filter": 1, "tool_calls": 1}


def test_prompts_are_put_as_for_a_local_model(store, upstream):
    upstream.answer = says("Well.\nFinal answer: 7")
    shots = given(store, chats("shown"))
    way = Prompting(system="Be brief.", shots=1, style="steps", reasoning_tokens=50)
    made = store.build(
        AT_ENDPOINT, asking(upstream, prompting=way), given(store, chats("one")), shots
    )
    (sent,) = upstream.requests
    roles = [(message["role"], message["content"]) for message in sent["messages"]]
    assert roles == [
        ("system", "Be brief."), ("user", "shown"), ("assistant", "Fine."),
        ("user", f"one\n\n{STEPS}"),
    ]  # fmt: skip
    assert sent["max_tokens"] == 59
    assert [row.output for row in store.rows(made, Prediction)] == ["7"]


def test_what_may_be_written_is_asked_for_as_a_schema(store, upstream):
    schema = '{"type":"object"}'
    build(store, upstream, chats("one"), prompting=Prompting(style="schema", json_schema=schema))
    form = upstream.requests[0]["response_format"]
    assert form["json_schema"] == {"name": "answer", "strict": True, "schema": {"type": "object"}}
