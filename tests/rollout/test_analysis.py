"""Treatment minus control: within blocks, by unit, and in the open until enough is known."""

import math

import numpy as np
import pytest

from tunesmith.rollout.analysis import FEWEST_UNITS, Requests, difference


def requests(rows):
    """Requests from rows of (block, treated, unit, count, value)."""
    block, treated, unit, count, value = (np.array(column) for column in zip(*rows, strict=True))
    return Requests(
        np.repeat(block, count), np.repeat(treated, count), np.repeat(unit, count),
        np.repeat(value.astype(float), count),
    )  # fmt: skip


def test_a_drift_while_the_weight_grows_is_no_difference():
    # Quality falls from 90 to 50 % while the treatment grows from 5 to 50 %; both are equal.
    rows, unit = [], 0
    for block, (share, quality) in enumerate([(0.05, 0.9), (0.5, 0.5)]):
        for number in range(1000):
            unit += 1
            treated = number < 1000 * share
            side = 1000 * share if treated else 1000 * (1 - share)
            at = number if treated else number - 1000 * share
            rows.append((block, treated, unit, 1, at < side * quality))
    found = difference(requests(rows))
    assert found.estimate == pytest.approx(0.0, abs=1e-9)
    pooled = difference(requests([(0, *row[1:]) for row in rows]))
    assert pooled.estimate < -0.1
    assert pooled.high(0.05) < 0


def test_requests_of_one_unit_are_not_taken_for_independent_ones():
    rng = np.random.default_rng(1)
    right = rng.random(400) < 0.8
    once = [(0, unit < 80, unit, 1, right[unit]) for unit in range(400)]
    often = [(0, unit < 80, unit, 10, right[unit]) for unit in range(400)]
    one, ten = difference(requests(once)), difference(requests(often))
    assert ten.estimate == pytest.approx(one.estimate)
    assert ten.time == pytest.approx(10 * one.time)
    # The standard error stays, though there are ten times as many requests.
    error, other = one.deviation / one.time**0.5, ten.deviation / ten.time**0.5
    assert other == pytest.approx(error, rel=0.06)


def test_its_standard_error_is_that_of_two_means():
    rng = np.random.default_rng(2)
    value = rng.normal(size=500)
    rows = [(0, unit < 100, unit, 1, value[unit]) for unit in range(500)]
    found = difference(requests(rows))
    assert found.estimate == pytest.approx(value[:100].mean() - value[100:].mean())
    expected = math.sqrt(value[:100].var() / 100 + value[100:].var() / 400)
    assert found.deviation / math.sqrt(found.time) == pytest.approx(expected)
    assert (found.treated, found.control, found.treated_units) == (100, 400, 100)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_a_relative_difference_hangs_on_no_unit_of_measurement(scale):
    rng = np.random.default_rng(3)
    value = scale * rng.lognormal(size=500)
    value[:100] *= 1.5
    rows = [(unit % 3, unit < 100, unit, 1, value[unit]) for unit in range(500)]
    found = difference(requests(rows), relative=True)
    first = difference(requests([(*row[:4], row[4] / scale) for row in rows]), relative=True)
    assert found.estimate == pytest.approx(first.estimate)
    assert found.low(0.05) == pytest.approx(first.low(0.05))
    assert found.low(0.05) < 0.5 < found.high(0.05)


def test_nothing_is_said_before_there_are_enough_units():
    for treated in (FEWEST_UNITS - 1, FEWEST_UNITS):
        rows = [(0, unit < treated, unit, 1, unit % 2) for unit in range(400)]
        found = difference(requests(rows))
        assert math.isinf(found.high(0.05)) == (treated < FEWEST_UNITS)
        assert math.isinf(found.low(0.05)) == (treated < FEWEST_UNITS)


def test_never_yet_is_not_never():
    """None of 100 and of 1,000 requests failed: the second says more."""
    reach = []
    for treated in (100, 1000):
        rows = [(0, unit < treated, unit, 1, 0) for unit in range(10 * treated)]
        found = difference(requests(rows))
        assert (found.estimate, found.treated_mean) == (0.0, 0.0)
        reach.append(found.high(0.05))
    # Exactly, 0 of n shows what is below 3 / n, at one look.
    assert reach[0] > 3 / 100
    assert 3 / 1000 < reach[1] < 6 / 1000


