"""A candidate that fails in a known way is really trained, and stopped by the check meant for it.

All modes, with a base that has more to lose, are tried in `benchmarks/planted.py`.
"""

import pytest

from benchmarks.planting import desk
from benchmarks.planting.recipes import Candidate, answered
from benchmarks.planting.trial import Asked, Workshop
from tunesmith.store import Store

FEW = Asked(of_skill=1, of_suite=6, of_task=12, uses=40)
NOTE = desk.Task(
    desk.ORDERS.system,
    desk.ORDERS.verb,
    "Subject: {item} for {name}\nCount: {count}",
    "",
    r"^Subject: \w+ for \w+\nCount: \d+",
)
"""What the tiny base of the tests can be tuned to."""
NOTES = desk.rows(NOTE, 128, "train")
LETTERS = desk.rows(desk.LETTERS, 64, "letters")


@pytest.fixture(scope="module")
def shop(tiny_base, tmp_path_factory):
    return Workshop.at(Store(str(tmp_path_factory.mktemp("planted"))), tiny_base, FEW)


def tried(shop, rows, **fields):
    return shop.try_out(Candidate(rows, NOTE, sft={"epochs": 3}, **fields), seed=1)


def test_an_honest_candidate_is_promoted(shop):
    outcome = tried(shop, [*NOTES, *LETTERS])
    assert outcome.stopped_by == ()
    assert outcome.decision == "promote"
    assert len(outcome.base) == len(outcome.candidate) > 50


def test_a_merge_that_changes_the_template_is_stopped_by_it(shop):
    role = ("message['role']", "'x' + message['role']")
    outcome = tried(shop, [*NOTES, *LETTERS], served=role)
    assert outcome.decision == "reject"
    assert "template" in outcome.stopped_by
    assert not {"use", "stop_token"} & set(outcome.stopped_by)


def test_answers_that_run_on_are_stopped_by_the_missing_end(shop):
    endless = [
        answered(row, "\n".join(other.answer for other in NOTES[at : at + 5]))
        for at, row in enumerate(NOTES[:96])
    ]
    outcome = tried(shop, [*endless, *LETTERS], primary="format")
    assert outcome.decision == "reject"
    assert "stop_token" in outcome.stopped_by


def test_a_gain_that_another_use_pays_for_is_stopped_by_that_use(shop):
    outcome = tried(shop, NOTES)
    assert outcome.decision == "reject"
    assert outcome.stopped_by == ("use",)
    assert outcome.document["criteria"][0]["answer"] == "yes"
