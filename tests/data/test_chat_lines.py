"""A line is an example or a drop with its reason; never a crash, and never a stored secret."""

import json
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.made_rows import line
from tunesmith.canonical import canonical_row
from tunesmith.data.chat_lines import Reading, read_line
from tunesmith.data.secrets import find_secrets
from tunesmith.data.source_files import Line
from tunesmith.records import ChatExample, Dropped

HUMAN = Reading("human", None)
AWS = "AKIA" + "IOSFODNN7EXAMPLE"


def read(content, reading=HUMAN, whole=True):
    raw = content if isinstance(content, bytes) else content.encode()
    return read_line(Line("f.jsonl:41", raw, whole), reading)


def stored_and_read(row):
    return msgspec.json.decode(canonical_row(row), type=type(row))


def messages(*turns):
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]})


def test_a_good_line_keeps_everything_that_stands_in_it():
    row = read(
        '{"id": 7, "messages": [{"role": "system", "content": "S"}, {"content": "Hé\\n", "role":'
        ' "user"}, {"role": "assistant", "content": "A"}], "tags": ["x", {"y": 1.5}], "none": null}'
    )
    assert isinstance(row, ChatExample)
    assert [(item.role, item.content) for item in row.messages] == [
        ("system", "S"), ("user", "Hé\n"), ("assistant", "A"),
    ]  # fmt: skip
    assert row.metadata == {"id": 7, "tags": ["x", {"y": 1.5}], "none": None}
    assert (row.source, row.origin, row.answer) == ("f.jsonl:41", "human", "A")
    assert row.input_text == "S\nHé\n"


@pytest.mark.parametrize(
    ("content", "reason", "detail"),
    [
        (b'{"a": "\xff"}', "not_utf8", "byte 7"),
        ("{", "bad_json", "column 2"),
        (line()[:-1], "bad_json", "column"),
        (line() + line(), "bad_json", "Extra data"),
        ("not json", "bad_json", "column 1"),
        ("{'messages': []}", "bad_json", "column 2"),
        ('{"n": NaN}', "bad_json", "NaN"),
        ('{"n": -Infinity}', "bad_json", "-Infinity"),
        ('{"n": 1e999}', "bad_json", "inf"),
        ('{"n": "\\ud800"}', "bad_json", "half a character"),
        ('{"\\udfff": 1}', "bad_json", "half a character"),
        ('{"n": ' + "9" * 5000 + "}", "bad_json", "cannot be read"),
        ('{"n": ' + "[" * 150 + "]" * 150 + "}", "bad_json", "levels deep"),
        ("[" * 100_000, "bad_json", "cannot be read"),
        ('{"messages": [], "messages": []}', "duplicate_key", "'messages' stands twice"),
        (line(x={"a": 1}).replace('"a": 1', '"a": 1, "a": 1'), "duplicate_key", "'a'"),
        ("[]", "wrong_shape", "expected an object, found a list"),
        ("null", "wrong_shape", "found nothing"),
        ('"text"', "wrong_shape", "found text"),
        ("7", "wrong_shape", "found a number"),
        ("{}", "wrong_shape", "messages: expected a list, found nothing"),
        ('{"messages": []}', "wrong_shape", "messages"),
        ('{"messages": {}}', "wrong_shape", "found an object"),
        ('{"messages": ["hi"]}', "wrong_shape", "messages[0]: expected an object, found text"),
        ('{"messages": [{"role": "user"}]}', "wrong_shape", "messages[0].content"),
        ('{"messages": [{"role": "user", "content": ["x"]}]}', "wrong_shape", "found a list"),
        ('{"messages": [{"role": "user", "content": true}]}', "wrong_shape", "true or false"),
        (messages(("bot", "x")), "wrong_shape", "messages[0].role is 'bot'"),
        (messages(("User", "x")), "wrong_shape", "'User'"),
        ('{"messages": [{"role": [], "content": "x"}]}', "wrong_shape", "role is []"),
        ('{"messages": [{"role": "user", "content": "x", "name": "y"}]}', "wrong_shape", "name"),
        (messages(("user", " \n"), ("assistant", "x")), "empty_message", "messages[0]"),
        (messages(("user", "x"), ("assistant", "")), "empty_message", "messages[1]"),
        (messages(("user", "x")), "no_answer", "found user"),
        (messages(("assistant", "x"), ("user", "y")), "no_answer", "assistant, user"),
        (messages(("system", "x"), ("assistant", "y")), "no_answer", "system, assistant"),
        (messages(("user", "x"), ("assistant", "y"), ("tool", "z")), "no_answer", "tool"),
    ],
)
def test_a_bad_line_is_dropped_with_its_place_and_reason(content, reason, detail):
    row = read(content)
    assert isinstance(row, Dropped)
    assert (row.source, row.reason) == ("f.jsonl:41", reason)
    assert detail in row.detail
    canonical_row(row).decode()


def test_a_line_that_was_cut_is_too_long_and_only_its_start_is_kept():
    row = read("x" * 300_000, whole=False)
    assert isinstance(row, Dropped)
    assert (row.reason, row.detail) == ("too_long", "the line is longer than 64 MiB")
    assert len(row.row) < 100_000


