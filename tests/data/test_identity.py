"""A row has the id of what it says, whether it was read or made of another."""

import pytest

from tests.made_rows import chat
from tunesmith.data.identity import chat_id, label_id, preference_id, rewritten
from tunesmith.data.shapes import rows
from tunesmith.records import LabelExample, Message, PreferenceExample, ToolCall, row_id

FACTS = rows.Facts({"source": "f:1", "origin": "human"}, None)
CALL = Message("assistant", "", tool_calls=(ToolCall("1", "look", "{}"),))
PROMPT = (Message("system", "Be kind."), Message("user", "Who?", name="Ann"), CALL, Message("tool", "Bob", tool_call_id="1"))  # fmt: skip
TOOLS = ({"name": "look", "parameters": {"b": 1, "a": [None, "ä"]}},)


def read():
    yield rows.chat(FACTS, (*PROMPT, Message("assistant", "Bob.")))
    yield rows.chat(FACTS, (*PROMPT, Message("assistant", "Bob.")), TOOLS)
    yield rows.preference(FACTS, PROMPT, "Bob.", "No.")
    yield rows.label(FACTS, "Who?", "question")


@pytest.mark.parametrize("row", list(read()), ids=["chat", "tools", "preference", "label"])
def test_a_row_that_is_rewritten_as_it_was_keeps_its_id(row):
    assert rewritten(row) == row
    assert rewritten(row, metadata={"a": 1}).row_id == row.row_id
    if isinstance(row, LabelExample):
        other = rewritten(row, text="Where?")
        assert other.row_id == rows.label(FACTS, "Where?", "question").row_id
    elif isinstance(row, PreferenceExample):
        other = rewritten(row, rejected="Never.")
        assert other == rows.preference(FACTS, PROMPT, "Bob.", "Never.")
    else:
        messages = (*PROMPT, Message("assistant", "Eve."))
        assert rewritten(row, messages=messages) == rows.chat(FACTS, messages, row.tools)


def test_what_the_model_sees_differs_in_the_id():
    answer = (Message("assistant", "Bob."),)
    plain = tuple(Message(one.role, one.content) for one in PROMPT)
    found = {
        chat_id((*PROMPT, *answer)), chat_id((*PROMPT, *answer), TOOLS), chat_id((*plain, *answer)),
        preference_id(PROMPT, "a", "b"), preference_id(plain, "a", "b"), preference_id(PROMPT, "b", "a"),
        label_id("a", "b"), label_id("b", "a"),
    }  # fmt: skip
    assert len(found) == 8


def test_the_ids_are_those_of_the_content_as_json():
    messages = [{"role": "user", "content": 'a "b" \u2028'}, {"role": "assistant", "content": "c"}]
    made = tuple(Message(**one) for one in messages)
    assert chat_id(made) == row_id(messages)
    assert chat_id(made, TOOLS) == row_id({"messages": messages, "tools": list(TOOLS)})
    content = {"prompt": messages[:1], "chosen": "ä", "rejected": '"'}
    assert preference_id(made[:1], "ä", '"') == row_id(content)
    assert chat("q", "a").row_id == row_id([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}])  # fmt: skip
