"""Each group on one side, by a hash that knows nothing of the other rows."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests import toy_stages
from tests.made_rows import chat, distinct
from tunesmith.errors import Unready
from tunesmith.records import Example
from tunesmith.stages.split import SIDES, STAGE, SplitParams, side, stratification

PARAMS = SplitParams(salt="support-email")


def test_the_sides_are_what_they_always_were():
    # Rows of the last quarter stand on these sides: the function must never change.
    found = "".join(side(f"group {number}", PARAMS)[:2] for number in range(20))
    assert found == "trtrtrtrtrtetrtrvatrtrtrtrtetrtrtrtrtrtr"


def test_shares_come_out_as_asked():
    counts = Counter(side(str(number), PARAMS) for number in range(20_000))
    for name, share in (("test", 0.15), ("validation", 0.10), ("train", 0.75)):
        assert counts[name] / 20_000 == pytest.approx(share, abs=0.01)


def test_another_recipe_has_other_sides():
    other = SplitParams(salt="other")
    groups = [str(number) for number in range(2_000)]
    agreed = sum(side(group, PARAMS) == side(group, other) for group in groups)
    assert agreed / 2_000 == pytest.approx(0.15**2 + 0.10**2 + 0.75**2, abs=0.04)


@given(st.text(), st.text(max_size=80))
def test_any_group_and_salt_have_a_side(group, salt):
    assert side(group, SplitParams(salt=salt)) in SIDES


@given(st.text(), st.floats(0.01, 0.49), st.floats(0, 0.2))
def test_a_larger_test_share_takes_no_row_out_of_the_test_side(group, share, more):
    small = SplitParams(test=share, salt="s")
    large = SplitParams(test=min(share + more, 0.499), salt="s")
    assert side(group, small) != "test" or side(group, large) == "test"


@pytest.mark.parametrize(
    "fields", [{"test": 0}, {"test": 0.5}, {"validation": 0}, {"validation": 0.6}]
)
def test_shares_that_leave_a_side_empty_are_refused(fields):
    with pytest.raises(ValidationError):
        SplitParams(**fields)


def sides(store, ref):
    return {name: list(store.rows(getattr(ref, name), Example)) for name in SIDES}


def test_every_row_is_on_one_side_in_input_order(store):
    rows = distinct(120)
    found = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows)))
    assert sorted(sum(found.values(), []), key=rows.index) == rows
    for name, part in found.items():
        assert part == [row for row in rows if side(row.group_id, PARAMS) == name]
    (record,) = store.all_records("split")
    assert record["counts"] == {"rows_in": 120, "kept": 120, "dropped": {}}


def test_added_rows_move_none(store):
    rows = distinct(150)
    before = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows[50:])))
    after = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows)))
    for name in SIDES:
        assert [row for row in after[name] if row in rows[50:]] == before[name]


def test_rows_of_a_group_stay_together(store):
    rows = [
        chat(f"question {number}", group=f"customer {number % 40}", source=f"f:{number}")
        for number in range(200)
    ]
    found = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows)))
    groups = [{row.group_id for row in part} for part in found.values()]
    assert sum(len(names) for names in groups) == len(set.union(*groups)) == 40


def test_too_few_groups_to_split_are_not_trained_on(store):
    rows = [chat(f"question {number}", group=f"c{number % 3}") for number in range(200)]
    with pytest.raises(Unready, match="200 rows in 3 groups"):
        store.build(STAGE, PARAMS, toy_stages.given(store, rows))
    assert list(store.all_records("split")) == []


def test_the_document_says_how_the_sides_compare(store):
    rows = [
        chat(
            f"q{number}", "answer", system="sys", metadata={"topic": "ab"[number % 2], "n": number}
        )
        for number in range(100)
    ]
    params = SplitParams(salt="s", report=("topic", "none"))
    ref = store.build(STAGE, params, toy_stages.given(store, rows))
    document = store.json(ref, "split.json")
    assert document["sides"] == stratification(rows, params)
    assert document["parts"] == {name: getattr(ref, name).digest for name in SIDES}
    train = document["sides"]["train"]
    assert (train["rows"], train["groups"]) == (ref.train.rows, ref.train.rows)
    assert train["answer_chars"] == 6.0
    assert train["fields"]["topic"].keys() == {"a", "b"}
    assert sum(train["fields"]["topic"].values()) == train["rows"]
    assert train["fields"]["none"] == {"None": train["rows"]}
    assert train["origin"] == {"human": train["rows"]}


def test_sides_do_not_depend_on_the_process():
    code = (
        "from tunesmith.stages.split import SplitParams, side;"
        "print([side(str(n), SplitParams(salt='s')) for n in range(50)])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONHASHSEED": "3"},
    ).stdout  # fmt: skip
    assert told.strip() == str([side(str(n), SplitParams(salt="s")) for n in range(50)])
