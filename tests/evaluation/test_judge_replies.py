"""Whatever a judge writes, it is read as one verdict or as none."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tunesmith.evaluation.judge.replies import (
    Broken,
    ComparisonReply,
    FactsReply,
    RatingReply,
    parse_object,
    read,
    stands_in,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)
WORDS = st.text().filter(lambda text: "{" not in text and "`" not in text and "<" not in text)


@given(OBJECTS, WORDS, WORDS, st.booleans())
def test_an_object_is_read_from_among_words(found, before, after, escaped):
    assume("Infinity" not in json.dumps(found))
    text = before + json.dumps(found, ensure_ascii=escaped) + after
    assert parse_object(text) == found
    fenced = f"```json\n{json.dumps(found)}\n```"
    assert parse_object(fenced) == found


@given(st.text() | st.text('{}[]":,\\ue019 -.'))
def test_any_text_is_a_verdict_or_broken(text):
    for wanted in (RatingReply, ComparisonReply, FactsReply):
        try:
            read(text, wanted)
        except Broken as error:
            assert str(error)


@given(VALUES)
def test_any_json_is_a_rating_only_if_it_has_its_two_fields(value):
    text = json.dumps(value)
    right = (
        isinstance(value, dict)
        and value.keys() == {"reason", "score"}
        and isinstance(value["reason"], str)
        and type(value["score"]) is int
    )
    if not right:
        with pytest.raises(Broken):
            read(text, RatingReply)


@given(st.text(), st.integers(-(10**17), 10**17))
def test_a_rating_comes_back_as_it_was_written(reason, score):
    found = read(json.dumps({"reason": reason, "score": score}), RatingReply)
    assert (found.reason, found.score) == (reason, score)


def test_thoughts_are_no_reply():
    assert read('<think>{"score": 1}</think>{"reason": "", "score": 5}', RatingReply).score == 5
    with pytest.raises(Broken):
        read('<think>{"reason": "", "score": 5}</think>', RatingReply)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"score": 1}{"score": 5}', "more than one"),
        ('{"score": 1, "score": 1}', "stands twice"),
        ('{"a": {"b": 1, "b": 2}}', "stands twice"),
        ('{"score": NaN}', "NaN"), ('{"score": -Infinity}', "Infinity"),
        ('{"score": ' + "9" * 5000 + "}", "18 digits"),
        ('{"reason": "\\ud800"}', "half a character"), ('{"\\udfff": 1}', "half a character"),
        ('{"outer": {"reason": "", "score": 5}', "no whole"),
        ("{" * 50_000, "no whole"), ('{"a":' * 50_000, "no whole"),
        ("", "no JSON"), ("4", "no JSON"),
    ],
)  # fmt: skip
def test_what_is_not_one_object_is_broken(text, match):
    with pytest.raises(Broken, match=match):
        parse_object(text)


@pytest.mark.parametrize("score", ["4", "4.5", "true", "null", '"4"', "[4]"])
def test_a_score_is_a_whole_number(score):
    text = f'{{"reason": "", "score": {score}}}'
    if score == "4":
        assert read(text, RatingReply).score == 4
    else:
        with pytest.raises(Broken, match="wrong fields"):
            read(text, RatingReply)


@pytest.mark.parametrize(
    ("quote", "text", "stands"),
    [
        ("3 May", "on 3 May.", True),
        ("3 may", "on 3\n  MAY", True),
        ('"on 3 May"', "on 3 May", True),
        ("don’t – “go”", 'I don\'t - "go" there', True),
        ("3 May", "on 13 May", False),
        ("3 May", "on 3 Mayor", False),
        ("5 EUR", "-5 EUR", True),
        ("1.5", "15", False),
        ("1.5", "1 5", False),
        ("Anna … Bonn", "Anna lives in Bonn", False),
        ("", "x", False), ("...", "...", False), ("  ", "  ", False), ("x", "", False),
    ],
)  # fmt: skip
def test_a_quotation_stands_as_whole_words(quote, text, stands):
    assert stands_in(quote, text) is stands


@given(st.text(), st.text(), st.text())
def test_words_of_a_text_stand_in_it(before, quote, after):
    assume(any(sign.isalnum() for sign in quote.strip(" \t\n\"'")))
    assert stands_in(quote, f"{before} | {quote} | {after}")


@given(st.text(), st.text())
def test_any_quotation_is_looked_up(quote, text):
    assert stands_in(quote, text) in (True, False)
