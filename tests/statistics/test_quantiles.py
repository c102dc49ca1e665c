"""A quantile beside a bound: exact at any n, and the interval is the test turned round."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tunesmith.statistics.quantiles import fewest, quantile

ALPHA = 0.05


def of(n, over, bound=2.0):
    """`n` values of which so many lie over the bound."""
    return quantile([1.0] * (n - over) + [3.0] * over, 0.95), bound


@pytest.mark.parametrize(("n", "over", "passes"), [
    (58, 0, False), (59, 0, True), (92, 1, False), (93, 1, True), (123, 2, False), (124, 2, True),
])  # fmt: skip
def test_so_many_of_so_many_may_lie_over_the_bound(n, over, passes):
    found, bound = of(n, over)
    assert (found.p_within(bound) <= ALPHA) is passes
    assert found.p_within(bound) == pytest.approx(binom.cdf(over, n, 0.05))


@pytest.mark.parametrize(("n", "over", "beyond"), [(60, 6, False), (60, 7, True), (2, 2, True)])
def test_too_many_over_it_are_credibly_beyond(n, over, beyond):
    found, bound = of(n, over)
    assert (found.p_beyond(bound) <= ALPHA) is beyond
    assert found.p_beyond(bound) == pytest.approx(binom.sf(over - 1, n, 0.05))


def test_what_lies_on_the_bound_is_within_it():
    found = quantile([2.0] * 59, 0.95)
    assert found.p_within(2.0) <= ALPHA
    assert found.p_within(1.999) == pytest.approx(1.0)


@given(
    st.lists(st.integers(0, 30).map(float), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.8, 0.95, 0.99]),
    st.integers(-1, 31).map(float),
)
def test_a_bound_passes_just_where_it_is_over_the_upper_limit(values, share, bound):
    found = quantile(values, share)
    interval = found.interval(1 - 2 * ALPHA)
    assert (found.p_within(bound) <= ALPHA) is (bound >= interval.high)
    assert (found.p_beyond(bound) <= ALPHA) is (bound < interval.low)
    assert interval.low <= interval.estimate <= interval.high
    assert sum(value <= interval.estimate for value in values) >= share * len(values) - 1e-9


def test_too_few_values_set_no_upper_limit():
    assert fewest(0.95, ALPHA) == 59
    assert fewest(0.5, ALPHA) == 5
    few, enough = (quantile([float(at) for at in range(n)], 0.95) for n in (58, 59))
    assert few.interval(0.9).high == math.inf
    assert few.smallest_gap(ALPHA) is None
    assert enough.interval(0.9).high == 58.0


def test_each_side_of_the_interval_misses_in_at_most_its_share_of_samples():
    draw = random.Random(4)
    over = under = 0
    for _ in range(2_000):
        found = quantile([draw.expovariate(1.0) for _ in range(80)], 0.9).interval(0.9)
        truth = math.log(10.0)
        over += found.low > truth
        under += found.high < truth
    assert 0.02 < over / 2_000 <= 0.05 + 0.0125
    assert 0.02 < under / 2_000 <= 0.05 + 0.0125


def test_so_many_more_would_show_it():
    found, bound = of(100, 2)
    needed = found.needed(bound, ALPHA)
    assert needed is not None
    most = max(count for count in range(needed) if binom.cdf(count, needed, 0.05) <= ALPHA)
    assert binom.cdf(most, needed, 0.02) >= 0.8
    assert 150 < needed < 400
    assert of(30, 0)[0].needed(2.0, ALPHA) == 59
    assert of(100, 5)[0].needed(2.0, ALPHA) is None


def test_a_bound_so_far_off_is_shown_four_times_in_five():
    draw = random.Random(9)
    gap = quantile([draw.expovariate(1.0) for _ in range(20_000)], 0.95).smallest_gap(ALPHA)
    assert gap is not None
    shown = 0
    for _ in range(300):
        found = quantile([draw.expovariate(1.0) for _ in range(2_000)], 0.95)
        far = math.log(20.0) + found.smallest_gap(ALPHA)
        shown += found.p_within(far) <= ALPHA
    assert 0.7 < shown / 300 < 0.9
    assert 0.0 < gap < 0.2


@pytest.mark.parametrize(("values", "share"), [([], 0.9), ([math.inf], 0.9), ([1.0], 1.0)])
def test_nothing_to_measure_is_refused(values, share):
    with pytest.raises(ValueError, match="expected"):
        quantile(values, share)
