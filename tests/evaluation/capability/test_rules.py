import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.evaluation.capability.rules import (
    Case,
    Characters,
    Edge,
    Has,
    Initials,
    Json,
    Lacks,
    LacksCharacter,
    Shape,
    holds,
    unfenced,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It’s half-past 3.5!", ["it's", "half-past", "3.5"]),
        ("**bold** _under_", ["bold", "under"]),
        ("… – 🙂", []),
    ],
)
def test_words_are_letters_and_digits_with_what_is_inside_them(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("The catalogue", "cat", False),
        ("the Cat.", "cat", True),
        ("a lift to B", "lift B", False),
        ("nineteen-fourteen", "fourteen", True),
        ("", "a", False),
    ],
)
def test_a_phrase_is_found_as_whole_words(text, phrase, found):
    assert holds(text, phrase) is found


@pytest.mark.parametrize(
    ("unit", "text", "count"),
    [
        ("bullets", "- a\n* b\n-c\n1. d", 2),
        ("numbered", "1. a\n2) b\n3 c\n- d", 2),
        ("lines", "a\n\n  \nb", 2),
        ("sentences", "One. Two! Three?", 3),
        ("sentences", "No stop at the end", 1),
        ("sentences", "Dots... and more", 2),
        ("sentences", "", 0),
        ("paragraphs", "a\nb\n \nc\n\n\n", 2),
        ("words", "a b-c d", 3),
    ],
)
def test_units_are_counted(unit, text, count):
    assert Shape(unit, count).broken(text) is None
    assert Shape(unit, count + 1).broken(text) is not None


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (Has(("rain", "wind")), "Wind and rain", "Windy rain"),
        (Has(("very",), times=2), "very, Very good", "very very very"),
        (Lacks(("sleep",)), "asleep", "to sleep!"),
        (LacksCharacter("e"), "a dog", "A DOE"),
        (LacksCharacter("e", "last line"), "here\nno\n", "no\nhere"),
        (LacksCharacter("a", "first line"), "no\na", "\na\nno"),
        (Characters(",", 2), "a, b, c", "a, b c"),
        (Edge("Snow", "!"), " Snow falls! ", "Snow falls!?"),
        (Edge("Snow", "!"), "Snow!", "The Snow!"),
        (Initials("sun", "lines"), "Sea\n- up\nno", "sea\nup\nno\nso"),
        (Initials("b", "words"), "Big bad bears", "big red bears"),
        (Case("upper"), "STOP 3!", "STOp"),
        (Case("lower"), "all of it", "All of it"),
        (Case("title"), "The Old 3rd Man", "The old Man"),
        (Json({"a": 1}), '```json\n{"a": 1.0}\n```', '{"a": 1} as asked'),
        (Json({"a": "Oslo", "b": True}), '{"b": true, "a": " oslo "}', '{"b": 1, "a": "Oslo"}'),
        (Json(["a", "b"]), '["A", "b"]', '["b", "a"]'),
    ],
)
def test_a_rule_tells_an_answer_from_a_near_miss(rule, good, bad):
    assert rule.broken(good) is None
    assert rule.broken(bad) is not None


@pytest.mark.parametrize("case", ["upper", "lower", "title"])
def test_a_text_without_letters_has_no_case(case):
    assert Case(case).broken("1 + 1") is not None


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("`x`", "x"),
        ('"two" and "three"', '"two" and "three"'),
        ("```\na\n``` and more", "```\na\n``` and more"),
    ],
)
def test_only_what_stands_around_the_whole_text_is_taken_off(text, inside):
    assert unfenced(text) == inside


@given(st.text(), st.sampled_from(["bullets", "numbered", "lines", "sentences", "words"]))
def test_every_text_has_one_count_of_each_unit(text, unit):
    fitting = [count for count in range(len(text) + 2) if Shape(unit, count).broken(text) is None]
    assert len(fitting) == 1
