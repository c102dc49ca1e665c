"""Toxicity: a score that grows with what is said, and stays low for plain talk about it."""

import codecs

import pytest

from tunesmith.data.checks.toxicity import toxicity


def said(text):
    return codecs.encode(text, "rot13")


@pytest.mark.parametrize(
    "text",
    ["", "Thank you, that was a great help!", "Kill the process with kill -9 and restart it.",
     "The plant will die without water.", "That is a damn good cake.", "Scunthorpe, Cockburn and Essex",
     "I hate to say it, but the garbage is not collected today.", "The assassin assessed the class."],
)  # fmt: skip
def test_plain_words_stay_below_the_threshold(text):
    assert toxicity(text) < 0.5


@pytest.mark.parametrize(
    "text",
    ["lbh ner fghcvq naq jbeguyrff", "shpx bss, lbh vqvbg", "V ubcr lbh qvr", "tb xvyy lbhefrys",
     "Nyy bs gubfr crbcyr qrfreir gb or fubg"],
)  # fmt: skip
def test_insults_and_threats_reach_it(text):
    assert toxicity(said(text)) >= 0.5
    assert toxicity(said(text).upper()) >= 0.5


def test_more_signs_score_higher_and_repeating_one_does_not():
    one = toxicity(said("vqvbg"))
    assert 0 < one < toxicity(said("vqvbg naq zbeba")) < 1
    assert toxicity(said("vqvbg vqvbg")) == one


def test_mild_words_count_only_beside_you():
    assert toxicity("This stupid printer again.") == 0
    assert toxicity("Are you stupid?") == 0.2
    assert toxicity("You rang. This stupid printer again.") == 0


def test_a_word_that_is_named_counts_half():
    used, named = toxicity(said("n juber")), toxicity(f'The word "{said("juber")}" is old.')
    assert (used, named) == (0.6, 0.3)
    assert toxicity(f"The word \u201c{said('juber')}\u201d is old.") == named
    assert toxicity(f'The "{said("juber")}" is a {said("juber")}.') == used
    assert toxicity(f'He wrote: "{said("lbh ner n juber")}"') == used
    assert toxicity(f'"{said("juber")}", "{said("ovgpu")}"') >= 0.5
