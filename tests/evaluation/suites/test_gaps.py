"""How far a gain shrinks, with an interval that errs no more often than it says."""

import random

import pytest

from tunesmith.evaluation.suites.gaps import Gap
from tunesmith.statistics import BinaryComparison


def compared(n, wins=0, losses=0):
    return BinaryComparison(n, n, wins, losses)


def test_a_gain_that_vanishes_is_a_gap_and_the_test_agrees_with_the_interval():
    gap = Gap(compared(60, wins=50), compared(60, wins=5))
    assert gap.estimate == pytest.approx(-0.75)
    assert gap.p_below(-0.15) < 1e-4
    for alpha in (0.01, 0.05, 0.2):
        interval = gap.interval(1 - 2 * alpha)
        assert interval.low < gap.estimate < interval.high
        for bound in (-0.9, -0.8, -0.7, -0.6, -0.5):
            p = gap.p_below(bound)
            if not 0.9 * alpha < p < 1.1 * alpha:  # it is found within 6 %
                assert (p <= alpha) == (interval.high < bound)


def test_two_models_that_agree_show_no_gap_and_few_rows_do_not_say_that_there_is_none():
    gap = Gap(compared(60), compared(60))
    assert gap.p_below(-0.1) == 1.0
    assert gap.p_above(-0.15) <= 0.05
    few = Gap(compared(10), compared(10))
    assert few.p_above(-0.15) > 0.05
    assert few.pairs_needed(-0.15, 0.05) > 20


def test_a_gap_beyond_the_bound_needs_no_more_pairs():
    assert Gap(compared(60, wins=50), compared(60, wins=5)).pairs_needed(-0.15, 0.05) is None


@pytest.mark.parametrize(("gained", "kept"), [(0.9, 0.75), (0.3, 0.15), (0.5, 0.35)])
def test_a_gap_just_as_wide_as_allowed_is_called_wider_in_one_case_of_twenty_at_most(gained, kept):
    draw = random.Random(5)
    wider = 0
    for _ in range(150):
        sides = [
            compared(40, wins=sum(draw.random() < rate for _ in range(40)))
            for rate in (gained, kept)
        ]
        wider += Gap(*sides).interval(0.9).high < -0.15
    assert wider <= 12  # 7.5 expected at 5 %; 13 or more would come in one of thirty such tests
