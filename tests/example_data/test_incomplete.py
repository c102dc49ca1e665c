"""Tickets that leave facts open: their e-mails state no more than they do."""

import re

import pytest

from tests.example_data.conftest import Made, email, ticket
from tunesmith.data.grounding import find_entities, ungrounded
from tunesmith.evaluation.suites.hallucination import without_facts
from tunesmith.example_data.dice import Dice
from tunesmith.example_data.incomplete import NO_NAME, OPEN, leave_open
from tunesmith.example_data.support_email import FORMAT, INCOMPLETE, SYSTEM_PROMPT
from tunesmith.example_data.tickets import Row, Tickets


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Row, Row]]:
    """Rows as they were, and with facts left open."""
    dice = Dice(3)
    tickets = Tickets("tickets", dice, iter(range(10_000, 100_000)))
    rows = [tickets.next() for _ in range(300)]
    return [(row, leave_open(row, dice)) for row in rows]


def test_an_email_states_only_what_its_ticket_still_says(pairs: list[tuple[Row, Row]]) -> None:
    whole = bare = 0
    for row, opened in pairs:
        assert opened.user != row.user
        lost = {
            value
            for name in ("id", "opened", "due", "amount", "order", "label", "pin", "first")
            if (value := row.facts[name]) in row.user and value not in opened.user
        }
        assert not any(value in opened.assistant for value in lost), (lost, opened.assistant)
        whole += bool(find_entities(opened.user))
        bare += not re.search(r"\d", opened.user)
    assert whole > 50, "no ticket keeps a fact"
    assert bare > 50, "no ticket loses all"


def test_the_emails_keep_the_form_and_hold_nothing_invented(pairs: list[tuple[Row, Row]]) -> None:
    nameless = 0
    for _, opened in pairs:
        assert re.fullmatch(FORMAT, opened.assistant), opened.assistant
        assert not ungrounded(opened.assistant, f"{SYSTEM_PROMPT}\n{opened.user}"), opened.user
        nameless += NO_NAME in opened.assistant
    assert 50 < nameless < len(pairs)


def test_what_is_left_open_states_nothing_and_is_no_question_of_a_suite() -> None:
    """The suite takes facts out by words of its own; who trains on those learns the test."""
    asked = {"some", "somebody", "something", "sometime"}
    for said in OPEN.values():
        for text in said:
            assert not find_entities(text), text
            assert not asked & set(text.split()), text
    assert "somebody" in without_facts("Maria Jones called.")


def test_the_same_dice_leave_the_same_facts_open() -> None:
    row = Tickets("tickets", Dice(3), iter(range(10_000, 100_000))).next()
    assert leave_open(row, Dice(5)) == leave_open(row, Dice(5))
    assert len({leave_open(row, Dice(seed)).user for seed in range(20)}) > 10


def test_their_share_of_the_lines_is_the_stated_one(made: Made) -> None:
    found = [row for truth, row in made.of("clean") if truth.kind == "incomplete"]
    assert len(found) == round(INCOMPLETE * len(made.truth.rows))
    assert all(re.fullmatch(FORMAT, email(row)) for row in found)
    assert len({ticket(row) for row in found}) == len(found)
