"""Rows against expectations: the first that a row breaks is its reason."""

import pytest
from pydantic import ValidationError

from tests import toy_stages
from tests.made_rows import chat, distinct, reasons
from tunesmith.data.columns import COLUMNS, derive, table
from tunesmith.data.expectations import failures
from tunesmith.records import ChatExample, Example, LabelExample, Message
from tunesmith.stages.validate import (
    DEFAULTS,
    STAGE,
    ExpectationParams,
    ValidateParams,
    validate,
)  # fmt: skip

PARAMS = ValidateParams()
GOOD = chat("How do I reset it?", "Hold the button.\nThen wait.\n\nThen wait again.")


def validated(rows, params):
    return list(validate(rows, table(rows), params))


def talk(*turns):
    messages = tuple(Message(role, text) for role, text in turns)
    return ChatExample(row_id="r", group_id="g", source="f:1", origin="human", messages=messages)


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (GOOD, "prompt_words", 5),
        (GOOD, "answer_words", 8),
        (GOOD, "answer_chars", 45),
        (GOOD, "messages", 2),
        (GOOD, "user_turns", 1),
        (GOOD, "system_chars", 0),
        (chat("q", system="Be kind."), "system_chars", 8),
        (GOOD, "roles_alternate", True),
        (talk(("system", "s"), ("user", "q"), ("assistant", "a")), "roles_alternate", True),
        (talk(("user", "q"), ("tool", "t"), ("assistant", "a")), "roles_alternate", True),
        (talk(("user", "q"), ("user", "r"), ("assistant", "a")), "roles_alternate", False),
        (talk(("assistant", "a"), ("user", "q"), ("assistant", "b")), "roles_alternate", False),
        (talk(("user", "q"), ("system", "s"), ("assistant", "a")), "roles_alternate", False),
        (GOOD, "answer_repeats_prompt", False),
        (chat("Say it.", " Say\nit. "), "answer_repeats_prompt", True),
        (chat("Say it.", "Say it. Please."), "answer_repeats_prompt", False),
        (talk(("user", "q"), ("assistant", "a"), ("user", "b"), ("assistant", "q")), "answer_repeats_prompt", False),
        (GOOD, "control_characters", 0),
        (chat("a\x00b\x7f\x1b", "t\ta\r\n"), "control_characters", 3),
        (GOOD, "replacement_characters", 0),
        (chat("caf\ufffd", "\ufffd"), "replacement_characters", 2),
        (GOOD, "repeated_line_share", 0.0),
        (chat("q", "a\na\n\n a \nb"), "repeated_line_share", 0.5),
        (chat("q", "."), "repeated_line_share", 0.0),
    ],
)  # fmt: skip
def test_a_column_is_what_it_says(row, column, value):
    assert derive(row)[column] == pytest.approx(value)
    assert derive(row).keys() == COLUMNS.keys()


@pytest.mark.parametrize(
    ("row", "reason", "told"),
    [
        (talk(("user", "q"), ("user", "r"), ("assistant", "a")), "roles_alternate", "user and assistant do not take turns: after a system prompt, the user must speak first, and no two messages of one of them may follow each other"),
        (chat("Say it.", "Say it."), "answer_repeats_prompt", "the answer is what the user wrote, word for word"),
        (chat("q", "a\x00"), "control_characters", "1 control character in the text; expected at most 0"),
        (chat("q", "a\ufffd\ufffd"), "replacement_characters", "2 characters U+FFFD in the text, the trace of a wrong decoding; expected at most 0"),
        (chat("q", "a\na\na"), "repeated_line_share", "66.67% of the answer's lines repeat an earlier one; expected at most 50%"),
        (chat("q", "a\na\nb\nb"), None, ""),  # half is the limit
        (chat("q", "w " * 10_001), "answer_words", "the answer has 10,001 words; expected at least 1, at most 10,000"),
        (chat("q", "w " * 10_000), None, ""),
        (GOOD, None, ""),
    ],
)  # fmt: skip
def test_by_default_a_row_is_dropped_for_what_is_surely_wrong_and_told_in_words(row, reason, told):
    found = validated([GOOD, row, GOOD], PARAMS)
    assert reasons(found) == [None, reason, None]
    if reason:
        assert (found[1].row, found[1].source) == (row, row.source)
        assert found[1].detail == told


