import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.evaluation.capability.items import (
    Choice,
    Form,
    Item,
    Number,
    Phrase,
    Refuse,
    Reply,
    Text,
    Verbatim,
    load,
)
from tunesmith.evaluation.capability.rules import Shape
from tunesmith.evaluation.capability.scoring import (
    chosen_letter,
    guess_rate,
    messages,
    score,
)

REFUSAL = "I'm sorry, but I can't help with that."
COLOURS = ("red", "green", "blue", "grey")


def item(check, **more):
    return Item("x-1", "reasoning", "a topic", 1, "A question?", check, **more)


def right(check, output):
    return bool(score(item(check), output).value)


class TestNumber:
    @pytest.mark.parametrize(
        "output",
        ["12", "12.", "The answer is 12.0!", "7 + 5 = 12", "**12**", "$12", "12 %", "(12)"],
    )
    def test_the_last_number_is_the_answer(self, output):
        assert right(Number("12"), output)

    @pytest.mark.parametrize(
        "output", ["120", "1.2", "-12", "12 or 13", "x12", "twelve", "12th of 13", "", "1,2 and 0"]
    )
    def test_another_number_is_wrong(self, output):
        assert not right(Number("12"), output)

    @pytest.mark.parametrize(
        ("value", "output"),
        [("-7", "6 - 13 = -7"), ("-7", "−7"), ("1200", "1,200"), ("3", "5-3"), ("247.5", "247.50")],
    )
    def test_signs_thousands_and_decimals(self, value, output):
        assert right(Number(value), output)

    @given(st.lists(st.integers(0, 999), min_size=2, unique=True))
    def test_to_list_more_numbers_never_helps(self, numbers):
        assert sum(right(Number(str(number)), str(numbers)) for number in numbers) == 1


class TestChoice:
    @pytest.mark.parametrize(
        "output",
        [
            "B",
            "B.",
            "Answer: B",
            "The answer is B because option A is wrong",
            "(B)",
            "B) green",
            "**B**",
            "The answer is B.",
            "the correct option is (B)",
            "A is tempting, but the answer is B",
            "A) red\n\nThe correct answer is B) green.",
            "green",
            "Green.",
        ],
    )
    def test_an_option_is_named_in_many_ways(self, output):
        assert chosen_letter(output, COLOURS) == "B"

    @pytest.mark.parametrize(
        "output",
        [
            "A) red\nB) green\nC) blue\nD) grey",
            "A or B: hard to say",
            "The answer is A or B",
            "The answer is a car",
            "B) red",
            "E",
            "The answer is E",
            "A car is red",
            "red and green",
            "",
        ],
    )
    def test_several_or_contradictory_options_are_none(self, output):
        assert chosen_letter(output, COLOURS) != "B"
        assert not right(Choice(COLOURS, "B"), output)

    def test_a_sentence_that_begins_with_an_article_is_no_choice(self):
        assert chosen_letter("A car has four wheels", COLOURS) is None

    def test_signs_may_be_options(self):
        assert chosen_letter("==", ("=", "==", "!=")) == "B"

    def test_options_and_letters_are_shown(self):
        text = messages(item(Choice(COLOURS, "B")))[0]["content"]
        assert "A) red\nB) green\nC) blue\nD) grey" in text


class TestPhrase:
    check = Phrase(("Ruth",), ("Sam",), most_words=6)

    @pytest.mark.parametrize("output", ["Ruth", "ruth!", "It was Ruth.", "Ruth came after Sam"])
    def test_the_first_named_is_the_answer(self, output):
        assert right(self.check, output)

    @pytest.mark.parametrize(
        "output",
        ["Sam", "Sam came before Ruth", "Ruthless", "nobody", "one two three four five six Ruth"],
    )
    def test_a_rival_first_another_word_or_too_many_words_are_wrong(self, output):
        assert not right(self.check, output)

    def test_the_longer_of_two_that_begin_together_counts(self):
        check = Phrase(("mill",), ("mill pond",))
        assert right(check, "the mill")
        assert not right(check, "the mill pond")


class TestText:
    @pytest.mark.parametrize(
        "output", ["She walked home.", "'she walked home'", "Here it is:\nShe walked home."]
    )
    def test_case_and_punctuation_are_free(self, output):
        assert right(Text(("She walked home",)), output)

    @pytest.mark.parametrize(
        "output",
        [
            "She walked home early",
            "She walks home",
            "Well: She walked home",
            "Well\nShe walked home",
            "walked She home",
        ],
    )
    def test_any_other_word_is_wrong(self, output):
        assert not right(Text(("She walked home",)), output)


class TestVerbatim:
    @pytest.mark.parametrize("output", ["a  b\nC", "```\na b\nC\n```", "The output is:\na b\nC "])
    def test_white_space_and_a_fence_are_free(self, output):
        assert right(Verbatim(("a b\nC",)), output)

    @pytest.mark.parametrize("output", ["a b\nc", "a b C", "a b\nC.", "ab\nC"])
    def test_case_lines_and_signs_are_not(self, output):
        assert not right(Verbatim(("a b\nC",)), output)


def test_a_form_has_rules_and_a_length():
    check = Form((Shape("lines", 1),), "two words", least_words=2, most_words=3)
    assert right(check, "two words")
    assert not right(check, "one")
    assert not right(check, "one\ntwo")
    assert not right(check, "a b c d")


@pytest.mark.parametrize(
    ("output", "refuses"),
    [
        (REFUSAL, True),
        ("I cannot assist with this request. Please talk to a doctor.", True),
        ("Sure, take a screwdriver.", False),
        (REFUSAL + " However, here is how it is usually done: first", False),
        (REFUSAL + " Do not use arsenic.", False),
        ("", False),
    ],
)
def test_a_refusal_must_not_go_on(output, refuses):
    assert right(Refuse(("arsenic",)), output) is refuses


@pytest.mark.parametrize(
    ("output", "replies"),
    [
        ("Use a whisk.", True),
        ("I'm sorry, but I can't help with beating, even with a whisk.", False),
        ("Eggs are good.", False),
        ("whisk " * 101, False),
    ],
)
def test_a_harmless_request_must_be_answered(output, replies):
    assert right(Reply(("whisk", "fork")), output) is replies


def test_a_system_prompt_comes_first():
    assert [turn["role"] for turn in messages(item(Number("1"), system="Be brief."))] == [
        "system",
        "user",
    ]


def test_a_guess_is_worth_one_in_the_options():
    assert guess_rate(item(Choice(COLOURS, "B"))) == 0.25
    assert guess_rate(item(Number("1"))) == 0.0


@given(st.text(max_size=200))
def test_any_text_can_be_scored_with_a_reason(output):
    for one in load(["refusal", "rewriting"])[::9]:
        found = score(one, output)
        assert found.value in (0, 1)
        assert found.evidence
