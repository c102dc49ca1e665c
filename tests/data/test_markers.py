"""Marker phrases: found however they are written, and not inside other words."""

import pytest

from tunesmith.data.markers import PHRASES, find_marker


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_is_found_in_the_middle_of_an_answer(phrase):
    assert find_marker(f"Dear Ann,\n\nwell, {phrase} and so on.") == phrase
    assert find_marker(phrase.upper()) == phrase


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("As an AI, I think so.", "as an ai"),
        ("I\u2019m sorry, but I can\u2019t do it.", "i'm sorry, but i can't"),
        ("as  an\n\tAI model", "as an ai"),
        ("Dear [NAME],", "[name]"),
        ("Presumably, as an AI", "presumably"),
        ("I cannot provide, as an AI", "i can't provide"),
    ],
)
def test_case_white_space_and_apostrophes_do_not_hide_one(answer, found):
    assert find_marker(answer) == found


@pytest.mark.parametrize(
    "answer",
    ["", "As an aid to memory", "was an AI there?", "Has an AI been used", "unpresumably",
     "My last updates", "Dear Ann [name tag]", "[date of birth]", "I can't assist", "name: date"],
)  # fmt: skip
def test_parts_of_other_words_are_none(answer):
    assert find_marker(answer) is None


def test_the_phrases_of_a_recipe_may_be_written_as_people_write():
    phrases = ("As Per  My Last E-Mail", "I\u2019d guess", "(sic)", "C++")
    assert find_marker("as per my last e-mail", phrases) == "as per my last e-mail"
    assert find_marker("I'd guess so", phrases) == "i'd guess"
    assert find_marker("teh (SIC) end", phrases) == "(sic)"
    assert find_marker("in c++", phrases) == "c++"
    assert find_marker("As an AI", phrases) is None
