"""How an answer is read as a label, and what accuracy and macro F1 make of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tests.made_rows import chat
from tunesmith.evaluation.metrics import METRICS, MetricParams, set_value
from tunesmith.evaluation.metrics.labels import read_label
from tunesmith.records import Score

KINDS = ("billing", "not spam", "spam", "Technical Fault")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("billing", "billing"),
        (" Billing.\n", "billing"),
        ("**BILLING**", "billing"),
        ('"technical  fault"', "Technical Fault"),
        ("Category: billing", "billing"),
        ("ｂｉｌｌｉｎｇ", "billing"),  # full width
        ("The category is billing.", "billing"),
        ("It is a technical fault, I think.", "Technical Fault"),
        ("spam", "spam"),
        ("not spam", "not spam"),
        ("This is not spam.", "not spam"),  # the longer label, once
        ("This is spam.", "spam"),
        ("It isn't spam.", None),
        ("I can't help with billing.", None),
        ("billing or spam", None),
        ("spam, not billing", None),
        ("Category: billing\nCategory: spam", None),
        ("rebilling", None),
        ("billings", None),
        ("", None),
        ("...", None),
        ("Something else", None),
        ("word " * 30 + "billing", None),
        ("billing billing", "billing"),
    ],
)
def test_an_answer_is_read_by_the_rule(answer, label):
    assert read_label(answer, KINDS) == label


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("+", "+"),
        (" - ", "-"),
        ("5", "5"),
        ("25", None),
        ("4.5", None),
        ("It is -5.", None),
        ("It is 5.", "5"),
    ],
)
def test_labels_of_signs_and_figures(answer, label):
    assert read_label(answer, ("+", "-", "5")) == label


def test_of_two_labels_that_begin_alike_the_longer_counts():
    assert read_label("I call it spam mail.", ("spam", "spam mail")) == "spam mail"
    assert read_label("I call it spam.", ("spam", "spam mail")) == "spam"


def test_yes_and_no_are_labels_though_no_is_a_negation():
    assert read_label("No", ("yes", "no")) == "no"
    assert read_label("No, it is late.", ("yes", "no")) == "no"
    assert read_label("No, it is not late.", ("yes", "no")) is None


@given(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True), st.text(max_size=30))
def test_the_order_of_the_labels_makes_no_difference(labels, answer):
    assert read_label(answer, tuple(labels)) == read_label(answer, tuple(reversed(labels)))


def scored(pairs, labels=("a", "b", "c", "d")):
    names, params = ("label_accuracy", "macro_f1"), MetricParams(labels=labels)
    scores = []
    for number, (expected, output) in enumerate(pairs):
        found = {name: METRICS[name](chat("q", expected), output, params) for name in names}
        scores.append(
            Score(
                row_id=str(number), group_id="g",
                values={name: value.value for name, value in found.items()},
                evidence={name: value.evidence for name, value in found.items() if value.evidence},
            )
        )  # fmt: skip
    return scores


def test_macro_f1_by_hand():
    # a: 2 right, 1 missed, 0 too many: 4/5. b: 1 right, 0 missed, 1 too many: 2/3.
    scores = scored([("a", "a"), ("a", "A."), ("a", "b"), ("b", "b")])
    assert set_value("macro_f1", scores) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert set_value("label_accuracy", scores) == 0.75


def test_an_answer_that_is_no_label_is_a_miss_and_no_class():
    scores = scored([("a", "a"), ("a", "who knows"), ("b", "b")])
    assert set_value("macro_f1", scores) == pytest.approx((2 / 3 + 1) / 2)
    assert set_value("label_accuracy", scores) == pytest.approx(2 / 3)
    assert scores[1].evidence["label_accuracy"] == "no label"
    assert scored([("a", "b")])[0].evidence["label_accuracy"] == "read as 'b'"


def test_a_row_whose_answer_is_no_label_is_left_out_and_says_so():
    scores = scored([("a", "a"), ("e", "a")])
    assert set_value("label_accuracy", scores) == set_value("macro_f1", scores) == 1.0
    assert scores[1].evidence["macro_f1"] == "the reference answer is none of the labels"
    assert set_value("macro_f1", scored([("e", "a")])) is None
    assert "there are no labels" in scored([("a", "a")], labels=())[0].evidence["label_accuracy"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1))
def test_macro_f1_is_that_of_scikit_learn(pairs):
    expected, found = zip(*pairs, strict=True)
    names = sorted({*expected, *found})
    theirs = f1_score(expected, found, labels=names, average="macro", zero_division=0)
    assert set_value("macro_f1", scored(pairs)) == pytest.approx(theirs)
