"""The interval of a figure over a set: what it refuses, what it holds."""

import numpy as np
import pytest

from tunesmith.statistics import TooFewPairs
from tunesmith.statistics.resampled import set_interval


def mean(rows):
    return sum(rows) / len(rows)


def test_too_few_rows_or_groups_are_refused():
    rows = list(range(99))
    with pytest.raises(TooFewPairs, match="99 rows"):
        set_interval(mean, rows, [str(n) for n in rows], 0.9, seed=0)
    rows = list(range(200))
    with pytest.raises(TooFewPairs, match="39 groups"):
        set_interval(mean, rows, [str(n % 39) for n in rows], 0.9, seed=0)


def test_of_a_mean_it_is_as_wide_as_theory_says():
    rng = np.random.default_rng(3)
    rows = list(rng.normal(size=400))
    found = set_interval(mean, rows, [str(n) for n in range(400)], 0.9, seed=0)
    assert found.estimate == pytest.approx(mean(rows))
    assert found.high - found.low == pytest.approx(2 * 1.645 * np.std(rows) / 20, rel=0.15)
    assert (found.n, found.clusters) == (400, 400)


def test_rows_that_move_as_one_make_it_wider():
    rng = np.random.default_rng(3)
    rows = list(np.repeat(rng.normal(size=100), 4))
    alone = set_interval(mean, rows, [str(n) for n in range(400)], 0.9, seed=0)
    grouped = set_interval(mean, rows, [str(n // 4) for n in range(400)], 0.9, seed=0)
    assert grouped.high - grouped.low > 1.6 * (alone.high - alone.low)


def test_the_same_seed_gives_the_same():
    rows, groups = list(range(120)), [str(n) for n in range(120)]
    once, again = (set_interval(mean, rows, groups, 0.9, seed=5) for _ in range(2))
    assert once == again


def test_groups_are_drawn_with_all_their_rows():
    rows = [0.0, 1.0] * 60
    found = set_interval(mean, rows, [str(n // 2) for n in range(120)], 0.9, seed=0)
    assert (found.low, found.high) == (0.5, 0.5)
