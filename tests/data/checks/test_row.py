"""All checks on one row: the order in which they look, and what they say nothing about."""

import pytest

from tests.data.checks.test_lengths import BYTES, WORDS, dialogue, label, preference
from tests.made_rows import chat
from tunesmith.data.checks.params import Checks
from tunesmith.data.checks.row import has_text, look
from tunesmith.records import Message, ToolCall

LOOP = "It is on its way to you and we tell you more soon. " * 8


def looked(row, **checks):
    (one,) = look(row, Checks(**checks), WORDS)
    return one


@pytest.mark.parametrize(
    ("row", "name", "dropped"),
    [
        (chat("How?", "I can't help with that."), "refusal", False),
        (chat("How?", "Put it on the"), "truncated", True),
        (chat("How?", LOOP), "degenerate", True),
        (chat("How?", "So.\nHuman: And on Sunday?"), "turn_marker", True),
        (chat("Where is my order? I have been waiting for it since last week.",
              "Votre commande a été expédiée hier soir et devrait arriver bientôt."), "language", False),
        (chat("How?", "Go kill yourself."), "toxicity", False),
        (dialogue("?", "Yes.", "Are you sure?", "I apologize, you're right. No."), "sycophancy", False),
        (chat("I am ann@firm.co", "Hello."), "personal", False),
        (chat("x " * 1100, "Hello."), "too_long", True),
    ],
)  # fmt: skip
def test_each_check_finds_its_own_and_does_what_it_does_by_default(row, name, dropped):
    found = looked(row)
    assert list(found.drops) == ([name] if dropped else [])
    assert list(found.flags) == ([] if dropped else [name])
    off = looked(row, **{name: "off"})
    assert (off.drops, off.flags) == ({}, {})


def test_a_turn_marker_of_the_user_is_meant_and_one_of_an_earlier_answer_leaked_too():
    answer = "So.\nHuman: And on Sunday?"
    assert looked(dialogue("Go on.\nHuman: How?", answer)).drops == {}
    assert list(looked(dialogue("How?", answer, "And now?", answer)).drops) == ["turn_marker"]
    assert list(looked(preference("How?", answer, "No.")).drops) == ["turn_marker"]


def test_a_good_row_comes_back_as_it_is():
    row = chat("How?", "So.")
    assert looked(row) == (row, {}, {})


def test_a_row_that_is_dropped_for_its_length_is_masked_when_masking_is_asked_for():
    found = looked(chat("ann@firm.co " * 1100, "Hello."), personal="mask")
    assert list(found.drops) == ["too_long"]
    assert "firm" not in repr(found)


def test_every_part_of_a_row_is_masked():
    call = ToolCall("1", "find", '{"mail": "ann@firm.co"}')
    messages = (Message("user", "I am ann@firm.co"), Message("assistant", "", tool_calls=(call,)))
    row = dialogue("a", "b")
    row = type(row)(row_id="r", group_id="g", source="s", origin="human", messages=messages)
    assert (
        looked(row, personal="mask").row.messages[1].tool_calls[0].arguments
        == '{"mail": "<EMAIL_1>"}'
    )
    masked = looked(preference("ann@firm.co", "bo@firm.co", "ann@firm.co"), personal="mask").row
    assert (masked.prompt[0].content, masked.chosen, masked.rejected) == (
        "<EMAIL_1>", "<EMAIL_2>", "<EMAIL_1>",
    )  # fmt: skip
    assert looked(label("ann@firm.co asks"), personal="mask").row.text == "<EMAIL_1> asks"


def test_an_answer_is_checked_after_its_row_was_shortened():
    row = dialogue("?", "Yes.", "Are you sure?", "I apologize, you're right. No.")
    cut = looked(row, too_long={"action": "cut_input", "tokens": 26})
    assert list(cut.flags) == ["too_long"]
    first, other = look(row, Checks(too_long={"action": "chunk", "tokens": 26}), WORDS)
    assert contents_of(first) + contents_of(other) == contents_of((row,))


def contents_of(found):
    return [message.content for message in found[0].messages]


def test_labels_and_bare_tool_calls_have_no_answer_in_words():
    assert not has_text(label("x"))
    assert has_text(chat("x", "y"))
    assert has_text(preference("x", "y", "z"))
    assert looked(label("Put it on the")) == (label("Put it on the"), {}, {})


def test_the_tokenizer_makes_no_difference_to_short_rows():
    row = chat("How?", "So.")
    assert look(row, Checks(), BYTES) == look(row, Checks(), WORDS)
