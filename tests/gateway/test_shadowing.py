"""Shadow: the treatment is asked, too, and no user can tell."""

import json

import pytest

from tests.gateway.conftest import RECIPE, gateway, patience
from tests.scripted_upstream import fails, hangs, piece, says, says_in_pieces
from tests.waiting import wait_for
from tunesmith.gateway import shadowing
from tunesmith.gateway.capture import Capture
from tunesmith.gateway.shadowing import Budget

PATH = "/v1/chat/completions"
BODY = {"model": RECIPE, "user": "u1", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def shadowed(tmp_path):
    """A gateway whose treatment is in shadow."""
    with gateway(tmp_path / "i") as made:
        made.give(0, shadow=True)
        yield made


def pair(running):
    """The live record and that of its repetition."""
    live, shadow = wait_for(lambda: len(found := running.records()) == 2 and found)
    return live, shadow


def shown(running, ending="answered"):
    """How many repetitions ended so, as `/metrics` has it."""
    labels = f'assigned="shadow",ending="{ending}",recipe="{RECIPE}",served="shadow"'
    with running.http() as http:
        page = http.get("/metrics").text
    found = [line for line in page.splitlines() if line.startswith("tunesmith_requests_total{")]
    return sum(int(float(line.split()[-1])) for line in found if labels in line)


def test_the_treatment_is_asked_the_same_and_the_user_has_controls_answer(shadowed):
    shadowed.control.answer, shadowed.treatment.answer = says("seen"), says("not seen", model="x")
    answer = shadowed.ask(temperature=0.5)
    assert answer.choices[0].message.content == "seen"
    live, shadow = pair(shadowed)
    assert "shadow_of" not in live
    assert shadow["shadow_of"] == live["id"] != shadow["id"]
    assert (shadow["assigned"], shadow["served"], shadow["model"]) == (
        "treatment", "treatment", "model-4",
    )  # fmt: skip
    assert live.get("assigned", "control") == "control"
    for name in ("rollout", "stage", "unit"):
        assert shadow[name] == live[name]
    assert (shadow["length"], shadow["prompt_tokens"]) == (8, 7)
    (asked,), (repeated,) = shadowed.control.requests, shadowed.treatment.requests
    assert repeated == asked | {"model": "model-4"}
    assert shadowed.treatment.headers[0]["authorization"] == "Bearer upstream-secret"
    assert shown(shadowed) == 1


def test_a_stream_is_repeated_as_a_stream_so_that_first_tokens_can_be_compared(shadowed):
    shadowed.control.answer = says_in_pieces("seen")
    shadowed.treatment.answer = says_in_pieces("not ", "seen")
    chunks = list(shadowed.ask(stream=True))
    assert {chunk.choices[0].delta.content for chunk in chunks} <= {None, "", "seen"}
    live, shadow = pair(shadowed)
    assert live["streamed"] and shadow["streamed"]
    assert 0 < shadow["first_token_seconds"] <= shadow["seconds"]
    assert shadow["completion_tokens"] == 3


@pytest.mark.parametrize(
    ("step", "ending"), [(fails(500), "upstream_error"), (hangs, "too_long"),
                         (fails(400), "client_error")],
)  # fmt: skip
def test_a_treatment_that_fails_delays_nobody_and_is_recorded_as_it_ended(tmp_path, step, ending):
    with gateway(tmp_path / "i", timeouts=patience(ending)) as running:
        running.give(0, shadow=True)
        running.treatment.answer = step
        for _ in range(3):
            assert running.ask().choices[0].message.content == "re: hi"
        found = wait_for(lambda: len(found := running.records()) == 6 and found)
        assert len(running.control.requests) == 3
    assert [one["ending"] for one in found if "shadow_of" in one] == [ending] * 3
    assert all(one.get("attempts", 1) == 1 and "treatment_ending" not in one for one in found)


def test_what_says_nothing_of_the_treatment_is_not_repeated(tmp_path):
    with gateway(tmp_path / "i") as running:
        running.give(0, shadow=True)
        running.ask(user=None)  # nobody: no part of the analysis
        running.control.told(fails(400))
        with running.http() as http:
            assert http.post(PATH, json=BODY).status_code == 400  # the client's own fault
        running.ask()
    # All that was begun has ended.
    assert len(running.treatment.requests) == 1
    assert ["shadow_of" in one for one in running.records()] == [False, False, False, True]


def test_a_failure_of_control_is_repeated_as_the_pair_tells_it(shadowed):
    shadowed.control.told(fails(500))
    with shadowed.http() as http:
        assert http.post(PATH, json=BODY).status_code == 500
    live, shadow = pair(shadowed)
    assert (live["ending"], shadow.get("ending", "answered")) == ("upstream_error", "answered")


@pytest.mark.parametrize(
    ("budget", "repeated"), [(Budget(share=0.0), 0), (Budget(per_minute=2), 2), (Budget(), 6)]
)
def test_a_budget_bounds_what_is_repeated(tmp_path, budget, repeated):
    with gateway(tmp_path / "i", budget=budget) as running:
        running.give(0, shadow=True)
        for _ in range(6):
            running.ask()
        running.give(0, shadow=False)
        running.ask()
        wait_for(lambda: shown(running) == repeated)
        assert len(running.records()) == 7 + repeated


def test_a_gateway_that_cannot_see_the_ledger_repeats_nothing(tmp_path):
    with gateway(tmp_path / "i", lease=0.0) as running:
        running.give(0, shadow=True)
        running.ask()
    assert len(running.records()) == 1


def test_what_finds_too_many_waiting_is_dropped_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(shadowing, "WAITING", 2)
    with gateway(tmp_path / "i", budget=Budget(at_once=1), patience=0.1) as running:
        running.give(0, shadow=True)
        running.treatment.answer = hangs
        running.ask()
        wait_for(lambda: running.treatment.requests)  # one is under way, so two may wait
        for _ in range(5):
            running.ask()
        wait_for(lambda: dropped(running) == 3)
        assert running.treatment.most_at_once == 1


def dropped(running):
    return running.door.metrics._registry.get_sample_value(
        "tunesmith_shadow_dropped_total", {"recipe": RECIPE}
    )


def test_bytes_that_wait_have_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(shadowing, "WAITING_BYTES", 10)
    with gateway(tmp_path / "i") as running:
        running.give(0, shadow=True)
        running.ask()
    assert running.treatment.requests == []


def test_what_is_under_way_at_the_end_is_ended_and_recorded(tmp_path):
    with gateway(tmp_path / "i", patience=0.2) as running:
        running.give(0, shadow=True)
        running.treatment.answer = hangs
        running.ask()
        wait_for(lambda: running.treatment.requests)
    live, shadow = running.records()
    assert (shadow["shadow_of"], shadow["ending"]) == (live["id"], "client_gone")


def test_what_is_captured_of_the_live_one_is_captured_of_both(tmp_path):
    with gateway(tmp_path / "i", capture=Capture(b"k", 1.0)) as running:
        running.give(0, shadow=True)
        running.control.answer = says("to a@corp.co")
        running.treatment.answer = says("to b@corp.co and a@corp.co")
        running.client().chat.completions.create(
            **{**BODY, "messages": [{"role": "user", "content": "I am a@corp.co"}]}
        )
        live, shadow = pair(running)
    assert live["request"] == shadow["request"]
    assert json.loads(live["request"])["messages"][0]["content"] == "I am <EMAIL_1>"
    assert (live["answer"], shadow["answer"]) == ("to <EMAIL_1>", "to <EMAIL_2> and <EMAIL_1>")


def test_a_stream_that_breaks_in_shadow_is_recorded(shadowed):
    shadowed.control.answer = says_in_pieces("seen")
    shadowed.treatment.answer = says_in_pieces("a")
    shadowed.treatment.told(broken)
    assert list(shadowed.ask(stream=True))
    _, shadow = pair(shadowed)
    assert shadow["ending"] == "cut"


def broken(handler, body):
    handler.open_stream()
    handler.push(piece("a"))
    handler.close_connection = True
