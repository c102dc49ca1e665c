"""Answers that are JSON: what is valid, what complies, and which fields are right."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.evaluation.metrics import METRICS, MetricParams
from tunesmith.evaluation.metrics.json_reading import DEEPEST, LONGEST, read_json, same

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def measured(name, output, answer="{}", **params):
    return METRICS[name](chat("q", answer), output, MetricParams(**params))


@pytest.mark.parametrize(
    ("output", "evidence"),
    [
        ("{}", ""),
        (' \n{"a": [1, 2.5e3, null, true, "ü\\u00e9"]}\t', ""),
        ("3", ""),
        ('"text"', ""),
        ("null", ""),
        ("", "empty"),
        ("NaN", "NaN is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ("{'a': 1}", "not JSON"),
        ('{"a": 1,}', "not JSON"),
        ('{"a": 1} {"b": 2}', "not JSON"),
        ('{"a": 1', "not JSON"),
        ('Here you are: {"a": 1}', "not JSON"),
        ('```json\n{"a": 1}\n```', "in a Markdown fence"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice"),
        ('{"a": "line\nbreak"}', "not JSON"),
        ("\ufeff{}", "not JSON"),
        ("\u00a0{}", "not JSON"),  # white space, but not JSON's
        ("01", "not JSON"),
        ("1" * 5000, ""),
        ("1e999", ""),
        ("[" * DEEPEST + "]" * DEEPEST, ""),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "levels deep"),
        ("[" * 90_000, "levels deep"),
        ('["' + "[{" * 100 + '"]', ""),  # in a text they are signs
        ('["\\"' + "[" * 100 + '"]', ""),
        ("[" + "1," * LONGEST + "1]", "longer than"),
        ('"' + '\\"' * 49_000, "not JSON"),
    ],
)
def test_only_strict_json_is_valid(output, evidence):
    found = measured("json_valid", output)
    assert found.value == float(not evidence)
    assert evidence in found.evidence


@given(VALUES)
def test_what_python_writes_is_valid_and_read_as_it_was(value):
    read = read_json(json.dumps(value))
    assert not read.problem
    assert same(read.value, value)


@given(VALUES, VALUES)
def test_equality_is_symmetric_and_that_of_json(one, other):
    assert same(one, other) == same(other, one)
    assert same(one, one)
    ours, theirs = (json.dumps(value, sort_keys=True) for value in (one, other))
    assert ours != theirs or same(one, other)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [(1, 1.0, True), (1, True, False), (0, False, False), (None, False, False), ("1", 1, False),
     ([1, 2], [2, 1], False), ([1], [1, 1], False), ({"a": 1}, {"a": 1, "b": None}, False),
     ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ([], {}, False), ([True], [1], False)],
)  # fmt: skip
def test_equal_values(one, other, equal):
    assert same(one, other) is equal


@pytest.mark.parametrize(
    ("answer", "output", "value"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2.0, "a": 1}', 1.0),
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 1 / 2),
        ('{"a": 1, "b": 2}', '{"a": 1}', 1 / 2),
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 2, "c": 3}', 2 / 3),
        ('{"a": 1, "b": 2}', '{"a": 1, "c": 2}', 1 / 3),
        ('{"a": 1}', '{"a": true}', 0.0),
        ('{"a": {"b": 1, "c": [1, 2]}}', '{"a": {"b": 1, "c": [1, 3]}}', 2 / 3),
        ('{"a": {"b": 1}}', '{"a": 1}', 0.0),
        ('{"a": []}', '{"a": []}', 1.0),
        ('{"a": []}', '{"a": {}}', 0.0),
        ('{"a": null}', "{}", 0.0),
        ("{}", "{}", 1.0),
        ("[1, 2]", "[2, 1]", 0.0),
        ('{"a": 1}', '{"a": NaN}', 0.0),
        ('{"a": 1}', "", 0.0),
        ('{"a": 1}', '```json\n{"a": 1}\n```', 0.0),
        ("Dear Ann", '{"a": 1}', None),
        ("3", "3", None),
    ],
)
def test_field_accuracy(answer, output, value):
    assert measured("fields", output, answer).value == (
        None if value is None else pytest.approx(value)
    )


@given(st.dictionaries(st.text(max_size=3), VALUES), st.dictionaries(st.text(max_size=3), VALUES))
def test_field_accuracy_is_1_for_the_same_and_symmetric(one, other):
    texts = json.dumps(one), json.dumps(other)
    assert measured("fields", texts[0], texts[0]).value == 1.0
    assert measured("fields", *texts).value == measured("fields", *reversed(texts)).value


def test_field_accuracy_names_what_is_wrong():
    answer = '{"a": {"b": [1, 2]}, "c": 3, "d": 4, "e": 5}'
    found = measured("fields", '{"a": {"b": [1, 9]}, "f": 0}', answer)
    assert found.evidence == "a.b[1] is '9'; c is missing; d is missing and 2 more"


SCHEMA = {
    "type": "object",
    "required": ["city"],
    "additionalProperties": False,
    "properties": {"city": {"type": "string", "minLength": 1}, "days": {"$ref": "#/$defs/days"}},
    "$defs": {"days": {"type": "integer", "minimum": 1}},
}


@pytest.mark.parametrize(
    ("output", "evidence"),
    [
        ('{"city": "Bern"}', ""),
        ('{"city": "Bern", "days": 2.0}', ""),  # an integer, says the specification
        ('{"city": ""}', "$.city"),
        ('{"days": 2}', "'city' is a required property"),
        ('{"city": "Bern", "days": 0}', "$.days"),
        ('{"city": "Bern", "days": true}', "$.days"),
        ('{"city": "Bern", "more": 1}', "'more' is a field too many"),
        ('"Bern"', "is not of type 'object'"),
        ("{city: Bern}", "not JSON"),
        ("", "empty"),
    ],
)
def test_compliance_says_what_is_wrong_and_where(output, evidence):
    found = measured("json_schema", output, json_schema=json.dumps(SCHEMA))
    assert found.value == float(not evidence)
    assert evidence in found.evidence


def test_without_a_schema_there_is_nothing_to_comply_with():
    assert measured("json_schema", "{}").value is None
