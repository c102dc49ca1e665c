"""Refusals: told from help, and from those that somebody else speaks."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunesmith.data.checks import refusals
from tunesmith.data.checks.refusals import START, find_refusal
from tunesmith.data.markers import plain


@pytest.mark.parametrize(
    "answer",
    ["I'm sorry, but I can't help with that.", "I’m sorry, but I cannot assist with this request.",
     "Sorry, I am not able to provide instructions for that.", "I won't provide that information.",
     "As an AI language model, I don't have opinions.", "I must respectfully decline.",
     "I'd rather not answer that.", "That is not something I can help with.",
     "I do not feel comfortable talking about it.", "Well. I CAN NOT DO THAT.",
     "Sorry. I can't.", "Cannot assist with this.", "Nope, not going to do that.", "I wish I could help, but I can't keep such secrets.",
     "My guidelines do not allow me to say.", "Our policy does not permit me to tell you.", "I'm not designed to replace a doctor.",
     "I have been told not to talk about it.", "Being a program, I have no feelings.", "It would be wrong of me to tell you.",
     "It is not possible for me to provide that.", "Writing that could harm somebody, so no.", "This is outside my area of expertise.",
     "I refuse.", "I'm declining this one.", "I have to turn you down.", "I'd rather not.", "Under no circumstances will I write that.",
     "We can't disclose that.", "I cannot provide a list of victims.", "For legal reasons, I can't comment.",
     "That is above my pay grade.", "This exceeds my abilities.", "It would be dangerous of me to answer that."],
)  # fmt: skip
def test_a_refusal_is_found_however_it_is_written(answer):
    assert find_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    ["", "I can't help but smile at this.", "I'm sorry, but I can't find your order.",
     "We can't help you move the house.", "I'm sorry that your order is late.",
     "You can't do that in Excel; use a macro.", "I could help with that.", "Sorry I couldn't help you.",
     "She said: \"I can't help you with that.\"", "He sighed, “I'm sorry, I can't,” and left.",
     "I'm sorry, I can't make it tonight.", "I can't tell you how happy I am.", "I can't give you more than ten.",
     "I couldn't say that it was bad.", "I wouldn't recommend it.", "Sorry I couldn't help you more.", "I won't be long.",
     "I decline nouns by their endings.", "I refuse to believe that.", "The bank declined the card.", "I can't say that I have.",
     "If I can't help, Tom will.", "I have to pass the school.", "Nothing is impossible.", "It is against the law.",
     "Our policy allows one bag.", "No, it closes at six.", "I don't recommend that one.", "Unfortunately, I can't find it."],
)  # fmt: skip
def test_other_uses_of_the_words_are_none(answer):
    assert find_refusal(answer) is None


def test_only_the_start_of_an_answer_counts():
    refusal = "I can't help with that."
    filler = "ab. " * (START // 4)
    assert find_refusal(filler[:-4] + refusal)
    assert find_refusal(filler + refusal) is None
    assert find_refusal('"Yes," he said. ' + refusal)


KNOWN = [re.compile(rf"(?<![\w'])(?:{pattern})(?!\w)") for _, pattern in refusals._PHRASES]


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=500)
@given(
    st.sampled_from(KNOWN).flatmap(lambda known: st.tuples(st.just(known), st.from_regex(known)))
)
def test_what_is_looked_at_first_to_be_quick_hides_no_refusal(case):
    known, text = case[0], plain(case[1])
    if match := known.search(text):
        assert refusals._may_refuse(text)
        found = [one.start() for one in refusals._refusals(text, 0, len(text))]
        assert match.start() in found
