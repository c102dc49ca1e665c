"""A row in another tool's format, and back: the very same row, or a reason why not."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.canonical import canonical, canonical_row
from tunesmith.data.exported_lines import NoRoomError, as_line, provenance_line, restore
from tunesmith.data.parsing import Reading, read_item, reading_of
from tunesmith.data.readers.items import Line
from tunesmith.data.shapes.values import Problem
from tunesmith.records import (
    ChatExample,
    LabelExample,
    Message,
    PreferenceExample,
    ToolCall,
)

COMMON = {"row_id": "ab" * 8, "group_id": "g", "source": "old.jsonl:7", "origin": "human"}
FACTS = {
    "reviewed_by": "Ann", "reviewed_at": "2026-01-02", "written": "2025-12-31T10:00:00",
    "quality": 0.75, "flags": ("refusal",), "metadata": {"ticket": 7, "messages": "no"},
}  # fmt: skip
PAIR = PreferenceExample(
    **COMMON, prompt=(Message("system", "Be kind."), Message("user", "Why?")),
    chosen="Because.", rejected="No.",
)  # fmt: skip
LABEL = LabelExample(**COMMON, **FACTS, text="My card is lost.", label="lost_card")
TOOLS = ({"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},)
CALLS = ChatExample(
    **COMMON,
    messages=(
        Message("user", "Where is it?", name="Ann"),
        Message("assistant", "", tool_calls=(ToolCall("c1", "look", '{"at": "x"}'),)),
        Message("tool", "in the hall", tool_call_id="c1"),
        Message("assistant", "In the hall."),
    ),
    tools=TOOLS,
)
SYSTEM = chat("Who?", "Me.", system="Answer.", **FACTS)
PLAIN = chat("Who?", 'Me.\u2028Ünd \\ " mehr')
GOOD = [("openai", row) for row in (PLAIN, SYSTEM, CALLS, LABEL)]
GOOD += [("alpaca", row) for row in (PLAIN, SYSTEM, LABEL)] + [("dpo", PAIR)]


def read(line, origin="human"):
    """Read a line as ingest would, in the shape that it tells."""
    item = Line("new.jsonl:1", line, True)
    return read_item(item, reading_of([item], origin, "new.jsonl"))


def facts(row, line):
    """Provenance as it comes from a file."""
    return json.loads(canonical(provenance_line(row, line)))


@pytest.mark.parametrize(("into", "row"), GOOD)
def test_a_row_comes_back_as_it_was(into, row):
    line = as_line(row, into)
    found = restore(read(line), line, facts(row, line))
    assert canonical_row(found) == canonical_row(row)
    assert type(found) is type(row)
    assert as_line(found, into) == line


def test_openai_lines_hold_what_openai_takes_and_nothing_else():
    assert json.loads(as_line(SYSTEM, "openai")) == {
        "messages": [
            {"role": "system", "content": "Answer."},
            {"role": "user", "content": "Who?"},
            {"role": "assistant", "content": "Me."},
        ]
    }
    assert json.loads(as_line(CALLS, "openai")) == {
        "messages": [
            {"role": "user", "content": "Where is it?", "name": "Ann"},
            {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "x"}'}}]},
            {"role": "tool", "content": "in the hall", "tool_call_id": "c1"},
            {"role": "assistant", "content": "In the hall."},
        ],
        "tools": list(TOOLS),
    }  # fmt: skip


def test_alpaca_takes_a_system_prompt_as_the_instruction():
    assert json.loads(as_line(SYSTEM, "alpaca")) == {"instruction": "Answer.", "input": "Who?", "output": "Me."}  # fmt: skip
    assert json.loads(as_line(LABEL, "alpaca")) == {"instruction": "My card is lost.", "input": "", "output": "lost_card"}  # fmt: skip


def test_dpo_is_the_conversational_form():
    assert json.loads(as_line(PAIR, "dpo")) == {
        "prompt": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}],
        "chosen": [{"role": "assistant", "content": "Because."}],
        "rejected": [{"role": "assistant", "content": "No."}],
    }


TURNS = ChatExample(**COMMON, messages=(*PLAIN.messages, *PLAIN.messages))


@pytest.mark.parametrize(
    ("into", "row", "says"),
    [
        ("openai", PAIR, "dpo"),
        ("alpaca", PAIR, "dpo"),
        ("alpaca", TURNS, "more than one turn"),
        ("alpaca", CALLS, "tools"),
        ("alpaca", ChatExample(**COMMON, messages=PLAIN.messages, tools=TOOLS), "tools"),
        ("alpaca", ChatExample(**COMMON, messages=(Message("user", "q", name="A"), PLAIN.messages[1])), "names"),
        ("dpo", PLAIN, "rejected"),
        ("dpo", LABEL, "rejected"),
    ],
)  # fmt: skip
def test_what_a_format_has_no_room_for_is_refused(into, row, says):
    with pytest.raises(NoRoomError, match=says):
        as_line(row, into)


@pytest.mark.parametrize(
    ("source", "stated", "expected"),
    [
        ("human", "human", "human"),
        ("human", "production", "production"),
        ("human", "model", "model"),
        ("production", "human", "production"),
        ("model", "human", "model"),
        ("production", "model", "model"),
    ],
)
def test_an_origin_is_never_more_trusted_than_the_sources(source, stated, expected):
    row = msgspec.structs.replace(PLAIN, origin=stated, reviewed_by="Ann")
    line = as_line(row, "openai")
    own = msgspec.structs.replace(PLAIN, origin=source)
    assert restore(own, line, facts(row, line)).origin == expected


def test_a_line_that_was_changed_loses_its_provenance():
    line = as_line(PLAIN, "openai")
    changed = line.replace(b"Who", b"Why")
    for other, beside in ((changed, facts(PLAIN, line)), (line, facts(PLAIN, changed)), (line, {})):
        with pytest.raises(Problem) as problem:
            restore(read(other), other, beside)
        assert problem.value.reason == "bad_provenance"


@pytest.mark.parametrize(
    "change",
    [
        {"row_id": None}, {"row_id": 7}, {"origin": "god"}, {"quality": "high"}, {"type": "poem"},
        {"metadata": []}, {"flags": "x"}, {"type": None}, {"type": "preference"},
    ],
)  # fmt: skip
def test_what_is_no_provenance_is_a_reason_and_no_crash(change):
    line = as_line(PLAIN, "openai")
    with pytest.raises(Problem) as problem:
        restore(read(line), line, {**facts(PLAIN, line), **change})
    assert problem.value.reason == "bad_provenance"


def test_provenance_cannot_bring_content():
    line = as_line(PLAIN, "openai")
    beside = {**facts(PLAIN, line), "tools": [{"a": 1}], "messages": [], "text": "x"}
    assert restore(read(line), line, beside) == PLAIN


def test_a_line_that_its_reader_masked_is_not_unmasked():
    line = as_line(PLAIN, "openai")
    masked = chat("Who?", "[name].")
    with pytest.raises(Problem, match="bad_provenance"):
        restore(masked, line, facts(PLAIN, line))


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
meta = st.dictionaries(text, st.none() | st.integers(-5, 5) | st.floats(-1, 1) | text, max_size=3)


@given(
    st.builds(chat, text, text, system=st.none() | text, metadata=meta, source=text),
    st.sampled_from(["openai", "alpaca"]),
)
def test_any_row_comes_back(row, into):
    line = as_line(row, into)
    assert b"\n" not in line
    made = read_item(Line("new:1", line, True), Reading("human", None, "chat" if into == "openai" else "alpaca"))  # fmt: skip
    assert restore(made, line, facts(row, line)) == row
