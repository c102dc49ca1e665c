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

ASKED = "How is it?"


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
        ("Not sure, I would have to look.", "Yes, I think so."),
        ("Sure thing!", "No problem, it is on its way."),
        ("No modifications to that, correct?", "Sure, here it is."),
        ("Sure.", "Got it."),
        ("Heh.", "Haha!"),
        ("There were 3 of us.", "I counted 4 of them, and more came."),  # no number was asked for
    ],
)
def test_answers_that_can_both_be_right(one, other):
    assert incompatible(ASKED, one, other) == incompatible(ASKED, other, one) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It takes 5 days.", "It takes 6 days."),
        ("You have 14 days to return it.", "Returns are possible for one month, that is 30 days."),
        ("The fee is $45.", "We charge 40 dollars for that."),
        ("Yes, you can.", "No, that is not possible."),
        ("We open on March 4, 2026.", "The shop opens 2026-03-05."),
        ("Certainly not, it is too late.", "Certainly, whenever you like."),
        ("Yes you can", "No we cannot do that"),
        ("Not anymore.", "Yes."),
        ("Paris", "London"),
        ("refund_not_showing_up", "card_arrival"),
    ],
)
def test_answers_that_cannot(one, other):
    assert incompatible(ASKED, one, other)
    assert incompatible(ASKED, other, one)


@pytest.mark.parametrize(
    ("turn", "one", "other"),
    [
        ("Give me a number between 1 and 10.", "7", "4"),
        ("Tell me a date in spring, please", "April 4", "May 5"),
        ("Write a word problem. How many apples are left?", "Ann has 5.", "Bob had 12 to sell."),
        ("Suggest how many guests to invite.", "8 guests would do.", "I would say 12 of them."),
        ("Find the first 5 primes.", "They are python('p(1, 6)').", "It is: python('q(2, 12)')."),
        ("Calculate the sum.", "```\nsum(range(1, 7))\n```", "```\ntotal = 5 + 8\n```"),
        ("Calculate the sum.", "def f(x):\n    x += 1\n    return x;", "let y = 2;\nreturn y;"),
        ("Count them.", "Use `len(x[3])` for it.", "With `count(4)`, I think."),
        ("What do you think of the 3 plans?", "Plan 2 would please.", "The 1 that costs less."),
    ],
)
def test_what_is_no_contradiction_where_many_answers_are_right(turn, one, other):
    assert incompatible(turn, one, other) == incompatible(turn, other, one) == ""


@pytest.mark.parametrize(
    ("turn", "one", "other"),
    [
        ("How many of us were there?", "There were 3 of us.", "I counted 4 of them."),
        ("Calculate the sum of 5 and 8.", "It is `5 + 8`, so 13.", "That makes 12 (twelve)."),
        ("What is 5 * 8?", "40", "That would be 45."),
        ("Can you give me a refund?", "Yes, of course.", "No, we cannot."),
        ("Write a reply to the ticket.", "You get it within 5 days.", "We need 10 days for that."),
        ("Find the number of rows (in the log).", "It has f(x) rows, 12.", "There are 14 rows."),
        ("Could you tell me the address?", "12 Main Street", "It is 14, High Street."),
        ("And when does it open?", "At the 3rd of May.", "May 4, as far as I know."),
    ],
)
def test_what_is_one_where_a_single_answer_is_right(turn, one, other):
    assert incompatible(turn, one, other)
    assert incompatible(turn, other, one)


def test_answers_that_are_much_alike_are_taken_for_the_same():
    text = (
        " ".join(f"word{chr(97 + at % 26)}{chr(97 + at // 26)}" for at in range(90))
        + " about 5 days"
    )
    assert incompatible(ASKED, text, text.replace("5", "6")) == ""
    assert incompatible(ASKED, text, text.replace("5", "6"), alike=1.0) == "times against those"


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


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("Ann Smith", "Bob", "short answer against that"),
        ("It is $5.", "The fee: 6 dollars", "amounts against those"),
        ("On 4 March", "On May 5", "dates against those"),
        ("Yes.", "No.", "yes against no"),
    ],
)
def test_the_reason_quotes_neither_answer(one, other, why):
    assert incompatible(ASKED, one, other) == why


def test_inputs_that_are_equal_but_for_small_words_are_judged_alike():
    turns = ["Give me a number", "Give me the number"]
    for one, other in (turns, turns[::-1]):
        rows = [Answer(0, "It is 5.", turn=one), Answer(1, "I take the 6.", turn=other)]
        found = list(contradictions(rows, "chat"))
        assert [each.row for each in found] == ([] if one == turns[0] else [0, 1])
        assert all(each.why for each in found)


def test_a_question_with_thousands_of_answers_stays_cheap(monkeypatch):
    calls = []
    judge = module.incompatible

    def counted(*arguments):
        calls.append(arguments)
        return judge(*arguments)

    monkeypatch.setattr(module, "incompatible", counted)
    answers = [f"It has {number} days in it, word{number}." for number in range(500)]
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
