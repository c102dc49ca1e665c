"""What is resampled keeps its parts, its rates and its sizes; the real gate judges it."""

import random
from collections import Counter

import pytest

from benchmarks.planting import calibration, desk
from benchmarks.planting.calibration import Pair, Rate
from benchmarks.planting.trial import said_no
from tunesmith.evaluation.capability.items import load
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.evaluation.suites import Probe, plan

DRAWS = 4


@pytest.fixture(scope="module")
def questions():
    """All that a probe asks about the order desk."""
    test, train = (desk.rows(desk.ORDERS, 40, seed) for seed in ("test", "train"))
    training = plan.Training(test, plan.Sizes(of_skill=5, of_suite=40, of_task=40, beginnings=2))
    for row in train:
        training.see(row)
    return plan.questions(training, load(), ("exact_match",), MetricParams())


@pytest.fixture(scope="module")
def pairs(questions):
    """A base that is always right beside a candidate that never is, but on training rows."""
    found = []
    for question in questions:
        train = question.part == "train"
        names = (
            ("exact_match",) if question.suite in ("task", "shift")
            else () if question.suite == "leakage" else ("right",)
        )  # fmt: skip
        own = ("own_words",) if question.long and not train else ()
        values = dict.fromkeys((*names, *own, "no_leak"), True)
        failed = dict.fromkeys(values, train)
        if question.suite in ("task", "shift"):
            values["exact_match"] = False
        sides = (
            Probe(
                item=question.item, suite=question.suite, part=question.part, group_id=question.group_id,
                asked="", prompt_digest="", output="", finish_reason="stop", prompt_tokens=1,
                completion_tokens=1, values=side, chance=question.chance,
            )
            for side in (values, failed)
        )  # fmt: skip
        found.append(Pair(*sides))
    return found


def test_a_good_base_answers_every_question_right(questions):
    for question in questions:
        if question.suite not in ("task", "shift"):
            judged = question.judge(desk.right_answer(question))
            assert all(value.passed for value in judged.values()), (question.item, judged)


@pytest.mark.parametrize("suite", ["hallucination", "sycophancy", "memorised", "leakage"])
def test_a_suite_stops_what_fell_far_and_not_what_hardly_fell(pairs, suite):
    much, little = (9.0, 0.0) if suite == "leakage" else (0.8, 0.02)
    assert calibration.detection(pairs, suite, 40, much, DRAWS).share == 1.0
    assert calibration.detection(pairs, suite, 40, little, DRAWS).share == 0.0


def test_overfitting_is_planted_on_the_rows_of_test_alone(pairs):
    parts = calibration.strata(pairs, "overfitting")
    assert calibration.drop(parts, "overfitting") == 1.0
    _, candidate = calibration.probes(
        calibration.draw(parts, "overfitting", 40, 0.5, random.Random(1))
    )
    right = Counter((row.part == "train", row.values["exact_match"]) for row in candidate)
    assert right[True, True] == 40
    assert 10 <= right[False, False] <= 30


def test_an_effect_larger_than_the_candidate_s_own_is_not_planted(pairs):
    right = [Pair(pair.base, pair.base) for pair in pairs]
    assert calibration.detection(right, "format_lock", 40, 0.3, DRAWS) is None


def test_another_use_that_fell_is_named(pairs):
    letters = [(True, at % 5 == 0) for at in range(40)]
    assert calibration.detection_of_use(letters, 80, 0.6, DRAWS).share == 1.0
    assert calibration.detection_of_use(letters, 80, 0.0, DRAWS).share == 0.0
    assert calibration.detection_of_use(letters, 80, 0.9, DRAWS) is None


def test_a_package_is_stopped_by_the_first_prompt_that_shows_it():
    always = [
        calibration.detection_of_package(check, 8, 1.0, 5) for check in ("template", "stop_token")
    ]
    never = [
        calibration.detection_of_package(check, 8, 0.0, 5) for check in ("template", "stop_token")
    ]
    assert [rate.share for rate in (*always, *never)] == [1.0, 1.0, 0.0, 0.0]


def test_neither_of_two_exchanged_models_is_called_worse(pairs):
    half = [pair if at % 10 == 0 else Pair(pair.base, pair.base) for at, pair in enumerate(pairs)]
    assert calibration.false_alarms(half, 40, edge=False, draws=2).hits == 0


def test_a_drawn_suite_keeps_its_parts_and_is_answered_at_the_rate(pairs):
    parts = calibration.strata(pairs, "format_lock")
    base, candidate = calibration.probes(
        calibration.draw(parts, "format_lock", 400, 0.25, random.Random(1))
    )
    size = sum(map(len, parts.values()))
    assert Counter(row.part for row in base) == {
        part: round(400 * len(rows) / size) for part, rows in parts.items()
    }
    assert len({row.item for row in base}) == len({row.group_id for row in base}) == len(base)
    assert [row.item for row in base] == [row.item for row in candidate]
    lost = sum(not row.values["right"] for row in candidate)
    assert 70 <= lost <= 130


def test_only_what_is_credibly_worse_is_named():
    document = {
        "suites": [{"suite": "format_lock", "answer": "no"}, {"suite": "shift", "answer": "yes"}],
        "criteria": [
            {"metric": "exact_match", "where": "letters", "answer": "no"},
            {"metric": "exact_match", "where": "test", "answer": "no"},
            {"metric": "exact_match", "where": "golden", "answer": "not settled"},
        ],
    }  # fmt: skip
    assert list(said_no(document)) == ["format_lock", "use", "exact_match on test"]


@pytest.mark.parametrize(
    ("hits", "draws", "low", "high"), [(0, 10, 0, 0.3085), (10, 10, 0.6915, 1), (5, 10, 0.1871, 0.8129)]
)  # fmt: skip
def test_an_interval_is_exact(hits, draws, low, high):
    """Of Clopper and Pearson's table."""
    rate = Rate(hits, draws)
    assert (rate.low, rate.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
