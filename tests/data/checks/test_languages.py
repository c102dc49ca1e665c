"""The language of answers: told where there is enough text, never guessed."""

import pytest

from tunesmith.data.checks.languages import FEWEST_LETTERS, find_language, find_wrong_language

ENGLISH = "Where is my order? I have been waiting for it since last week, and nobody answers."
FRENCH = "Votre commande a été expédiée hier soir et devrait arriver chez vous dans trois jours."
GERMAN = "Ihre Bestellung wurde gestern verschickt und sollte in drei Tagen bei Ihnen sein."
CHINESE = "您的订单昨天晚上已经发货，预计三天之内就会送到您的家里，请您耐心等待一下，谢谢您的理解。"


@pytest.mark.parametrize(
    ("text", "code"),
    [(ENGLISH, "en"), (FRENCH, "fr"), (GERMAN, "de"), (CHINESE, "zh"), (ENGLISH.upper(), "en"), (GERMAN.upper(), "de"), (FRENCH.upper(), "fr"),
     (FRENCH.replace(" ", "\n"), "fr")],
)  # fmt: skip
def test_the_language_of_a_sentence_is_told(text, code):
    found = find_language(text)
    assert found.code == code
    assert 0.7 < found.confidence <= 1


@pytest.mark.parametrize(
    "text",
    ["", "Bonjour", "x" * (FEWEST_LETTERS - 1), "12 34 56 78 " * 20, "https://example.com/" + "a" * 80,
     "for(i=0;i<n;i++){a[i]=b[i];}" * 5, "call(the)function " * 9, "```\n" + ENGLISH + "\n```", "`" + ENGLISH + "`"],
)  # fmt: skip
def test_code_numbers_addresses_and_a_few_words_have_none(text):
    assert find_language(text) is None


def test_the_answer_is_compared_with_its_prompt():
    assert find_wrong_language(FRENCH, ENGLISH, (), 0.7) == "the answer is in fr, the prompt in en"
    for answer, prompt in ((ENGLISH, ENGLISH), (FRENCH, FRENCH), (FRENCH, "Hi?"), ("Oui", ENGLISH)):
        assert find_wrong_language(answer, prompt, (), 0.7) is None


def test_or_with_what_the_recipe_expects():
    assert (
        find_wrong_language(FRENCH, FRENCH, ("en", "de"), 0.7)
        == "the answer is in fr; expected en, de"
    )
    assert find_wrong_language(FRENCH, ENGLISH, ("en", "fr"), 0.7) is None


def test_an_unsure_model_says_nothing():
    assert find_wrong_language(FRENCH, ENGLISH, (), 1.0) is None
