"""Rows that cannot both be right, and rows that only look like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.comparing import contradictions as module
from tunesmith.data.comparing.contradictions import Answer, contradictions, incompatible, input_key


def found(kind, *answers):
    rows = [
        Answer(number, *(each if isinstance(each, tuple) else (each,)))
        for number, each in enumerate(answers)
    ]
    return [(one.row, one.other) for one in contradictions(rows, kind)]


# Inputs


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("When does order 12 arrive?", "When does order 13 arrive?"),
        ("Is it open on Sunday?", "Is it not open on Sunday?"),
        ("Ask Maria Jones", "Ask Mario Jones"),
        ("dog bites man", "man bites dog"),
        ("How are you?", "Who is it?"),
        ("", "👍"),
        ("Wann kommt die Lieferung?", "Wann kam die Lieferung?"),
    ],
)
def test_inputs_that_ask_for_something_else(one, other):
    assert input_key(one, "chat") != input_key(other, "chat")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("When does order 12 arrive?", "when will order 12 arrive"),
        ("Could you tell me the price, please?", "Tell me the price!"),
        ("Hi, I lost my card.", "lost card"),
        ("How are you?", "how  ARE you"),
    ],
)
def test_inputs_that_ask_the_same(one, other):
    assert input_key(one, "chat") == input_key(other, "chat")


def test_a_label_is_of_the_text_as_it_stands():
    assert input_key("I lost my card", "label") != input_key("lost card", "label")
    assert input_key("I lost my card", "label") == input_key("i LOST my card!", "label")
    assert input_key("lost card", "label") != input_key("lost card", "chat")


# Chats


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It takes 5 days.", "It takes 5 days."),
        ("It takes 5 days.", "Five days, I would say."),
        ("Two weeks at the most.", "It will be there within 14 days."),
        ("It takes 5 days.", "It takes 5 days and costs $3."),
        ("The fee is $45.00.", "You pay 45 dollars."),
        ("It takes 5 days.", "The fee is $45."),  # nothing that both speak of
        ("Yes, you can send it back.", "Sure, just send it to us."),
        ("Yes, you can.", "You can indeed return it."),
        ("We open on March 4, 2026.", "The shop opens 2026-03-04."),
        ("The colour is a matter of taste.", "I would rather not say which I like."),
        ("A very nice joke about a cat and its dog.", "A poem about the rain in some far country."),
        ("🙂", "🙁"),
        ("", "Yes."),
    ],
)
def test_answers_that_can_both_be_right(one, other):
    assert incompatible(one, other) == incompatible(other, one) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It takes 5 days.", "It takes 6 days."),
        ("You have 14 days to return it.", "Returns are possible for one month, that is 30 days."),
        ("The fee is $45.", "We charge 40 dollars for that."),
        ("Yes, you can.", "No, that is not possible."),
        ("We open on March 4, 2026.", "The shop opens 2026-03-05."),
        ("Certainly not, it is too late.", "Certainly, whenever you like."),
        ("Paris", "London."),
        ("refund_not_showing_up", "card_arrival"),
    ],
)
def test_answers_that_cannot(one, other):
    assert incompatible(one, other)
    assert incompatible(other, one)


def test_answers_that_are_much_alike_are_taken_for_the_same():
    text = (
        " ".join(f"word{chr(97 + at % 26)}{chr(97 + at // 26)}" for at in range(90))
        + " about 5 days"
    )
    assert incompatible(text, text.replace("5", "6")) == ""
    assert "'5 days'" in incompatible(text, text.replace("5", "6"), alike=1.0)


def test_each_is_named_with_the_first_that_it_contradicts():
    assert found(
        "chat", "In 5 days.", "Soon, we hope.", "In 6 days.", "in 5 days", "In 5 days!"
    ) == [
        (0, 2),
        (2, 0),
        (3, 2),
        (4, 2),
    ]


def test_the_reason_says_in_what():
    (one, other) = contradictions(
        [Answer(7, "It takes 5 days."), Answer(3, "It takes 6 days.")], "chat"
    )
    assert (one.row, one.other, other.row, other.other) == (3, 7, 7, 3)
    assert "against" in one.why


def test_a_question_with_thousands_of_answers_stays_cheap(monkeypatch):
    calls = []
    judge = module.incompatible

    def counted(*arguments):
        calls.append(arguments)
        return judge(*arguments)

    monkeypatch.setattr(module, "incompatible", counted)
    answers = [f"A joke with {number} of them in it, word{number}." for number in range(500)]
    assert len(found("chat", *answers)) == 500
    assert len(calls) <= 500 * module._COMPARED


# Labels and preferences


def test_labels():
    assert found("label", "spam", "spam", "Spam") == []
    assert found("label", "spam", "ham", "spam") == [(0, 1), (1, 0), (2, 1)]


@pytest.mark.parametrize(
    "pairs",
    [
        [("a", "b")],
        [("a", "b"), ("a", "b")],
        [("a", "b"), ("a", "c"), ("b", "c")],  # a ranking
        [("a", "b"), ("b", "c")],
        [("a", "a")],
        [("a", "b"), ("c", "d")],
    ],
)
def test_preferences_that_fit_together(pairs):
    assert found("preference", *pairs) == []


@pytest.mark.parametrize(
    ("pairs", "rows"),
    [
        ([("a", "b"), ("b", "a")], [(0, 1), (1, 0)]),
        ([("A!", "b"), ("b", "a")], [(0, 1), (1, 0)]),
        ([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")], [(0, 1), (1, 2), (2, 0)]),
    ],
)
def test_preferences_that_lead_in_a_circle(pairs, rows):
    assert found("preference", *pairs) == rows


answers = st.lists(st.sampled_from(["5 days", "6 days", "Yes.", "No!", "yes", "Soon."]), max_size=8)


@given(answers, st.sampled_from(["chat", "label"]))
def test_a_contradiction_is_mutual_and_of_different_answers(drawn, kind):
    pairs = found(kind, *drawn)
    rows = [row for row, _ in pairs]
    assert rows == sorted(set(rows))
    for row, other in pairs:
        assert drawn[row] != drawn[other]
        assert other in rows


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=8))
def test_preferences_without_the_found_ones_have_an_order(pairs):
    circle = {row for row, _ in found("preference", *pairs)}
    left = {pair for at, pair in enumerate(pairs) if at not in circle and pair[0] != pair[1]}
    placed: set[str] = set()
    while free := {
        name
        for name in "abcd"
        if name not in placed and not any(b == name and a not in placed for a, b in left)
    }:
        placed |= free
    assert placed == set("abcd")
