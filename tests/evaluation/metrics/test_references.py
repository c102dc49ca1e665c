"""BLEU, ROUGE-L and chrF against the papers' examples and the reference implementations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.evaluation.metrics import METRICS, MetricParams

WORDS = st.lists(
    st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "Don't", "stop", "4.5", "U.S."]),
    max_size=12,
)
NAMES = ("bleu", "rouge_l", "chrf")


def measured(name, answer, output):
    return METRICS[name](chat("q", answer), output, MetricParams()).value


def test_rouge_l_of_its_paper():
    # Lin 2004, section 3.1: S2 has 3 of 4 words in order, S3 has 2, though the same bigrams.
    reference = "police killed the gunman"
    assert measured("rouge_l", reference, "police kill the gunman") == 0.75
    assert measured("rouge_l", reference, "the gunman kill police") == 0.5
    # Section 3.1's S4: the longest sequence alone counts.
    assert measured("rouge_l", reference, "the gunman police killed") == 0.5


def test_chrf_by_hand():
    # "ab" against "abc": orders 1 to 6 of which the reference has 3 and the output 2.
    # Order 1: P 2/2, R 2/3. Order 2: P 1/1, R 1/2. Higher orders: none in the output.
    from sacrebleu import sentence_chrf

    assert measured("chrf", "abc", "ab") == pytest.approx(sentence_chrf("ab", ["abc"]).score / 100)
    precision, recall = 1.0, (2 / 3 + 1 / 2) / 2
    assert measured("chrf", "abc", "ab") == pytest.approx(
        5 * precision * recall / (4 * precision + recall)
    )


def test_bleu_by_hand():
    # 2 words of 6, both right: precisions 1, 1 and a brevity penalty of exp(1 - 6/2).
    assert measured("bleu", "the cat sat on the mat", "the cat") == pytest.approx(0.1353352832)
    # Papineni et al. 2002, example 2: clipped, "the" counts twice, 2/7; no bigram: smoothed.
    found = measured("bleu", "the cat is on the mat", "the the the the the the the")
    smoothed = (2 / 7 * (1 / 2 / 6) * (1 / 4 / 5) * (1 / 8 / 4)) ** 0.25
    assert found == pytest.approx(smoothed)


@given(answer=WORDS, output=WORDS)
def test_values_are_those_of_the_libraries(answer, output):
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu import sentence_bleu, sentence_chrf

    answer, output = " ".join(answer), " ".join(output)
    if not answer:
        assert [measured(name, answer, output) for name in NAMES] == [None] * 3
        return
    assert measured("bleu", answer, output) == pytest.approx(
        sentence_bleu(output, [answer], use_effective_order=True).score / 100
    )
    assert measured("chrf", answer, output) == pytest.approx(
        sentence_chrf(output, [answer]).score / 100
    )
    assert measured("rouge_l", answer, output) == pytest.approx(
        RougeScorer(["rougeL"]).score(answer, output)["rougeL"].fmeasure
    )


@given(st.text(min_size=1, max_size=40))
def test_the_same_text_is_1(text):
    if text.strip():
        assert measured("chrf", text, text) == 1.0
        assert measured("bleu", text, text) == 1.0
    if any(sign.isalnum() for sign in text):
        assert measured("rouge_l", text, text) == 1.0


@pytest.mark.parametrize("text", ["Привет мир", "今天 天气", "Grüße aus Köln", "مرحبا بالعالم"])
def test_other_scripts_are_no_zero(text):
    assert measured("rouge_l", text, text) == 1.0
    assert 0 < measured("rouge_l", text, text.split()[0]) < 1


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_answer_is_0(name):
    assert measured(name, "the cat", "") == 0.0
    assert measured(name, "the cat", " \n") == 0.0


def test_rouge_l_reads_the_first_thousand_words():
    first = " ".join(f"w{number}" for number in range(1000))
    assert measured("rouge_l", first, f"{first} more") == 1.0
    assert measured("rouge_l", f"more {first}", first) < 1.0
