"""Copies, and rows that only share a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.data.comparing.differing import difference, parts, row_parts
from tunesmith.records import LabelExample, Message, PreferenceExample

TOOL = (
    "You may use a calculator and an encyclopedia. To use one, write its name and the query in "
    "brackets. The tool returns what it finds, and you go on from there.\n"
)


def differ(one, other):
    """What two rows of a question and an answer differ in, both ways round."""
    found = difference(parts(TOOL + one[0], (one[1],)), parts(TOOL + other[0], (other[1],)))
    assert found == difference(parts(TOOL + other[0], (other[1],)), parts(TOOL + one[0], (one[1],)))
    return found


LAKE = ("Tell me how deep the lake near the old town is.", "The lake is [deep, lake] deep.")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LAKE, LAKE),
        (LAKE, ("Tell me how deep the lake near the old city is.", LAKE[1])),
        (LAKE, ("Find out how deep the lake near the old town is.", LAKE[1])),
        (LAKE, ("How deep is the lake?", LAKE[1])),
        (LAKE, ("Tell me how deep the lakke near the old town is.", LAKE[1])),
        (LAKE, (LAKE[0], "The lake is [depth, lake] deep.")),
        (LAKE, (f"{LAKE[0]} Please be quick about it.", LAKE[1])),  # one holds all of the other
        (("It broke. Ticket 4711.", "We are sorry."), ("It broke. Ticket 4712.", "We are sorry.")),
        (("What is in box 7?", "Apples."), ("What is in box 7?", "Apples, 12 of them.")),
        (("Is that so? Yes.", "Good."), ("Is that so? That is correct.", "Good.")),
        (("", "Thanks."), ("", "Thanks!")),
        (("", ""), ("", "")),
        (
            ("Tell me about Charles Darwin.", "Here is something on [Charles Darwin]."),
            ("Give a short summary on Charles Darwin.", "Here is something on [Charles Darwin]."),
        ),
    ],
)
def test_edits(one, other):
    assert differ(one, other) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # The subject runs through question and answer.
        (("What is the root of 81?", "It is [root 81]."), ("What is the root of 144?", "It is [root 144].")),
        (("The capital of Brazil?", "[capital Brazil]"), ("The capital of Australia?", "[capital Australia]")),
        (("Sum the squares up to ten.", "The squares sum to [sum]"), ("Sum the numbers up to ten.", "They sum to [sum]")),
        # Each question and each answer has its own number.
        (("What is 12 times 13?", "156"), ("What is 12 times 14?", "168")),
        # One statement stands where another one stood.
        (("My visa card was stolen in Rome.", "Blocked."), ("Nobody topped up that phone yesterday.", "Blocked.")),
    ],
)  # fmt: skip
def test_other_questions(one, other):
    assert differ(one, other) == "question"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "London"),
        ("Paris is what you look for, said the guide.", "Nobody knows what became of that town."),
        ("We are here. Paris is far away, by train or car.", "We are here. Nobody ever came back from there."),
    ],
)  # fmt: skip
def test_other_answers_to_one_question(one, other):
    assert differ(("Where is it?", one), ("Where is it?", other)) == "answer"


def test_a_label_is_an_answer():
    one, other = (
        LabelExample(
            row_id="1", group_id="1", source="f:1", origin="human", text="my card is", label=label
        )
        for label in ("lost", "stolen")
    )
    assert difference(row_parts(one), row_parts(one)) == ""
    assert difference(row_parts(one), row_parts(other)) == "answer"
    assert difference(row_parts(one), row_parts(chat("my card is", ""))) == "answer"


def test_a_preference_that_is_reversed_is_another():
    def preference(chosen, rejected):
        return row_parts(
            PreferenceExample(
                row_id="1", group_id="1", source="f:1", origin="human",
                prompt=(Message("user", "Which one do you like?"),), chosen=chosen, rejected=rejected,
            )
        )  # fmt: skip

    red, blue = "The red one, since it is warm.", "That blue thing looks calm."
    assert difference(preference(red, blue), preference(f"{red[:-1]}!", blue)) == ""
    assert difference(preference(red, blue), preference(blue, red)) == "answer"


def test_a_row_is_taken_apart_without_its_system_prompt():
    one = row_parts(chat("How deep is it?", "It is 5 metres deep.", system="Be brief."))
    assert one == parts("How deep is it?", ("It is 5 metres deep.",))
    assert one.subject == {"deep"}


rows = st.tuples(*[st.text(alphabet="ab1 .\n", max_size=12)] * 2)


@given(rows, rows)
def test_it_is_the_same_both_ways_and_never_of_a_row_and_itself(one, other):
    assert differ(one, one) == ""
    differ(one, other)
