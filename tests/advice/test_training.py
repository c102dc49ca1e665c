"""What training rows tell about an input: how far off it is, and which words are the task's."""

import pytest

from tests.advice.planted import ELSEWHERE, Maker
from tests.made_rows import chat, chats
from tunesmith.advice.training import FEWEST, Training, unknown_words


@pytest.fixture(scope="module")
def training():
    return Maker(8).training(400)


def test_about_one_usual_input_in_a_hundred_is_taken_for_an_outlier(training):
    maker = Maker(9)
    found = training.far_off([maker.row().user for _ in range(1000)])
    assert sum(cosine is not None for cosine in found) <= 20


def test_inputs_of_other_trades_are_far_off(training):
    texts = [text.format(first="Ellen", last="Whitman", n=20) for text in ELSEWHERE]
    assert None not in training.far_off(texts)


def test_an_input_of_training_is_as_near_as_can_be(training):
    assert training.far_off([Maker(8).row().user]) == [None]


def test_new_numbers_put_nothing_far_off():
    rows = chats(*(f"order 5 of 6 lamps for hall{n // 2}" for n in range(FEWEST)))
    assert Training(rows).far_off(["order 90210 of 4711 lamps for hall7"]) == [None]
    assert Training(rows).far_off(["order 5 of 6 lamps for castle"]) != [None]


def test_blank_inputs_are_compared_like_any_other():
    training = Training([chat(" ", "Yes.") for _ in range(FEWEST)])
    assert training.far_off([" ", "anything at all"]) == [None, None]


def test_terms_are_frequent_words_of_the_answers_that_english_lacks():
    answers = [f"The dashcam has firmware Zyxel number {n}" for n in range(5)]
    rows = [chat(f"Is it the {n}. gyrocopter?", text) for n, text in enumerate(answers)]
    assert "dashcam" in Training(rows).terms
    assert Training(rows[:4]).terms == frozenset()
    assert not Training(rows).terms & {"zyxel", "gyrocopter", "number"}


PLAIN = "Please send the parcel back to the shop, and we will return the money this week."
CLINICAL = (
    "The echocardiography showed tricuspid regurgitation with pulmonary hypertension and dyspnoea."
)


def test_the_share_of_words_that_general_english_lacks():
    plain = unknown_words([chat(PLAIN, PLAIN) for _ in range(100)])
    clinical = unknown_words([chat(CLINICAL, CLINICAL) for _ in range(100)])
    assert plain == 0.0
    assert clinical is not None
    assert clinical > 0.5


def test_nothing_is_said_of_few_words_or_of_another_language():
    assert unknown_words([chat(PLAIN, PLAIN) for _ in range(3)]) is None
    german = (
        "Bitte senden Sie das Paket zurück, und wir werden das Geld noch diese Woche erstatten."
    )
    assert unknown_words([chat(german, german) for _ in range(200)]) is None