def test_every_number_of_a_row_has_words_that_its_message_says():
    row = chat("q", "a", system="s")
    for name in COLUMNS:
        if isinstance(derive(row)[name], bool) or name == "label":
            continue
        (failure,) = failures(table([row]), [expect(name, min_value=50_000).plain])
        assert "; expected at least " in failure.detail
        assert f"{name} is" not in failure.detail


def test_a_label_that_is_not_known_is_named_beside_some_that_are():
    row = LabelExample(row_id="r", group_id="g", source="f:1", origin="human", text="t", label="x")
    few, many = (ValidateParams(labels=tuple(map(str, range(count)))) for count in (2, 77))
    (told,), (cut,) = (failures(table([row]), one.suite[-1:]) for one in (few, many))
    assert told.detail == "the label is 'x'; expected one of '0', '1'"
    assert cut.detail.endswith("'8', '9' and 67 more")


def expect(column, reason="", **kwargs):
    return ExpectationParams(
        type="expect_column_values_to_be_between",
        kwargs={"column": column, **kwargs},
        reason=reason,
    )


def test_the_first_expectation_that_a_row_breaks_is_its_reason():
    rows = [chat("q", "one two three"), chat("q", "one two"), chat("q", "one")]
    asked = ValidateParams(
        expectations=(
            expect("answer_words", "short", min_value=2),
            expect("answer_chars", min_value=8),
        )
    )
    assert reasons(validated(rows, asked)) == [None, "answer_chars", "short"]
    turned = ValidateParams(expectations=asked.expectations[::-1])
    assert reasons(validated(rows, turned)) == [None, "answer_chars", "answer_chars"]


def test_no_rows_are_no_error():
    assert validated([], PARAMS) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "expect_column_to_exist"},
        {"type": "expect_column_values_to_be_between; import os"},
        {"kwargs": {"min_value": 1}},
        {"kwargs": {"column": "text"}},
        {"kwargs": {"column": "answer_words", "min_value": float("nan")}},
        {"kwargs": {"column": "answer_words", "min_value": {1}}},
        {"reason": "Too short"},
        {"severity": "high"},
    ],
)
def test_expectations_that_cannot_mean_anything_are_refused(fields):
    right = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "answer_words"}}
    ExpectationParams(**right)
    with pytest.raises(ValidationError):
        ExpectationParams(**{**right, **fields})


def test_what_the_recipe_states_comes_first_and_takes_a_defaults_place():
    own = expect("answer_words", "short", min_value=2)
    suite = ValidateParams(expectations=(own,)).expectations
    assert suite[0] == own
    assert [item.kwargs["column"] for item in suite].count("answer_words") == 1
    assert len(suite) == len(DEFAULTS)
    other = expect("messages", max_value=3)
    assert ValidateParams(expectations=(other,)).expectations == (other, *DEFAULTS)
    assert ValidateParams(expectations=()).expectations == DEFAULTS
    again = ValidateParams(expectations=suite)
    assert again.expectations == suite


def test_a_label_that_is_not_named_is_dropped():
    common = {"row_id": "r", "group_id": "g", "origin": "human"}
    rows = [
        LabelExample(**common, source="f:1", text="Where is my card?", label="card_arrival"),
        LabelExample(**common, source="f:2", text="Where is my card?", label="card arrival"),
    ]
    named = ValidateParams(labels=("card_arrival", "lost_card"))
    assert reasons(validated(rows, named)) == [None, "unknown_label"]
    assert reasons(validated(rows, PARAMS)) == [None, None]


def test_one_twice_is_refused():
    with pytest.raises(ValidationError, match="stands twice"):
        ValidateParams(expectations=(*DEFAULTS, DEFAULTS[0]))


def test_no_text_of_a_row_reaches_great_expectations():
    row = chat("My name is Ann Smith.", "Dear Ann Smith, hello.", system="Be kind.")
    assert not any(isinstance(value, str) for value in derive(row).values())
    (found,) = failures(table([row]), [expect("answer_words", max_value=1).plain])
    assert "Ann" not in found.detail


def test_the_stage_keeps_order_and_accounts_for_every_row(store):
    rows = distinct(6)
    rows[2] = chat("q", "a\x00", source="f:3")
    ref = store.build(STAGE, PARAMS, toy_stages.given(store, rows))
    assert list(store.rows(ref, Example)) == rows[:2] + rows[3:]
    assert [item.source for item in store.dropped(ref)] == ["f:3"]
    (record,) = store.all_records("validate")
    assert record["counts"] == {"rows_in": 6, "kept": 5, "dropped": {"control_characters": 1}}
