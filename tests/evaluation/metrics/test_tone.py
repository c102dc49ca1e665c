"""A classifier of tone: that it learns tone, says how well, and is the same everywhere."""

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from tests.made_rows import chat
from tests.made_tone import PAIRS, TONE, curt, warm
from tunesmith.errors import Unready
from tunesmith.evaluation.metrics import METRICS, MetricParams, ToneRows
from tunesmith.evaluation.metrics.tone import train
from tunesmith.evaluation.metrics.tone_rows import FEWEST_TEXTS, MOST_TEXTS

MANY = tuple(f"text {number}" for number in range(FEWEST_TEXTS))


def measured(output):
    return METRICS["tone"](chat("q"), output, MetricParams(tone=TONE))


def test_texts_about_other_things_are_told_by_their_tone():
    assert measured(warm("garden chair", "next week")).value == 1.0
    assert measured(curt("garden chair", "next week")).value == 0.0


def test_how_sure_it_is_is_told():
    share, words = measured(warm("chair", "now")).evidence.split(" ", 1)
    assert 0.5 <= float(share) <= 1.0
    assert words == "on tone"


def test_an_empty_answer_has_no_tone():
    assert measured(" \n") == (0.0, "empty output")


def test_what_it_gets_right_of_texts_it_did_not_see_is_recorded():
    facts = train(TONE).facts
    assert facts["texts"] == 2 * len(PAIRS)
    assert facts["commonest"] == 0.5
    assert facts["commonest"] < facts["low"] <= facts["accuracy"] <= facts["high"] <= 1.0


def test_texts_that_nothing_tells_apart_are_refused():
    mixed = [
        f"{(warm, curt)[number % 2](*pair)} ({number})" for number, pair in enumerate(PAIRS * 2)
    ]
    half = len(mixed) // 4
    with pytest.raises(Unready, match="a classifier gets .* of .* texts right where always"):
        train(ToneRows(on=tuple(mixed[: 2 * half]), off=tuple(mixed[2 * half :])))


def test_copies_do_not_make_it_look_better():
    # With copies in both, a text would be judged by a classifier that saw it.
    copied = ToneRows(on=TONE.on * 5, off=(*TONE.off, *(f" {text}\n" for text in TONE.off)))
    assert train(copied).facts == train(TONE).facts


def test_the_order_of_the_texts_makes_no_difference():
    turned = ToneRows(on=TONE.on[::-1], off=TONE.off[::-1])
    output = "Thank you. Noted. Wait until Friday."
    params = MetricParams(tone=turned)
    assert METRICS["tone"](chat("q"), output, params) == measured(output)


@pytest.mark.parametrize(
    ("on", "off", "told"),
    [
        (MANY[1:], tuple(f"b {text}" for text in MANY), "49 different texts are on"),
        (MANY, (), "0 different texts are off"),
        (MANY, ("same",) * 60, "1 different texts are off"),
        (MANY, (*(f"b {text}" for text in MANY), " text  7\n"), "'text 7' is both on and off"),
        (MANY, tuple(f"b {n}" for n in range(MOST_TEXTS)), "expected at most 5000"),
    ],
)
def test_too_few_or_unclear_texts_are_refused(on, off, told):
    with pytest.raises(ValidationError, match=told):
        ToneRows(on=on, off=off)


def test_another_process_judges_the_same():
    code = (
        "from tests.made_tone import TONE\n"
        "from tunesmith.evaluation.metrics.tone import train\n"
        "print(train(TONE).model.coef_.sum().hex())"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": "."},
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert said.strip() == train(TONE).model.coef_.sum().hex()
