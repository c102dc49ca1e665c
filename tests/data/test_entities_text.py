"""The quick ways to a pattern's matches find what the slow ones find."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.data.checks import personal
from tunesmith.data.entities import dates, ids, numbers
from tunesmith.data.entities.text import (
    aligned,
    digit_words,
    fold,
    lowered,
    matches_at,
    matches_within,
    starts,
    words_of,
    zeroed,
)

_PIECES = """
Monday Tue, the 3rd second 14 31 of May march Sept. mid-June 2026 '26 2026-03-14 3/4 03.04.2026 and
to through - / at by 5:30 17.30 17h30 2-4 p.m. noon o'clock tomorrow one twenty hundred third
thousand 1,200 €45.00 USD 45 eur £ $ k bn 2. step order #4711 : no. 48213 ending in 4242 TK-48213 A1
b2b 2FA +1 (555) 010-2345 0171 phone ring me: 212 555 1234 a@b.com www.x.org x.dev/y https://z.io/1
DE89 8.8.4.4 ::1 İ ſun ı ½ ５ é confirmation number
"""
PIECES = st.sampled_from(_PIECES.split())
GAPS = st.sampled_from(
    ["", " ", " ", " ", "  ", "\n", "\t", "\u00a0", ",", ". ", "-", " " * 50, "\x1f"]
)
TEXTS = st.lists(st.tuples(PIECES, GAPS), max_size=25).map(
    lambda parts: "".join(piece + gap for piece, gap in parts)
)
ANY = st.text(max_size=60) | TEXTS


def found_everywhere(module, find, text):
    """Find with every pattern tried at every place."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("matches_at", "matches_within"):
            if hasattr(module, name):
                patch.setattr(module, name, lambda pattern, searched, _: pattern.finditer(searched))
        return find(text)


@settings(max_examples=400)
@given(text=TEXTS)
@pytest.mark.parametrize(
    ("module", "find"),
    [
        (dates, dates.find_dates),
        (ids, ids.find_ids),
        (ids, ids.without_common_words),
        (numbers, numbers.find_numbers),
        (personal, personal.find_personal),
    ],
)
def test_nothing_is_found_or_lost_by_looking_only_where_it_can_be(module, find, text):
    assert find(text) == found_everywhere(module, find, text)


_BEFORE = "we met them in our shop and told them that it is due "


@pytest.mark.parametrize(
    "space", [" ", " " * 20, *(" " * count for count in range(33, 44)), "\n" * 90]
)
@pytest.mark.parametrize(
    "text",
    [
        f"{_BEFORE}3 -4 march.", f"{_BEFORE}3_to 4 march.", f"{_BEFORE}14_of_march", "14_of_march",
        f"{_BEFORE}Monday_the_3rd and the 4th_of_March 2026", f"{_BEFORE}Monday,_14 march",
        f"{_BEFORE}Tue,_the_March 14th", f"{_BEFORE}March 14 and_15", f"{_BEFORE}March,_14_.",
        f"{_BEFORE}(14. March_2026)", f"{_BEFORE}3 march 4 may 5 june", "May_may_14 may",
    ],
)  # fmt: skip
def test_a_date_is_seen_across_any_space(text, space):
    text = text.replace("_", space)
    found = dates.find_dates(text)
    assert found == found_everywhere(dates, dates.find_dates, text)


@pytest.mark.parametrize(
    ("module", "find", "text"),
    [
        (numbers, numbers.find_numbers, "x$45, USD 46, 3 EUR and 4GBP 5"),
        (ids, ids.find_ids, "your confirmation number.: 482 is"),
        (ids, ids.find_ids, "foo.bar7, (v1.2.3) and_TK-1"),
        (ids, ids.find_ids, "+1 (555) 010-2345x"),
        (ids, ids.find_ids, "call 555-0102-x, or 555-0103"),
        (personal, personal.find_personal, "+1 212 555 1234x, +1 212 555 1234"),
    ],
)
def test_what_stands_around_a_number_is_seen(module, find, text):
    found = find(text)
    assert found
    assert found == found_everywhere(module, find, text)


@pytest.mark.parametrize(
    "word",
    ["tel", "telephone", "phone", "mobile", "cell", "fax", "whatsapp", "call", "ring", "text"],
)
def test_every_word_that_announces_a_telephone_number_is_looked_for(word):
    assert [one.normal for one in personal.find_personal(f"{word} 0171 2345678")] == ["01712345678"]


def test_matches_do_not_overlap():
    pattern = re.compile("[ab]{2}")
    assert [m.start() for m in matches_at(pattern, "abab ab", [0, 1, 2, 3, 5])] == [0, 2, 5]
    assert [m.start() for m in matches_at(pattern, "abab ab", [1, 3, 5])] == [1, 5]


def test_spans_that_touch_are_one():
    pattern = re.compile(r"\bab+\b")
    text = "abb ab xab abbb"
    spans = [(0, 2), (2, 4), (3, 8), (11, 15)]
    assert [m.group() for m in matches_within(pattern, text, spans)] == ["abb", "ab", "abbb"]
    assert not list(matches_within(pattern, text, []))


@given(text=ANY)
def test_every_digit_becomes_a_zero_and_nothing_else_changes(text):
    assert zeroed(text) == re.sub(r"\d", "0", text)


@given(text=ANY)
def test_digits_stand_within_their_words(text):
    zeros = zeroed(text)
    spans = digit_words(zeros)
    assert [end for _, end in spans] == [m.end() for m in re.finditer(r"\S*0\S*", zeros)]
    for (start, end), word in zip(spans, re.finditer(r"\S*0\S*", zeros), strict=True):
        assert start <= word.start()
        assert end == word.end()


@given(text=ANY)
def test_words_are_runs_of_small_letters(text):
    low = lowered(text)
    assert words_of(low) == set(re.findall("[a-z]+", low))


def test_a_word_starts_where_no_letter_is_beside_it():
    assert starts("may maybe dismay 3may may3 émay_may", {"may"}) == [0, 18, 22, 32]
    assert starts("one twenty one", ["twenty", "one"]) == [0, 4, 11]


def test_lower_case_that_moves_offsets_is_none():
    assert aligned("MONDAY ſ İ ı") == "monday s i i"
    assert aligned("i\u0307 may") is None


@given(text=ANY)
def test_folding_leaves_no_case_and_no_accent(text):
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'"))
    kept = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    assert fold(text) == kept.casefold()
