"""Runs of words that stand in other texts."""

import pytest

from tunesmith.data.comparing.ngrams import COMMON, LEAST, SIZE, KnownGrams


def words(count, name="n"):
    return [f"{name}{number}" for number in range(count)]


def held(known, *texts, share=0.5, groups=None):
    groups = groups or [str(at) for at in range(len(known))]
    found = KnownGrams(known, groups, share).held([*texts])
    return [(at, other, round(part, 3)) for at, other, part in found]


QUESTION = " ".join(words(27))  # twenty runs


@pytest.mark.parametrize(
    "text",
    [
        "",
        "too short to hold a run",
        " ".join(words(16)),  # nine runs of twenty
        " ".join(words(27)[::-1]),
        " ".join(
            word for number in range(0, 27, 7) for word in [*words(27)[number : number + 7], "x"]
        ),
    ],
)
def test_what_does_not_hold_half_of_a_text(text):
    assert held([QUESTION], text) == []


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (" ".join(words(17)), 0.5),
        (f"Before it all. {QUESTION.upper()}! And after it", 1.0),
        (" ".join([*words(60, "x"), *words(27)[9:], *words(60, "y")]), 0.55),
        (" ".join(words(17)) + " " + " ".join(words(17)), 0.5),  # twice is no more
    ],
)
def test_what_holds_half_of_a_text(text, share):
    assert held([QUESTION], "other", text) == [(1, 0, share)]


def test_the_share_is_what_was_asked_for():
    assert held([QUESTION], " ".join(words(17)), share=0.51) == []


def test_a_text_of_few_runs_is_not_looked_for():
    short = " ".join(words(SIZE + LEAST - 2))
    assert held([short], short) == []
    assert held([short + " more"], short + " more") == [(0, 0, 1.0)]


def test_runs_of_several_groups_say_nothing():
    opening = " ".join(words(30, "o"))
    known = [f"{opening} {' '.join(words(14, name))}" for name in "abcd"]
    other = f"{opening} {' '.join(words(14, 'z'))}"
    assert held(known[: COMMON - 1], other) == [(0, 0, 0.622), (0, 1, 0.622)]
    assert held(known[:COMMON], other) == []
    # What is special to a text still gives it away.
    assert [found[1] for found in held(known[:COMMON], known[1])] == [1]
    # Copies of one text are one group, and stay special.
    assert len(held([known[0]] * 5, known[0], groups=["g"] * 5)) == 5


def test_nothing_known():
    assert held([], "a text") == []
    assert len(KnownGrams([], [], 0.5)) == 0
    assert KnownGrams([QUESTION], ["g"], 0.5).held([]) == []
