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
        ("Presumably your order left, as an AI", "presumably your"),
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


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ('Many say "As an AI, I cannot." and stop.', "What do they say?"),
        ("Many say \u201cI\u2019m an AI\u201d and stop.", "What do they say?"),
        ("Use `as an ai` as the key.", "Which key?"),
        ("The vowels of lorem ipsum are four.", "Count the vowels of 'Lorem  Ipsum'."),
        ("text = 'I am an AI assistant.'", "Put 'I am an AI assistant.' in a variable."),
        ("As an AI, I dream in numbers.", "Imagine that you are a robot."),
        ("Dear people, I am an AI and I greet you.", "Write a letter of the first sentient AI."),
        ("As an AI engineer, I build robots.", "What do you do?"),
        ("I would assume the form of a bird.", "Which form?"),
        ("They swim, presumably for fun.", "Why?"),
    ],
)
def test_what_is_not_the_answers_own_is_none(answer, asked):
    assert find_marker(answer, asked=[asked]) is None


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ("As an AI language model, I can't.", "You are an AI assistant. Where is my order?"),
        ("As an AI assistant, I can't.", "Where is my order?"),
        ("As an AI, I can't.", "You are an AI assistant. Where is my order?"),
        ("I can't access your account.", "I can't access my account."),
        ("I do not have access to your files.", "Imagine a story."),
        ('"As an AI, I cannot."', "Where is my order?"),
        ("Dear Ann,\n\nYours, [Your Name]", "Write a letter for a story."),
        ('As an AI model, I can\'t say "yes".', "Yes or no?"),
    ],
)
def test_what_is_the_answers_own_is_found(answer, asked):
    assert find_marker(answer, asked=[asked])


def test_what_was_said_counts_for_the_phrase_alone_that_was_said():
    answer = "Lorem ipsum, and [insert name]."
    assert find_marker(answer, asked=["What is lorem ipsum?"]) == "[insert"
    assert (
        find_marker(answer, asked=["What is it?", "[insert is a template of lorem ipsum"]) is None
    )
