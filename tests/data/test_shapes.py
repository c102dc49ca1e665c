"""Rows of every shape become the same examples, and a row of another shape is told."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.canonical import canonical_row
from tunesmith.data.parsing import Reading, read_item, reading_of
from tunesmith.data.readers.items import Line, Record
from tunesmith.data.shapes import FIELDS, SHAPES, tell
from tunesmith.errors import InputError
from tunesmith.records import ChatExample, Dropped, LabelExample, PreferenceExample

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"id": 7}'}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
TURNS = [("system", "S"), ("user", "q"), ("assistant", "a")]


def read(shape, columns=None, **row):
    content = json.dumps(row).encode()
    return read_item(Line("f:1", content, True), Reading("human", None, shape, columns or {}))


def turns(row):
    return [(item.role, item.content) for item in row.messages]


def dicts(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


SAME_CHAT = [
    ("chat", {"messages": dicts(*TURNS)}),
    ("chat", {"messages": [*dicts(*TURNS[:2]), {"role": "assistant", "content": "a", "weight": 1, "name": None}]}),
    ("prompt_completion", {"prompt": "q", "completion": "a", "system": "S"}),
    ("prompt_completion", {"prompt": dicts(*TURNS[:2]), "completion": dicts(TURNS[2])}),
    ("alpaca", {"instruction": "q", "input": "", "output": "a", "system": "S"}),
    ("alpaca", {"instruction": "q", "input": None, "output": "a", "system": "S", "history": []}),
    ("sharegpt", {"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}),
    ("sharegpt", {"system": "S", "conversations": [{"from": "user", "value": "q"}, {"from": "assistant", "value": "a"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "row"), SAME_CHAT)
def test_one_conversation_is_one_example_in_every_shape(shape, row):
    expected = read(*SAME_CHAT[0][:1], **SAME_CHAT[0][1])
    found = read(shape, **row, topic="x")
    assert isinstance(found, ChatExample)
    assert turns(found) == TURNS
    assert (found.row_id, found.group_id) == (expected.row_id, expected.group_id)
    assert found.metadata == {"topic": "x"}


def test_the_ids_of_plain_chats_never_change():
    row = read("chat", messages=dicts(*TURNS))
    assert (row.row_id, row.group_id) == ("2c05e42247048d6c", "bcb5c1f5628c3e6f")


def test_alpaca_s_input_follows_the_instruction_and_its_history_comes_before():
    row = read("alpaca", instruction="Sort.", input="b a", output="a b", history=[["q1", "a1"]])
    assert turns(row) == [("user", "q1"), ("assistant", "a1"), ("user", "Sort.\n\nb a"), ("assistant", "a b")]  # fmt: skip


# Tools


def test_tools_and_their_calls_are_kept_and_are_part_of_the_id():
    messages = [
        *dicts(("user", "q")),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "7", "tool_call_id": "c1", "name": "look"},
        *dicts(("assistant", "It is 7.")),
    ]
    row = read("chat", messages=messages, tools=[TOOL], parallel_tool_calls=True)
    call = row.messages[1].tool_calls[0]
    assert (call.id, call.name, call.arguments) == ("c1", "look", '{"id": 7}')
    assert (row.messages[1].content, row.messages[2].tool_call_id) == ("", "c1")
    assert (row.tools, row.metadata) == ((TOOL,), {"parallel_tool_calls": True})
    other = [*messages[:1], {**messages[1], "tool_calls": [{**CALL, "id": "c2"}]}, *messages[2:]]
    ids = {
        row.row_id,
        read("chat", messages=messages).row_id,
        read("chat", messages=other, tools=[TOOL]).row_id,
    }
    assert len(ids) == 3


def test_a_call_alone_is_an_answer():
    row = read(
        "chat", messages=[*dicts(("user", "q")), {"role": "assistant", "tool_calls": [CALL]}]
    )
    assert (row.answer, row.messages[-1].tool_calls[0].name) == ("", "look")


def test_arguments_as_an_object_become_text():
    call = {"function": {"name": "look", "arguments": {"b": 1, "a": [2]}}}
    row = read(
        "chat", messages=[*dicts(("user", "q")), {"role": "assistant", "tool_calls": [call]}]
    )
    assert row.messages[-1].tool_calls[0].arguments == '{"a":[2],"b":1}'


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"role": "user", "content": "q", "tool_calls": [CALL]}, "only assistants call"),
        ({"role": "assistant", "content": "a", "tool_call_id": "c1"}, "only tools answer"),
        ({"role": "assistant", "content": "a", "tool_calls": {}}, "expected a list"),
        ({"role": "assistant", "content": "", "tool_calls": []}, "content is empty"),
        ({"role": "assistant", "tool_calls": ["look"]}, "tool_calls[0]: expected an object"),
        ({"role": "assistant", "tool_calls": [{"id": "x"}]}, "with a function"),
        ({"role": "assistant", "tool_calls": [{**CALL, "type": "web"}]}, "type is 'web'"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}, "arguments"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}, "arguments"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "", "arguments": "{}"}}]}, "name is empty"),
        ({"role": "assistant", "content": "a", "function_call": {"name": "f"}}, "function_call is not known"),
        ({"role": "assistant", "content": "a", "refusal": "no"}, "refusal is not known"),
        ({"role": "assistant", "content": "a", "audio": {"id": "1"}}, "audio is not known"),
        ({"role": "assistant", "content": "a", "weight": 2}, "weight is 2; expected 0 or 1"),
        ({"role": "assistant", "content": "a", "weight": 0}, "weight is 0; expected 1 on the answer"),
        ({"role": "developer", "content": "a"}, "role is 'developer'"),
        ({"role": "assistant", "content": [{"type": "text", "text": "a"}]}, "found a list"),
        ({"role": "assistant", "content": "a", "name": 7}, "name: expected text"),
    ],
)  # fmt: skip
def test_what_a_message_may_not_be_is_told(message, says):
    row = read("chat", messages=[*dicts(("user", "q")), message])
    assert isinstance(row, Dropped)
    assert says in row.detail


def test_a_weight_on_earlier_messages_changes_nothing():
    earlier = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "x", "weight": 0}]
    row = read("chat", messages=[*earlier, *dicts(("user", "r"), ("assistant", "a"))])
    assert isinstance(row, ChatExample)


@pytest.mark.parametrize("tools", [["look"], [{"name": "look"}], {}, [{"function": {}}]])
def test_tools_without_the_name_of_a_function_are_told(tools):
    assert read("chat", messages=dicts(*TURNS), tools=tools).reason == "wrong_shape"


# Preference pairs

HH = "\n\nHuman: q1\n\nAssistant: a1\n\nHuman: q\n\nAssistant:"
BEFORE = [("user", "q1"), ("assistant", "a1"), ("user", "q")]
SAME_PAIR = [
    ("preference", {"chosen": f"{HH} good ", "rejected": f"{HH} bad"}),
    ("preference", {"prompt": HH, "chosen": "good", "rejected": "bad"}),
    ("preference", {"prompt": dicts(*BEFORE), "chosen": "good", "rejected": "bad"}),
    ("preference", {"prompt": dicts(*BEFORE), "chosen": dicts(("assistant", "good")), "rejected": dicts(("assistant", "bad"))}),
    ("preference", {"prompt": "q", "chosen": dicts(*BEFORE, ("assistant", "good")), "rejected": dicts(*BEFORE, ("assistant", "bad"))}),
    ("openai_preference", {"input": {"messages": dicts(*BEFORE), "tools": []}, "preferred_output": dicts(("assistant", "good")), "non_preferred_output": dicts(("assistant", "bad"))}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "row"), SAME_PAIR)
def test_one_pair_is_one_example_in_every_shape(shape, row):
    found = read(shape, **row, score=1)
    assert isinstance(found, PreferenceExample)
    assert turns(found) == [*BEFORE, ("assistant", "good")]
    assert (found.chosen, found.rejected, found.metadata) == ("good", "bad", {"score": 1})
    assert found.row_id == read(SAME_PAIR[2][0], **SAME_PAIR[2][1]).row_id
    assert found.group_id == read("chat", messages=dicts(*BEFORE, ("assistant", "x"))).group_id


@pytest.mark.parametrize(
    ("row", "reason", "says"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "a"}, "no_preference", "the same"),
        ({"chosen": "a", "rejected": "b"}, "no_answer", "found nothing"),
        ({"prompt": "q", "chosen": "a", "rejected": " "}, "empty_message", "rejected is empty"),
        ({"prompt": "q", "chosen": 1, "rejected": "b"}, "wrong_shape", "chosen: expected text"),
        ({"chosen": f"{HH} x", "rejected": "\n\nHuman: other\n\nAssistant: y"}, "wrong_shape", "differ before"),
        ({"chosen": f"{HH} x", "rejected": f"{HH} y\n\nHuman: bye"}, "no_answer", "rejected"),
        ({"chosen": f"{HH} x", "rejected": f"{HH} "}, "empty_message", "turn 4"),
        ({"prompt": "other", "chosen": f"{HH} x", "rejected": f"{HH} y"}, "wrong_shape", "prompt is not what"),
        ({"prompt": dicts(("assistant", "a")), "chosen": "x", "rejected": "y"}, "no_answer", "assistant"),
    ],
)  # fmt: skip
def test_what_is_no_pair_is_told(row, reason, says):
    found = read("preference", **row)
    assert (found.reason, says in found.detail) == (reason, True), found.detail


@pytest.mark.parametrize(
    "change",
    [
        {"input": "q"},
        {"input": {"messages": dicts(("user", "q")), "tools": [TOOL]}},
        {"preferred_output": dicts(("user", "x"))},
        {"preferred_output": dicts(("assistant", "x"), ("assistant", "y"))},
        {"non_preferred_output": "text"},
        {"preferred_output": [{"role": "assistant", "tool_calls": [CALL]}]},
    ],
)
def test_what_is_no_pair_of_outputs_is_told(change):
    assert read("openai_preference", **{**SAME_PAIR[-1][1], **change}).reason == "wrong_shape"


# Labels


@pytest.mark.parametrize(("label", "expected"), [("card_lost", "card_lost"), (3, "3"), (-1, "-1")])
def test_a_text_and_its_label(label, expected):
    row = read("label", text="Where is it?", label=label, id=7)
    assert isinstance(row, LabelExample)
    assert (row.text, row.label, row.metadata) == ("Where is it?", expected, {"id": 7})
    chat = read("chat", messages=dicts(("user", "Where is it?"), ("assistant", "x")))
    assert row.group_id == chat.group_id


@pytest.mark.parametrize("label", [True, 0.5, None, "", ["a"]])
def test_what_is_no_label_is_told(label):
    assert read("label", text="t", label=label).reason in ("wrong_shape", "empty_message")


# Telling the shape


@pytest.mark.parametrize(("shape", "row"), [*SAME_CHAT, *SAME_PAIR, ("label", {"text": "t", "label": 1})])  # fmt: skip
def test_the_shape_is_told_from_the_keys(shape, row):
    assert tell([row] * 3, {}, "f") == (shape, {})
    others = [{"error": "none"}] * 2
    assert tell([*others, row, row, row], {}, "f") == (shape, {})


def test_keys_are_told_by_what_the_recipe_calls_them():
    columns = {"prompt": "question", "completion": "answer"}
    row = {"question": "q", "answer": "a", "prompt": "kept"}
    assert tell([row], columns, "f") == ("prompt_completion", columns)
    found = read("prompt_completion", columns, **row)
    assert (turns(found), found.metadata) == (
        [("user", "q"), ("assistant", "a")],
        {"prompt": "kept"},
    )


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"problem": "q", "solution": "a"}], ["problem, solution", "columns: {prompt: question"]),
        ([{"text": "only"}], ["no shape that is known", "label (text, label)"]),
        ([{"messages": None, "prompt": "q"}], ["no shape"]),
        ([{"messages": [], "prompt": "q", "completion": "a"}], ["as chat and as prompt_completion", "`shape: chat`"]),
        ([{"messages": []}, {"text": "t", "label": "l"}], ["`shape: chat` or `shape: label`"]),
    ],
)  # fmt: skip
def test_rows_that_fit_none_or_two_need_a_word_in_the_recipe(rows, says):
    with pytest.raises(InputError, match="^data/f.jsonl: ") as raised:
        tell(rows, {}, "data/f.jsonl")
    assert all(part in str(raised.value) for part in says)


def test_a_few_rows_of_another_shape_leave_no_doubt():
    rows = [{"messages": []}] * 9 + [{"messages": [], "prompt": "", "completion": ""}] * 4
    assert tell(rows, {}, "f").shape == "chat"


def test_lines_that_cannot_be_read_say_nothing_about_the_shape():
    bad = [Line("f:1", b"{", True)] * 500
    good = Line("f:2", b'{"text": "t", "label": "l"}', True)
    assert reading_of([*bad, good], "human", "f").shape == "label"
    assert reading_of(bad, "human", "f").shape == "chat"


SYNONYMOUS = [
    ("label", {"text": "t", "category": "l"}, {"label": "category"}),
    ("label", {"text": "t", "intent": "l"}, {"label": "intent"}),
    ("label", {"text": "t", "class": "l"}, {"label": "class"}),
    ("alpaca", {"instruction": "q", "response": "a"}, {"output": "response"}),
    ("alpaca", {"instruction": "q", "input": "", "response": "a"}, {"output": "response"}),
    ("alpaca", {"instruction": "q", "context": "", "response": "a", "category": "c"}, {"input": "context", "output": "response"}),
    ("prompt_completion", {"prompt": "q", "response": "a"}, {"completion": "response"}),
    ("prompt_completion", {"question": "q", "answer": "a"}, {"prompt": "question", "completion": "answer"}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "row", "taken"), SYNONYMOUS)
def test_common_names_are_taken_where_nothing_else_fits(shape, row, taken):
    assert tell([row] * 2, {}, "f") == (shape, taken)
    found = read(shape, taken, **row, topic="x")
    assert found.answer in ("a", "l")
    assert found.metadata["topic"] == "x"
    assert taken.keys().isdisjoint(found.metadata)
    assert tell([row], {"written": "date"}, "f") == (shape, {"written": "date", **taken})


@pytest.mark.parametrize(("shape", "row", "taken"), SYNONYMOUS)
def test_a_shape_s_own_keys_come_before_common_names(shape, row, taken):
    own = {"messages": dicts(*TURNS)}
    assert tell([{**row, **own}], {}, "f") == ("chat", {})
    named = {taken.get(field, field): field for field in taken}
    renamed = {named.get(key, key): value for key, value in row.items()}
    assert tell([{**row, **renamed}], {}, "f").columns == {}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"text": "t", "category": "l", "intent": "m"}], ["`columns: {label: category}` or `columns: {label: intent}`"]),
        ([{"text": "t", "class": "l", "question": "q", "answer": "a"}],
         ["as label (label: class) and as prompt_completion (prompt: question, completion: answer)"]),
        ([{"prompt": "q", "instruction": "i", "response": "a"}], ["`columns: {output: response}`"]),
        # What an answer rests on is not passed over, in any row.
        ([{"question": "q", "answer": "a"}] * 9 + [{"question": "q", "answer": "a", "context": "c"}], ["no shape"]),
        ([{"prompt": "q", "response": "a", "history": []}], ["no shape"]),
        ([{"instruction": "q", "input": "i", "context": "c", "response": "a"}], ["no shape"]),
        ([{"question": "q", "answer": "a", "choices": ["x", "y"]}], ["no shape"]),
        ([{"question": "q", "response": "a"}], ["no shape"]),
        ([{"text": "t", "category": None}], ["no shape"]),
    ],
)  # fmt: skip
def test_common_names_that_leave_a_doubt_need_a_word_in_the_recipe(rows, says):
    with pytest.raises(InputError) as raised:
        tell(rows, {}, "f")
    assert all(part in str(raised.value) for part in says)


def test_a_field_that_the_recipe_maps_has_no_synonym():
    row = {"text": "t", "category": "c", "intent": "i"}
    assert tell([row], {"label": "intent"}, "f") == ("label", {"label": "intent"})
    with pytest.raises(InputError, match="no shape"):
        tell([row], {"label": "other"}, "f")


def test_a_row_of_another_shape_is_told():
    for shape in SHAPES:
        assert read(shape, other=1).reason == "wrong_shape"


# Tables


def test_lists_in_cells_are_json_text():
    row = {"messages": json.dumps(dicts(*TURNS)), "tools": ""}
    found = read_item(Record("f.csv:2", row, b""), Reading("human", None, "chat"))
    assert turns(found) == TURNS
    broken = read_item(Record("f.csv:2", {"messages": "[{"}, b""), Reading("human", None, "chat"))
    assert (broken.reason, "in JSON" in broken.detail) == ("wrong_shape", True)
    assert read("chat", **row).reason == "wrong_shape"  # a line has lists of its own


def test_missing_keys_of_a_table_s_objects_are_nothing():
    messages = [
        {"role": role, "content": text, "tool_calls": None, "name": None} for role, text in TURNS
    ]
    found = read_item(
        Record("f:1", {"messages": messages, "tools": None}, None), Reading("human", None)
    )
    assert found.row_id == read("chat", messages=dicts(*TURNS)).row_id


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "messages", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(
    st.sampled_from(list(SHAPES)),
    st.dictionaries(st.sampled_from(sorted(FIELDS)), anything, max_size=5),
)
@settings(max_examples=300, deadline=None)
def test_any_values_in_any_shape_end_in_a_row(shape, row):
    for item in (Line("f:1", json.dumps(row).encode(), True), Record("f:1", row, None)):
        canonical_row(read_item(item, Reading("production", None, shape)))
