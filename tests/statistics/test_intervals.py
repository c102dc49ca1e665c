"""A single model's rate, and that the package stays light."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.statistics import proportion


def test_proportion_agrees_with_published_limits():
    # 13 of 16: Fagerland, Lydersen and Laake (2017), chapter 2, Clopper-Pearson.
    interval = proportion(13, 16, 0.95)
    assert (interval.low, interval.high) == pytest.approx((0.5435, 0.9595), abs=5e-5)
    assert (interval.n, interval.clusters, interval.estimate) == (16, 16, 0.8125)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_proportion_leaves_half_of_the_error_on_each_side(counts):
    successes, n = counts
    interval = proportion(successes, n, 0.9)
    if successes:
        at_least = sum(tail(k, n, interval.low) for k in range(successes, n + 1))
        assert at_least == pytest.approx(0.05)
    else:
        assert interval.low == 0.0
    if successes < n:
        at_most = sum(tail(k, n, interval.high) for k in range(successes + 1))
        assert at_most == pytest.approx(0.05)
    else:
        assert interval.high == 1.0


def tail(k, n, rate):
    return math.comb(n, k) * rate**k * (1 - rate) ** (n - k)


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_proportion_of_impossible_counts_is_refused(successes, n):
    with pytest.raises(ValueError, match=f"{successes} successes of {n}"):
        proportion(successes, n, 0.9)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, math.nan])
def test_confidence_that_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        proportion(1, 2, confidence)


def test_importing_the_package_does_not_load_scipy():
    code = "import sys, tunesmith.statistics; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
