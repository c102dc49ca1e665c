"""An item is an example or a drop with its reason; never a crash, and never a stored secret."""

import datetime
import json
import sys
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.made_rows import line
from tunesmith.canonical import canonical_row
from tunesmith.data import parsing, secrets
from tunesmith.data.parsing import Reading, read_item
from tunesmith.data.readers.items import Bad, Line, Record
from tunesmith.data.secret_hints import may_hold_secret
from tunesmith.data.secrets import find_secrets
from tunesmith.records import ChatExample, Dropped

HUMAN = Reading("human", None)
AWS = "AKIA" + "IOSFODNN7EXAMPLE"


def read(content, reading=HUMAN, whole=True):
    raw = content if isinstance(content, bytes) else content.encode()
    return read_item(Line("f.jsonl:41", raw, whole), reading)


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
        ('{"messages": [{"role": "user", "content": "x", "nick": "y"}]}', "wrong_shape", "nick"),
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


# The fast way and the careful way


def both_ways(content):
    with pytest.MonkeyPatch.context() as patch:
        fast = read(content, Reading("production", "extra"))
        patch.setattr(parsing, "_fast", lambda content: None)
        patch.setattr(parsing, "may_hold_secret", lambda text: True)
        return fast, read(content, Reading("production", "extra"))


@given(
    st.fixed_dictionaries({"messages": turns | json_like, "extra": json_like}),
    st.booleans(),
    st.sampled_from([None, (",", ":")]),
)
@settings(max_examples=150, deadline=None)
def test_the_fast_way_reads_any_json_as_the_careful_way_does(value, ascii_only, separators):
    fast, careful = both_ways(
        json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode(
            "utf-8", "surrogatepass"
        )
    )
    assert fast == careful


GOOD = line('q \\ " \n é', "a", extra={"n": [1, 2.5, None, True, {"k": "v"}]}).encode()
PIECES = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\x00", b"\xff", b"\n", b"1", b"-", b"0", b".", b"e9",
    b'"extra"', b'"k": 1, ', b'"role": "user", ', b"\\u0041", b"\\ud800", b"NaN", b"1e999", b"9" * 25, b"\xc3", b"\\\\", b"/",
]  # fmt: skip
edits = st.lists(
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 6), st.sampled_from(PIECES)), max_size=3
)


@given(edits)
@settings(max_examples=400, deadline=None)
def test_the_fast_way_reads_a_damaged_line_as_the_careful_way_does(changes):
    content = GOOD
    for at, removed, piece in changes:
        content = content[:at] + piece + content[at + removed :]
    fast, careful = both_ways(content)
    assert fast == careful


@pytest.mark.parametrize(
    "number",
    ["-0", "-0.0", "1E400", "0.1e-400", "1.0", "123456789012345678901234567890.5", "2.5e-324",
     "18446744073709551616", "-9223372036854775809", "5e-324", "1.7976931348623157e308", "9007199254740993"],
)  # fmt: skip
def test_the_fast_way_reads_numbers_as_the_careful_way_does(number):
    content = line(extra=0).replace('"extra": 0', f'"extra": {number}').encode()
    fast, careful = both_ways(content)
    assert fast == careful
    assert isinstance(fast, Dropped) or repr(fast.metadata) == repr(careful.metadata)


def test_most_lines_go_the_fast_way(monkeypatch):
    def refuse(text):
        raise AssertionError(text)

    monkeypatch.setattr(parsing, "_careful", refuse)
    assert isinstance(read(GOOD), ChatExample)
    monkeypatch.undo()
    for odd in (GOOD.replace(b'"k"', b'"k": 1, "k"'), GOOD[:-1], GOOD.replace(b"2.5", b"NaN")):
        assert parsing._fast(odd) is None


# Hints of secrets

SHAPES = [*(pattern for _, pattern in secrets._PATTERNS), secrets._ASSIGNED]
cards = st.sampled_from(
    ["4111111111111111", "4111-1111-1111-1111", "3782 822463 10005", "4222222222222"]
)


@pytest.mark.parametrize("pattern", SHAPES, ids=lambda pattern: pattern.pattern[:20])
def test_a_text_that_holds_a_secret_has_a_hint_of_it(pattern):
    @given(st.from_regex(pattern))
    @settings(max_examples=60, deadline=None)
    def check(text):
        if find_secrets(text):
            assert may_hold_secret(text)

    check()


@given(cards, st.data())
@settings(max_examples=100, deadline=None)
def test_a_secret_behind_escapes_has_a_hint_of_it(card, data):
    text = data.draw(st.sampled_from([card, AWS, "password: hunter2x", "API key is abcd1234efgh"]))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(text) - 1))
        code = f"\\u{ord(text[at]):04X}" if data.draw(st.booleans()) else json.dumps(text[at])[1:-1]
        text = text[:at] + code + text[at + 1 :]
    if parsing._secrets(text):  # not where the escape of an escape breaks it
        assert may_hold_secret(text)


@pytest.mark.parametrize(
    "text", ["pa\u017f\u017fword: hunter2x", "api \u212aey: hunter2x", "apı key: hunter2x"]
)
def test_letters_that_count_as_others_are_no_hiding_place(text):
    assert find_secrets(text)
    assert may_hold_secret(text)


