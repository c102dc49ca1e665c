"""Answers in a loop, and answers that repeat for a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.checks.repetition import find_repetition, measure_repetition

LINES, PHRASES = 0.3, 0.6
LOOP = "The order is on its way and we will tell you when it is there. "


@pytest.mark.parametrize(
    "answer",
    [LOOP * 6, "Dear Ann, here is what we found out today. " + LOOP * 8, "ha" * 40, "no" * 13, "o" * 30,
     "I see. " * 30, "\n".join(["Ask the team about it first."] * 8), "yes yes " * 20],
)  # fmt: skip
def test_a_loop_is_found(answer):
    assert find_repetition(answer, LINES, PHRASES)


@pytest.mark.parametrize(
    "answer",
    ["", "ha ha ha ha", LOOP, LOOP * 2, "-" * 80, "=" * 200, "Wait " + "." * 60, "1000000000000000000000000000",
     "\n".join(f"case {n}: return value_{n} + {n * 7};" for n in range(20)),
     "| a | b |\n|---|---|\n" + "\n".join(f"| item {n} | {n} |" for n in range(9))],
)  # fmt: skip
def test_tables_code_rules_and_short_answers_are_none(answer):
    assert find_repetition(answer, LINES, PHRASES) is None


def test_the_shares_are_those_of_the_formulas():
    found = measure_repetition("one two three four five six seven eight nine ten\n" * 4)
    assert found.lines == found.phrases == pytest.approx(0.75)
    assert found.top == pytest.approx(2 * 3 / 40)
    assert measure_repetition("a b c " * 5) == (0, 0, 0)  # too short


def test_thresholds_are_the_last_values_that_pass():
    text = "one two three four five six seven eight nine ten\n" * 4
    assert find_repetition(text, 0.76, 0.76) is None
    assert "lines" in find_repetition(text, 0.74, 0.76)
    assert "phrase" in find_repetition(text, 0.76, 0.74)


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f\n"]), max_size=60))
def test_shares_are_shares_and_the_quick_way_out_loses_nothing(words):
    text = " ".join(words)
    found = measure_repetition(text)
    assert all(0 <= share <= 1 for share in found)
    slow = found.lines > LINES or found.phrases > PHRASES or found.top > 0.5
    assert slow <= (find_repetition(text, LINES, PHRASES) is not None)
