"""One form for every value, and none for a value whose form could vary."""

import datetime
import decimal
import enum
import hashlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.canonical import MAX_DEPTH, canonical, canonical_row, digest, file_digest
from tunesmith.records import ChatExample, Message

text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


def nested(levels):
    value = 0
    for _ in range(levels):
        value = [value]
    return value


def test_forms_are_what_stands_in_stores_already():
    value = {"b": [1, 1.0, -0.0, 1e16, 1e-7, 0.1], "a": {"é": 'x\u2028"\\\n'}, "c": [None, True]}
    assert canonical(value) == (
        '{"a":{"é":"x\u2028\\"\\\\\\n"},"b":[1,1.0,-0.0,1e16,1e-7,0.1],"c":[null,true]}'.encode()
    )
    assert digest(value) == hashlib.sha256(canonical(value)).hexdigest()


@given(json_values)
def test_the_form_is_json_of_the_same_value(value):
    assert json.loads(canonical(value)) == value
    assert msgspec.json.decode(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(text, st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_lists_and_tuples_are_the_same_but_their_order_counts():
    assert canonical((1, (2,))) == canonical([1, [2]])
    assert digest([1, 2]) != digest([2, 1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0, None),
        ("1", 1),
        ("", None),
        ([], {}),
        (0.0, -0.0),
        ({"a": None}, {}),
        ([[1], 2], [1, [2]]),
    ],
)
def test_values_that_look_alike_are_told_apart(one, other):
    assert digest(one) != digest(other)


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, {1, 2}, frozenset("a"), b"x", 1j, object(), Path("x"),
     datetime.date(2026, 1, 1), decimal.Decimal("1.0"), Colour.RED, {1: 2}, {None: 1}, {(1,): 2},
     {True: 1}, "\ud800", {"\ud800": 1}, range(3), iter([1]), Message("user", "x"),
     nested(MAX_DEPTH + 1), nested(100_000)],
    ids=lambda value: f"{type(value).__name__}",
)  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": [1, value]}])
def test_values_without_a_stable_form_are_refused(value, wrap):
    with pytest.raises(TypeError):
        canonical(wrap(value))


def test_the_message_names_the_place():
    with pytest.raises(TypeError, match=r"value\.a\[1\]\.b is nan"):
        canonical({"a": [0, {"b": math.nan}]})


def test_the_deepest_value_that_is_accepted_can_be_read_back():
    value = nested(MAX_DEPTH)
    assert msgspec.json.decode(canonical(value)) == value


def test_a_row_has_its_fields_sorted_and_its_type_but_no_defaults():
    row = ChatExample(
        row_id="r", group_id="g", source="f:1", origin="human", metadata={"z": 1, "a": 2},
        messages=(Message("user", "q"), Message("assistant", "ä")),
    )  # fmt: skip
    assert canonical_row(row).decode() == (
        '{"group_id":"g","messages":[{"content":"q","role":"user"},'
        '{"content":"ä","role":"assistant"}],"metadata":{"a":2,"z":1},"origin":"human",'
        '"row_id":"r","source":"f:1","type":"chat"}'
    )


def test_digests_do_not_depend_on_the_process():
    code = (
        "from tunesmith.canonical import digest;"
        "print(digest({name: {name} == {name} for name in 'dbca'}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in "12"
    }  # fmt: skip
    assert found == {(digest(dict.fromkeys("abcd", True)) + "\n").encode()}


def test_a_file_is_hashed_by_its_bytes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 300_000)
    assert file_digest(path) == hashlib.sha256(b"x" * 300_000).hexdigest()
