"""Which rows break which expectation, and the difference between bad data and a bad expectation."""

import os
import re

import pandas as pd
import pytest

from tunesmith.data.expectations import Failure, data_docs, failures
from tunesmith.errors import RecipeError

COLUMNS = pd.DataFrame(
    {
        "words": [3, 0, 9, 0],
        "whole": [True, False, True, True],
        "share": [0.0, 0.5, 0.51, 1.0],
    }
)


def expect(kind, reason="r", **kwargs):
    return {"type": f"expect_column_values_to_{kind}", "kwargs": kwargs, "reason": reason}


def test_rows_are_named_by_position_in_the_order_of_the_expectations():
    found = failures(
        COLUMNS,
        [
            expect("be_between", "late", column="share", max_value=0.5),
            expect("be_between", "early", column="words", min_value=1, max_value=8),
            expect("be_in_set", "set", column="whole", value_set=[True]),
            expect("not_be_null", "null", column="words"),
        ],
    )
    assert found == [
        Failure(2, "late", "share is 0.51; expected at most 0.5"),
        Failure(3, "late", "share is 1.0; expected at most 0.5"),
        Failure(1, "early", "words is 0; expected at least 1, at most 8"),
        Failure(2, "early", "words is 9; expected at least 1, at most 8"),
        Failure(3, "early", "words is 0; expected at least 1, at most 8"),
        Failure(1, "set", "whole is False; expected one of True"),
    ]


def test_every_failing_row_is_named_however_many_there_are():
    found = failures(
        pd.DataFrame({"words": [0] * 500}), [expect("be_between", column="words", min_value=1)]
    )
    assert [failure.row for failure in found] == list(range(500))


def test_other_kinds_of_expectation_are_described_by_their_arguments():
    unique = failures(COLUMNS, [expect("be_unique", column="words")])
    assert unique == [Failure(row, "r", "words is 0; expected to be unique") for row in (1, 3)]
    (banned,) = failures(COLUMNS, [expect("not_be_in_set", column="words", value_set=[3])])
    assert banned.detail == "words is 3; expected to not be in set {'value_set': [3]}"


def test_no_rows_break_nothing():
    assert failures(pd.DataFrame(), [expect("be_between", column="words", min_value=1)]) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (expect("be_between", column="no_such", min_value=1), "raised instead of checking"),
        (expect("be_between", column="words", min_value=2, max_value=1), "raised instead"),
        (expect("match_regex", column="words", regex="("), "raised instead"),
        (expect("be_between", column="words"), "cannot be made"),
        (expect("be_between", column="words", min_value="many"), "cannot be made"),
        (expect("be_between", column="words", minimum=1), "cannot be made"),
        (expect("be_between", column="words", min_value=1, meta={}), "cannot be made"),
        (expect("be_splendid", column="words"), "cannot be made"),
        # Judges the column as a whole, so nobody could say which rows to drop.
        (expect("be_of_type", column="words", type_="str"), "without saying which rows"),
    ],
)
def test_an_expectation_that_did_not_judge_is_an_error_and_no_bad_data(wrong, says):
    with pytest.raises(RecipeError, match=says):
        failures(COLUMNS, [expect("not_be_null", column="words"), wrong])


def test_data_docs_show_the_result_and_nothing_leaves_the_machine(tmp_path):
    page = data_docs(
        COLUMNS, [expect("be_between", column="words", min_value=1)], tmp_path / "docs"
    )
    assert page == tmp_path / "docs" / "index.html"
    assert page.is_file()
    pages = list((tmp_path / "docs" / "validations").rglob("*.html"))
    assert len(pages) == 1
    text = pages[0].read_text()
    assert "words" in text and "values must be greater than" in text and "text-danger" in text
    every = list((tmp_path / "docs").rglob("*.html"))
    assert len(every) == 3
    for one in every:
        told = one.read_text()
        assert not re.search(r"https?:|<script|<link|<img", told), "it loads nothing"
        assert "default-src 'none'" in told
    linked = re.findall('href="([^"]+)"', page.read_text())
    assert {(tmp_path / "docs" / name) for name in linked} == {*every} - {page}
    assert not (tmp_path / "docs" / "static").exists()
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