@pytest.mark.parametrize("levels", [90, 99, 100, 101, 300, 960, 975, 985, 990, 995, 2000])
def test_no_depth_of_nesting_is_too_deep_to_write_what_was_read(levels):
    row = read(line(x=0).replace('"x": 0', '"x": ' + "[" * levels + "]" * levels))
    assert isinstance(row, ChatExample) == (levels < 100)  # the line itself is one
    assert stored_and_read(row) == row


def test_the_id_is_of_what_a_model_sees_and_the_group_of_what_it_is_asked():
    one, other = read(line("q", "a", n=1)), read(line("q", "a", n=2))
    answered = read(line("q", "b"))
    asked = read(line("r", "a"))
    assert one.row_id == other.row_id != answered.row_id
    assert one.group_id == answered.group_id != asked.group_id
    with_system = read(messages(("system", "s"), ("user", "q"), ("assistant", "a")))
    assert with_system.row_id != one.row_id
    assert with_system.group_id != one.group_id


@pytest.mark.parametrize("value", ["c1", 1, 1.5, False, 0, "", ["a"], {"a": {"b": 1}}, 2**70])
def test_rows_of_one_group_are_one_whatever_they_ask(value):
    reading = Reading("production", "conversation")
    one = read(line("q", conversation=value), reading)
    other = read(line("r", conversation=value), reading)
    assert one.group_id == other.group_id
    assert one.origin == "production"
    assert one.group_id != read(line("q"), reading).group_id
    for near in ("c2", "1", True, None, {"a": {"b": 2}}):
        assert near == value or read(line("q", conversation=near), reading).group_id != one.group_id


def test_without_the_extra_key_rows_with_one_question_are_a_group():
    reading = Reading("human", "conversation")
    null, missing = read(line("q", conversation=None), reading), read(line("q"), reading)
    assert null.group_id == missing.group_id == read(line("q")).group_id


@pytest.mark.parametrize(
    "content",
    [
        line(f"My key is {AWS}."),
        line("q", f"first\n{AWS}"),  # in JSON the key follows the n of \n
        line("q", f"tab\t{AWS}"),
        line("q", note=f"\b{AWS}"),
        line("q", **{f"\n{AWS}": 1}),
        line("q", nested={"deep": [{"x": f'"{AWS}"'}]}),
        line("q").replace("So.", "\\u0041" + AWS[1:]),
        line("q", password="hunter2x"),
        line("q", text='{"password": "hunter2x"}'),
        line("password: ab12\\/cd34"),
        line("q", f"bad role {AWS}").replace("assistant", "bot"),
        line("q", role="x").replace('"role": "user"', f'"role": "{AWS}"'),
        f'{{"{AWS}": 1, "{AWS}": 2}}',
        line("q", f"cut \\n{AWS}")[:-3],
        line("q", f"cut \n{AWS}")[:-3],
        line(f"key {AWS}").encode() + b"\xff",
        line(f"key\n{AWS}").encode()[:-4] + b"\xff",
    ],
)
def test_what_is_stored_of_a_secret_is_its_mask(content):
    row = read(content)
    assert isinstance(row, Dropped)
    stored = canonical_row(row).decode()
    for secret in (AWS, AWS[1:], "hunter2x", "ab12", "cd34"):
        assert secret not in stored
    assert find_secrets(row.row) == []
    assert "[AWS access key]" in row.row or "[password]" in row.row


def test_the_detail_names_the_kinds():
    row = read(line(f"{AWS} and password: hunter2x"))
    assert (row.reason, row.detail) == ("secret", "contains AWS access key, password")


@pytest.mark.parametrize("before", range(99_970, 100_001, 5))
def test_a_secret_at_the_cut_of_a_long_line_is_not_kept_in_half(before):
    row = read("{" + " " * (before - 1) + f'"{AWS}" ' + "x" * 50_000)
    assert row.reason == "bad_json"
    assert "AKIA" not in row.row


def test_what_a_message_says_of_a_row_stays_short():
    row = read(messages(("bot" * 10_000, "x")))
    assert len(row.detail) < 1000


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
turns = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "tool", "bot"]),
         "content": st.text(st.characters(), max_size=20) | st.none()}
    ),
    max_size=4,
)  # fmt: skip


@given(st.fixed_dictionaries({"messages": turns | json_like, "extra": json_like}))
@settings(max_examples=150, deadline=None)
def test_any_json_ends_in_a_row_that_can_be_stored_and_read(value):
    row = read(json.dumps(value), Reading("human", "extra"))
    assert stored_and_read(row) == row


@given(st.binary(max_size=60))
def test_any_bytes_end_in_a_row(content):
    row = read(content)
    assert stored_and_read(row) == row


def test_reading_works_where_the_call_stack_is_nearly_used_up():
    def deep(left):
        return read(line("q", x=[[[1]]])) if left == 0 else deep(left - 1)

    assert isinstance(deep(sys.getrecursionlimit() // 2), ChatExample)
