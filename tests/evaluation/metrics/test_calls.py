"""Calls of tools: which forms are read, and which calls are the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.evaluation.metrics import METRICS, MetricParams
from tunesmith.evaluation.metrics.calls import Call, written
from tunesmith.records import ChatExample, Message, ToolCall

TOOL = {"type": "function", "function": {"name": "find", "parameters": {}}}
BERN = '{"name": "find", "arguments": {"city": "Bern", "days": 2}}'
CALL = Call("find", {"city": "Bern", "days": 2})


def row(*calls, said="", tools=(TOOL,)):
    made = tuple(
        ToolCall(id=str(n), name=name, arguments=text) for n, (name, text) in enumerate(calls)
    )
    messages = (Message("user", "Where?"), Message("assistant", said, tool_calls=made))
    return ChatExample(
        row_id="r", group_id="g", source="s:1", origin="human", messages=messages, tools=tools
    )


ROW = row(("find", '{"days": 2, "city": "Bern"}'))


def measured(example, output):
    return METRICS["tool_call"](example, output, MetricParams())


@pytest.mark.parametrize(
    ("output", "text", "calls"),
    [
        (f"<tool_call>\n{BERN}\n</tool_call>", "", (CALL,)),
        (f"<tool_call>{BERN}", "", (CALL,)),  # cut off, or the end mark was taken out
        (f"I look.\n<tool_call>{BERN}</tool_call><tool_call>{BERN}</tool_call>", "I look.", (CALL, CALL)),
        (f"[TOOL_CALLS] [{BERN}]", "", (CALL,)),
        (f"<|python_tag|>{BERN.replace('arguments', 'parameters')}", "", (CALL,)),
        (BERN, "", (CALL,)),
        (f"[{BERN}, {BERN}]", "", (CALL, CALL)),
        (json.dumps({"type": "function", "function": {"name": "find", "arguments": "{}"}}), "",
         (Call("find", {}),)),
        ('{"name": "find", "arguments": ""}', "", (Call("find", {}),)),
        ('{"name": "find", "arguments": "{"}', "", (Call("find", None),)),
        ("In Bern.", "In Bern.", ()),
        ('{"name": "Ann"}', '{"name": "Ann"}', ()),
        ('{"name": 3, "arguments": {}}', '{"name": 3, "arguments": {}}', ()),
        ("[]", "[]", ()),
        ("", "", ()),
        ("{", "{", ()),
    ],
)  # fmt: skip
def test_forms_of_calls(output, text, calls):
    assert written(output) == (text, calls, "")


@pytest.mark.parametrize(
    "output",
    ["<tool_call>", "<tool_call>find(Bern)</tool_call>", '<tool_call>{"name": "find"}</tool_call>',
     "[TOOL_CALLS] Bern", "<tool_call>" * 9000],
)  # fmt: skip
def test_a_mark_without_a_call_is_broken(output):
    assert written(output).broken
    assert "cannot be read" in measured(ROW, output).evidence


@pytest.mark.parametrize(
    ("output", "evidence"),
    [
        (BERN, ""),
        (BERN.replace("2", "2.0"), ""),
        (BERN.replace("2", '"2"'), "find with other arguments"),
        (BERN.replace("Bern", "bern"), "find with other arguments"),
        (BERN.replace("find", "Find"), "no call of find"),
        (BERN.replace(', "days": 2', ""), "find with other arguments"),
        (f"[{BERN}, {BERN}]", "a call of find too many"),
        ("In Bern.", "no call; expected find"),
        ("", "no call; expected find"),
        ('{"name": "find", "arguments": "{"}', "find with other arguments"),
        ('{"name": "find", "arguments": {"city": NaN}}', "no call"),
    ],
)
def test_a_call_is_right_when_name_and_arguments_are(output, evidence):
    found = measured(ROW, output)
    assert found.value == float(not evidence)
    assert evidence in found.evidence


def test_true_is_not_one():
    example = row(("find", '{"a": 1}'))
    assert measured(example, '{"name": "find", "arguments": {"a": true}}').value == 0.0
    both = row(("find", '{"a": 1}'), ("find", '{"a": true}'))
    turned = [{"name": "find", "arguments": {"a": value}} for value in (True, 1)]
    assert measured(both, json.dumps(turned)).value == 1.0


def test_calls_made_together_have_no_order():
    example = row(("a", "{}"), ("b", "{}"), ("a", "{}"))
    call = {name: {"name": name, "arguments": {}} for name in "ab"}
    assert measured(example, json.dumps([call["b"], call["a"], call["a"]])).value == 1.0
    assert measured(example, json.dumps([call["b"], call["b"], call["a"]])).value == 0.0


def test_where_no_call_is_expected_one_too_many_is_wrong():
    assert measured(row(said="In Bern."), "In Bern.") == (1.0, "")
    assert measured(row(said="In Bern."), BERN) == (0.0, "a call of find too many")
    assert measured(row(said="In Bern."), "<tool_call>").value == 0.0
    assert measured(row(said="In Bern.", tools=()), BERN).value is None
    assert measured(chat("q"), "").value is None


def test_expected_arguments_that_are_no_json_are_met_by_nothing():
    # A row like that is wrong; that a model wrote the same rubbish makes it no right call.
    assert measured(row(("find", "{")), '{"name": "find", "arguments": "{"}').value == 0.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), JSON, max_size=3))
def test_what_was_expected_is_right_in_every_form(arguments):
    example = row(("find", json.dumps(arguments)))
    body = json.dumps({"name": "find", "arguments": arguments}, ensure_ascii=False)
    for output in (body, f"<tool_call>{body}</tool_call>", f"[TOOL_CALLS][{body}]"):
        if "<tool_call>" not in json.dumps(arguments):
            assert measured(example, output).value == 1.0
