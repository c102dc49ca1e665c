"""Facts are taken out of an input, and what is then stated has no support."""

import pytest

from tests.made_rows import chat
from tunesmith.data.grounding import find_entities
from tunesmith.evaluation.suites import hallucination
from tunesmith.evaluation.suites.asking import RIGHT
from tunesmith.records import ChatExample, LabelExample, Message

TICKET = "Chloe Vogel called on 14 January about order SO-3760. The lid is broken. Paid €63.67."


def test_no_fact_is_left_and_plain_words_stay():
    bare = hallucination.without_facts(TICKET)
    assert find_entities(bare) == []
    assert "The lid is broken." in bare
    for fact in ("Chloe", "Vogel", "14", "January", "3760", "63.67"):
        assert fact not in bare


@pytest.mark.parametrize("text", ["", "the lid is broken", "somebody wants some lamps."])
def test_a_text_without_facts_stays_as_it_is(text):
    assert hallucination.without_facts(text) == text


def test_an_answer_may_state_what_is_left_and_nothing_else():
    row = chat(TICKET, system="You write for Brightline.")
    (question,) = hallucination.ask([row], 5)
    assert question.group_id == row.group_id
    assert question.long
    assert question.messages[0].content == "You write for Brightline."

    def passed(output):
        return question.judge(output)[RIGHT].passed

    assert passed("We are sorry that the lid is broken. Kind regards, Brightline")
    assert not passed("Dear Chloe, we are sorry.")
    assert not passed("We will send it on 20 August.")
    assert not passed(" ")
    assert "Chloe" in question.judge("Dear Chloe, we are sorry.")[RIGHT].evidence


def test_only_inputs_with_facts_are_asked():
    common = {"group_id": "g", "source": "a:1", "origin": "human"}
    label = LabelExample(**common, row_id="1" * 16, text="Ann wants 3 lamps.", label="order")
    tools = ChatExample(
        **common, row_id="2" * 16,
        messages=(Message("user", "Ann wants 3."), Message("assistant", "ok")),
        tools=({"type": "function", "function": {"name": "look"}},),
    )  # fmt: skip
    rows = [chat("the lid is broken"), label, tools, chat("Ben wants 4 cups.")]
    found = hallucination.ask(rows, 5)
    assert [question.messages[-1].content for question in found] == [
        "somebody wants some lamps.",
        "somebody wants some cups.",
    ]
    assert len(hallucination.ask(rows, 1)) == 1
