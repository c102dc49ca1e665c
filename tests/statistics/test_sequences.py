"""Limits that hold at every look, against another implementation and against chance."""

import math

import numpy as np
import pytest
import ville
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.statistics.sequences import boundary, precision_for, ratio_evidence

ALPHAS = st.floats(0.0005, 0.4)


@given(st.floats(0.5, 1e5), ALPHAS, st.floats(0.1, 1e4))
def test_the_boundary_is_that_of_another_implementation(time, alpha, precision):
    theirs = float(ville.normal_mixture(time, alpha, precision, one_sided=True))
    assert boundary(time, alpha, precision) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("time", [10.0, 1500.0])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 8])
def test_it_is_tightest_where_asked(time, alpha):
    chosen = precision_for(time, alpha)
    assert chosen == pytest.approx(ville.best_rho(time, alpha, one_sided=True), rel=1e-4)
    for other in (chosen / 2, chosen * 2):
        assert boundary(time, alpha, chosen) < boundary(time, alpha, other)


def test_a_walk_crosses_it_as_rarely_as_said_however_often_one_looks():
    rng = np.random.default_rng(7)
    alpha, precision = 0.05, precision_for(300.0, 0.05)
    limits = np.array([boundary(n, alpha, precision) for n in range(1, 1001)])
    walks = np.cumsum(rng.normal(size=(4000, 1000)), axis=1)
    crossed = (walks > limits).any(axis=1).mean()
    # A fixed limit would be crossed by a third; 4,000 walks leave three standard errors of 0.01.
    assert 0.01 < crossed < 0.05 + 0.011
    assert (walks > 1.645 * np.sqrt(np.arange(1, 1001))).any(axis=1).mean() > 0.3


@pytest.mark.parametrize(
    ("time", "alpha", "precision"), [(0.0, 0.05, 1.0), (1.0, 0.5, 1.0), (1.0, 0.05, 0.0)]
)
def test_what_is_no_time_or_error_is_refused(time, alpha, precision):
    with pytest.raises(ValueError, match="expected"):
        boundary(time, alpha, precision)


def test_sides_that_fall_as_they_should_are_not_called_uneven():
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(400):
        hits = np.cumsum(rng.random(5000) < 0.05)
        alarms += any(
            ratio_evidence([(0.05, n, int(hits[n - 1]))]) > math.log(1 / 0.05)
            for n in range(100, 5001, 100)
        )
    assert alarms / 400 < 0.05 + 0.033  # three standard errors


def test_uneven_sides_are_found_in_any_stage_and_add_up():
    even, uneven = (0.05, 4000, 200), (0.10, 4000, 300)
    assert ratio_evidence([even]) < 0 < math.log(1000) < ratio_evidence([even, uneven])
    both = ratio_evidence([even]) + ratio_evidence([uneven])
    assert ratio_evidence([even, uneven]) == pytest.approx(both)
    assert ratio_evidence([]) == 0.0
