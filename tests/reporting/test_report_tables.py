"""Tables keep what they show as text, whatever it is."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tunesmith.data.funnel import Step
from tunesmith.reporting.tables import (
    escape,
    fact,
    flat_facts,
    funnel_rows,
    markdown_table,
    one_line,
    seconds,
    text_table,
)

MARKUP = st.text(st.sampled_from("ab1 \n\t`*_[]()<>&|~#!$\\+-=.:/@{}\"'é🫖\u202e\x00"), max_size=30)


def rendered(markdown: str) -> str:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)


@given(MARKUP)
def test_escaped_text_renders_as_itself(text: str) -> None:
    shown = one_line(text).strip()
    paragraph = rendered(f"{escape(text)}\n").strip()
    assert html.unescape(paragraph) == (f"<p>{shown}</p>" if shown else "")


@given(MARKUP)
def test_a_cell_stays_one_cell(text: str) -> None:
    table = rendered(markdown_table([{"name": text, "rows": 3}]))
    assert table.count("<td") == 2
    assert "<a " not in table and "<em" not in table and "<code" not in table


@pytest.mark.parametrize("text", ["www.evil.example", "http://evil.example", "a@evil.example"])
def test_bare_addresses_stay_dead(text: str) -> None:
    # GitHub's extension links what has one of these; CommonMark's renderer above does not know it.
    assert not any(mark in escape(text) for mark in ("www.", "://", "@"))


def test_ordinary_words_are_left_alone() -> None:
    text = "n = 60: better (test), +0.73 at 90%, e-mail."
    assert escape(text) == text


def test_one_line_has_no_directions_and_no_halves() -> None:
    assert one_line("a\u202eb\x00c\ud800d\r\ne") == "abcd e"


def test_text_columns_are_aligned() -> None:
    table = text_table([{"a": "long cell", "b": 1}, {"a": "x", "b": 22_000}])
    assert table == "a               b\nlong cell       1\nx          22,000"


def test_no_rows_no_table() -> None:
    assert markdown_table([]) == text_table([]) == ""
    assert funnel_rows([]) == []


def test_funnel_rows_say_what_went_where_largest_first() -> None:
    steps = [Step("ingest", 200, 200, {}), Step("score", 200, 150, {"a": 10, "b": 40})]
    assert funnel_rows(steps) == [
        {"stage": "ingest", "what": "came in", "rows": 200, "share": "100.0%"},
        {"stage": "ingest", "what": "kept", "rows": 200, "share": "100.0%"},
        {"stage": "score", "what": "came in", "rows": 200, "share": "100.0%"},
        {"stage": "score", "what": "dropped: b", "rows": 40, "share": "20.0%"},
        {"stage": "score", "what": "dropped: a", "rows": 10, "share": "5.0%"},
        {"stage": "score", "what": "kept", "rows": 150, "share": "75.0%"},
    ]


def test_funnel_of_no_rows_divides_by_nothing() -> None:
    assert {row["share"] for row in funnel_rows([Step("ingest", 0, 0, {})])} == {"0.0%"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.004, "0.00 s"),
        (9.994, "9.99 s"),
        (42.4, "42 s"),
        (59.7, "1 min 0 s"),
        (187.2, "3 min 7 s"),
        (3599.6, "1 h 0 min"),
        (7260, "2 h 1 min"),
    ],
)
def test_durations(value: float, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("trainable_share", 0.017832, "1.78%"),
        ("trainable_share", 1.5, "1.5"),
        ("share_price", 0.5, "0.5"),
        ("stopped_early", True, "yes"),
        ("rows", 12_345, "12,345"),
        ("resumed_from", None, "none"),
        ("best_loss", 0.123456, "0.1235"),
    ],
)
def test_facts(name: str, value: object, shown: str) -> None:
    assert fact(name, value) == shown


def test_nested_facts_become_flat_and_lists_never_show_their_content() -> None:
    facts = flat_facts({"train": {"row_count": 3, "row_ids": ["secret"]}, "threads": 2})
    assert facts == {"train: row count": "3", "train: row ids": "1 entries", "threads": "2"}