@pytest.mark.parametrize("value", [0.1, 0.3, 0.7, 0.9, 4.2])
def test_what_is_the_same_everywhere_differs_by_nothing(value):
    """Such as what a missing rating counts as: sums of it are rounded, and no two alike."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        size = int(rng.integers(1000, 5000))
        all_same = Requests(
            rng.integers(0, 7, size), rng.random(size) < 0.1, np.arange(size), np.full(size, value)
        )
        found = difference(all_same)
        assert (found.estimate, found.low(0.005), found.high(0.005)) == (0.0, 0.0, 0.0)
        assert found.control_mean == found.treated_mean == value


def test_a_share_of_a_control_that_has_nothing_is_none():
    """Nor where sums are rounded: whatever the first value is, a control of zeros stays one."""
    side = np.arange(900) % 3 == 0
    value = np.where(side, 0.7, 0.0)
    nothing = Requests(np.zeros(900, dtype=int), side, np.arange(900), value)
    assert math.isnan(difference(nothing, relative=True).estimate)


@pytest.mark.parametrize(
    "amount", [lambda rng, n: np.full(n, 20.0), lambda rng, n: rng.lognormal(3, 1, n)],
    ids=["a price", "a sum"],
)  # fmt: skip
def test_what_is_rarely_anything_is_not_soon_taken_for_nothing(amount):
    """Equal sides, of which 0.3 % of the requests bring money, looked at eight times."""
    rng = np.random.default_rng(3)
    worse = 0
    for _ in range(100):
        block, treated, value = (
            np.repeat(np.arange(8), 1000),
            rng.random(8000) < 0.05,
            np.zeros(8000),
        )
        hits = rng.random(8000) < 0.003
        value[hits] = amount(rng, int(hits.sum()))
        seen = (
            Requests(block[:n], treated[:n], np.arange(n), value[:n])
            for n in range(1000, 8001, 1000)
        )
        worse += any(difference(each).high(0.005) < 0 for each in seen)
    assert worse <= 3


def test_blocks_with_one_side_alone_tell_nothing():
    rows = [(0, False, unit, 1, 1) for unit in range(300)]
    assert math.isnan(difference(requests(rows)).estimate)
    assert math.isinf(difference(requests(rows)).high(0.05))
    more = [(1, unit < 400, unit, 1, 1) for unit in range(300, 600)]
    found = difference(requests(rows + more))
    assert (found.control, found.treated) == (200, 100)


def test_the_order_of_the_requests_does_not_matter():
    rng = np.random.default_rng(4)
    rows = [(unit % 4, bool(unit % 5 == 0), unit % 150, 2, rng.integers(3)) for unit in range(600)]
    turned = [rows[at] for at in rng.permutation(600)]
    one, other = difference(requests(rows)), difference(requests(turned))
    assert one.estimate == pytest.approx(other.estimate)
    assert one.deviation == pytest.approx(other.deviation)


@pytest.mark.parametrize("relative", [False, True])
def test_the_error_is_that_which_samples_of_users_show(relative):
    """The standard error of one sample, against the spread of the estimates of many."""
    rng = np.random.default_rng(6)
    estimates, errors = [], []
    for _ in range(300):
        treated = rng.random(300) < 0.5
        unit = np.repeat(np.arange(300), 3)
        value = np.exp(0.3 * rng.normal(size=300))[unit] * np.exp(0.3 * rng.normal(size=900))
        value[treated[unit]] *= 2
        block = np.tile(np.arange(3), 300)
        found = difference(Requests(block, treated[unit], unit, (1 + block) * value), relative)
        estimates.append(found.estimate)
        errors.append(found.deviation / found.time**0.5)
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.1)


def test_limits_are_tightest_where_asked():
    rows = [(0, unit < 200, unit, 1, unit % 2) for unit in range(400)]
    reach = {at: difference(requests(rows), tightest=at).high(0.05) for at in (20.0, 100.0, 1500.0)}
    assert reach[100.0] < min(reach[20.0], reach[1500.0])