@pytest.mark.parametrize(
    "text", ["", "How? So.", "call 555-0100-2000", "a keyboard", "ask me", "é\u20ac"]
)
def test_prose_gives_no_hint(text):
    assert not may_hold_secret(text)


# Records of tables


def record(content=None, **values):
    return read_item(
        Record("f.parquet:row 3", values, content), Reading("human", None, "prompt_completion")
    )


def test_a_record_s_values_have_one_json_form():
    row = record(
        prompt="q",
        completion="a",
        day=datetime.date(2026, 3, 1),
        at=datetime.datetime(2026, 3, 1, 12, 30, tzinfo=datetime.UTC),
        price=Decimal("1.50"),
        missing=float("nan"),
        pairs=[("a", 1)],
        none=None,
    )
    assert row.metadata == {
        "day": "2026-03-01", "at": "2026-03-01T12:30:00+00:00", "price": "1.50", "missing": None,
        "pairs": [["a", 1]], "none": None,
    }  # fmt: skip
    assert stored_and_read(row) == row
    assert row.source == "f.parquet:row 3"


@pytest.mark.parametrize(
    "value", [float("inf"), b"raw", object, datetime.timedelta(1), "\ud800", {"a": {1, 2}}]
)
def test_a_value_without_a_json_form_drops_the_row(value):
    row = record(prompt="q", completion="a", extra=value)
    assert (row.reason, isinstance(row, Dropped)) == ("bad_value", True)
    canonical_row(row).decode()


def test_a_dropped_record_shows_its_text_or_its_values():
    assert record(b"q,", prompt="q", completion="").row == "q,"
    assert json.loads(record(prompt="q", completion="").row) == {"prompt": "q", "completion": ""}
    secret = record(prompt="q", completion=f"it is {AWS}")
    assert (secret.reason, AWS in secret.row) == ("secret", False)
    assert AWS not in record(f"x,{AWS}".encode(), prompt="q", completion="").row


def test_what_its_reader_could_not_read_is_dropped_with_the_reader_s_reason():
    row = read_item(Bad("f.csv:7", "bad_csv", f"because {AWS}", b"x,\xff"), HUMAN)
    assert (row.source, row.reason, row.detail, row.row) == (
        "f.csv:7",
        "bad_csv",
        "because [AWS access key]",
        "x,\\xff",
    )


# Provenance


@pytest.mark.parametrize("source", ["human", "production", "model"])
@pytest.mark.parametrize("own", ["human", "production", "model", "email", None, 7])
def test_a_row_s_own_origin_only_makes_it_less_trusted(source, own):
    trust = ["human", "production", "model"]
    row = read(line(origin=own, reviewed_by="Ada"), Reading(source, None))
    expected = max([source, own if own in trust else source], key=trust.index)
    assert row.origin == expected
    assert row.metadata == ({"origin": own} if own in ("email", 7) else {})


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("model", {}),
        ("human", {"origin": "model"}),
        ("production", {"tunesmith_variant": "candidate"}),
        ("human", {"tunesmith_variant": "treatment"}),
        ("human", {"metadata": {"tunesmith_variant": "candidate"}}),
    ],
)
@pytest.mark.parametrize("reviewer", ["", "  ", None, 7, "Ada"])
def test_what_a_model_wrote_needs_a_reviewer(source, fields, reviewer):
    row = read(line(reviewed_by=reviewer, **fields), Reading(source, None))
    if reviewer == "Ada":
        assert (row.origin, row.reviewed_by) == ("model", "Ada")
    else:
        assert (row.reason, row.source) == ("unreviewed_model_output", "f.jsonl:41")
        assert "reviewed_by" in row.detail


@pytest.mark.parametrize("variant", ["champion", "control", None, 1])
def test_another_variant_is_no_sign_of_our_own_model(variant):
    assert isinstance(read(line(tunesmith_variant=variant)), ChatExample)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00+00:00"),
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        (1772366400, "2026-03-01T12:00:00+00:00"),
        (1772366400000, "2026-03-01T12:00:00+00:00"),
        ("yesterday", None),
        ("0001-01-01T00:00:00+10:00", None),
        (1e300, None),
        (True, None),
        ([], None),
    ],
)
def test_when_a_row_was_written_and_reviewed_is_a_time_in_utc(told, expected):
    row = read(line(created_at=told, reviewed_at=told, reviewed_by="Ada"))
    assert (row.written, row.reviewed_at, row.reviewed_by) == (expected, expected, "Ada")
    # What is no time stays as it stood.
    assert row.metadata == ({} if expected else {"created_at": told, "reviewed_at": told})


def test_the_recipe_names_the_keys_of_the_review():
    columns = {"reviewed_by": "approver", "written": "ts", "origin": "author"}
    content = line(
        approver="Ada", ts="2026-03-01", author="model", reviewed_by="nobody", created_at="x"
    )
    row = read(content, Reading("human", None, "chat", columns))
    assert (row.reviewed_by, row.written, row.origin) == (
        "Ada",
        "2026-03-01T00:00:00+00:00",
        "model",
    )
    assert row.metadata == {"reviewed_by": "nobody", "created_at": "x"}
