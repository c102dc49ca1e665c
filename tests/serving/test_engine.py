"""Who is answered when, and who is told what if nothing comes."""

import dataclasses
import queue

import pytest

from tests.serving.conftest import engine
from tunesmith.serving import models as models_module
from tunesmith.serving.answers import Question
from tunesmith.serving.engine import Full
from tunesmith.serving.models import Model


@pytest.fixture
def endless(loaded):
    """A model that never ends an answer by itself."""
    base = dataclasses.replace(loaded, ends=frozenset())
    return Model("endless", base, base.model)


def ask(running, model, limit, **more):
    """Ask something; returns the answer and the pieces."""
    pieces = queue.Queue()
    answer = running.ask(model, Question([5, 6, 7], limit, streamed=True, **more), pieces.put)
    return answer, pieces


def last(pieces):
    while not (piece := pieces.get(timeout=60)).last:
        pass
    return piece


def test_a_short_answer_does_not_wait_for_the_end_of_a_long_one(endless):
    with engine() as running:
        long, pieces = ask(running, endless, 900)
        pieces.get(timeout=60)
        assert last(ask(running, endless, 3)[1]).completion_tokens == 3
        assert len(long.tokens) < 800
        long.drop()


def test_two_models_take_turns(endless, loaded):
    other = Model("other", endless.base, loaded.model)
    with engine() as running:
        long, pieces = ask(running, endless, 900)
        pieces.get(timeout=60)
        assert last(ask(running, other, 3)[1]).finish == "length"
        assert len(long.tokens) < 800
        long.drop()


def test_an_answer_that_nobody_waits_for_gives_its_row_back(endless, monkeypatch):
    monkeypatch.setattr(models_module, "TOGETHER", 1)
    with engine() as running:
        first, pieces = ask(running, endless, 900)
        pieces.get(timeout=60)
        gone, never = ask(running, endless, 3)
        gone.drop()
        _, waiting = ask(running, endless, 3)
        first.drop()
        assert last(waiting).completion_tokens == 3
        assert len(first.tokens) < 900
        assert never.empty()


def test_who_finds_no_place_to_wait_is_told_so(endless, monkeypatch):
    monkeypatch.setattr(models_module, "TOGETHER", 1)
    with engine(waiting=1) as running:
        first, pieces = ask(running, endless, 900)
        pieces.get(timeout=60)
        _, waiting = ask(running, endless, 3)
        with pytest.raises(Full):
            ask(running, endless, 3)
        first.drop()
        assert last(waiting).finish == "length"
        assert last(ask(running, endless, 3)[1]).finish == "length"


def test_a_failure_is_told_and_the_next_question_is_answered(endless, monkeypatch, caplog):
    def fail(tokens):
        raise RuntimeError("out of memory at 0x7f")

    with engine() as running:
        monkeypatch.setattr(endless.rows, "step", fail)  # until the model begins anew
        lost = last(ask(running, endless, 5)[1])
        assert "the server's log" in lost.error
        assert "0x7f" not in lost.error
        assert last(ask(running, endless, 5)[1]).completion_tokens == 5
    assert "0x7f" in caplog.text


def test_at_the_end_everybody_is_told(endless, monkeypatch):
    monkeypatch.setattr(models_module, "TOGETHER", 1)
    with engine() as running:
        _, going = ask(running, endless, 900)
        going.get(timeout=60)
        _, waiting = ask(running, endless, 5)
    assert "ending" in last(going).error
    assert "ending" in last(waiting).error
    assert not running.alive
    assert "ending" in last(ask(running, endless, 5)[1]).error
