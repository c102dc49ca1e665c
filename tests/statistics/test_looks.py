"""What the looks at a set spend."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.statistics.looks import LIMIT, wear


def test_ten_verdicts_at_five_per_cent() -> None:
    assert [wear([0.05] * looks).left for looks in (1, 9, 10, 11)] == [9, 1, 0, 0]
    assert not wear([0.05] * 9).worn_out
    assert wear([0.05] * 10).worn_out
    assert wear([0.05] * 10).spent == pytest.approx(LIMIT)


def test_a_stricter_gate_lasts_longer() -> None:
    assert wear([0.01]).left == 49
    assert wear([0.05] * 8 + [0.01]).left == 9


def test_nothing_is_spent_more_than_wholly() -> None:
    assert wear([0.4] * 9).spent == 1.0


@given(st.lists(st.floats(0.001, 0.499), min_size=1, max_size=30))
def test_a_look_never_adds_to_what_is_left(alphas: list[float]) -> None:
    found = wear(alphas)
    again = wear([*alphas, alphas[-1]])
    assert found.looks == len(alphas)
    assert again.left == max(found.left - 1, 0)
    assert found.worn_out or wear([*alphas, *[alphas[-1]] * found.left]).worn_out


def test_so_often_a_bad_candidate_gets_through() -> None:
    """The bound holds for verdicts that err at their `alpha` each, independent of each other."""
    dice = random.Random(0)
    wrong = sum(any(dice.random() < 0.05 for _ in range(10)) for _ in range(4000)) / 4000
    assert 0.35 < wrong < wear([0.05] * 10).spent


@pytest.mark.parametrize("alphas", [[], [0.0], [0.05, 0.5], [-0.1]])
def test_errors_that_no_verdict_has(alphas: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        wear(alphas)
