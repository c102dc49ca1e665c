"""Gaffke's test of a mean: what it refuses, what it knows of unseen harm, and how often it errs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.statistics import TooFewPairs, compare_means, mean_interval, means, paired_mean
from tunesmith.statistics.intervals import proportion


def sample(n=120, seed=0, gain=0.1):
    rng = np.random.default_rng(seed)
    control = rng.uniform(0.2, 0.6, n)
    return np.clip(control + gain + rng.exponential(0.1, n) - 0.1, 0.0, 1.0), control


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(means, "DRAWS", 399)


def test_99_pairs_are_too_few_and_100_are_not(few_draws):
    with pytest.raises(TooFewPairs, match=r"99 pairs; .* at least 100") as refusal:
        compare_means(*sample(99), seed=0)
    assert (refusal.value.n, refusal.value.needed, refusal.value.unit) == (99, 100, "pairs")
    assert compare_means(*sample(100), seed=0).n == 100


def test_39_groups_are_too_few_and_40_are_not(few_draws):
    with pytest.raises(TooFewPairs) as refusal:
        compare_means(*sample(400), [str(i % 39) for i in range(400)], seed=0)
    assert (refusal.value.n, refusal.value.needed, refusal.value.unit) == (39, 40, "groups")
    assert compare_means(*sample(400), [str(i % 40) for i in range(400)], seed=0).clusters == 40


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(bad):
    treated, control = sample()
    treated[17] = bad
    with pytest.raises(ValueError, match="treated value 17"):
        compare_means(treated, control, seed=0)
    with pytest.raises(ValueError, match="control value 17"):
        compare_means(control, treated, seed=0)


def test_unequal_lengths_and_missing_groups_are_refused():
    treated, control = sample()
    with pytest.raises(ValueError, match="120 treated and 119 control"):
        compare_means(treated, control[1:], seed=0)
    with pytest.raises(ValueError, match="1 groups for 120 rows"):
        compare_means(treated, control, ["a"], seed=0)


def test_agrees_with_the_definition_draw_by_draw(few_draws):
    treated, control = sample(150, seed=3)
    groups = [str(i // 3) for i in range(150)]
    comparison = compare_means(treated, control, groups, seed=11)
    difference = (treated - control).reshape(50, 3)
    assert comparison.estimate == pytest.approx(difference.mean())
    totals = (difference - difference.mean()).sum(axis=1)
    error = math.sqrt(50 / 49 * (totals**2).sum()) / 150
    assert comparison.standard_error == pytest.approx(error)

    rng = np.random.default_rng(11)
    weights, added = rng.standard_exponential((399, 50)), rng.standard_exponential(399)
    for end, side in ((-1.0, comparison.lowest), (1.0, comparison.highest)):
        found = [
            # A group of three that is as bad, or as good, as can be.
            np.average([*group_means, end], weights=[*weights[draw], added[draw]])
            for draw, group_means in enumerate([difference.mean(axis=1)] * 399)
        ]
        assert side == pytest.approx(np.sort([end, *found]))
    interval = comparison.interval(0.9)
    # With their end, these are 400; 20 of them leave 5 % on each side.
    assert interval.low == comparison.lowest[20]
    assert interval.high == comparison.highest[-21]
    assert comparison.p_above(0.0) == (comparison.lowest <= 0.0).mean()
    assert comparison.p_below(0.2) == (comparison.highest >= 0.2).mean()


@given(st.integers(0, 10**6), st.floats(-0.3, 0.3))
@settings(max_examples=20, deadline=None)
def test_a_bound_is_outside_the_interval_exactly_if_its_p_value_is_small(seed, bound):
    comparison = compare_means(*sample(100, seed=seed, gain=0.02), seed=seed)
    interval = comparison.interval(0.9)
    for limit in (bound, interval.low, interval.high):
        assert (comparison.p_above(limit) <= 0.05) == (interval.low > limit)
        assert (comparison.p_below(limit) <= 0.05) == (interval.high < limit)
    assert -1.0 < interval.low < interval.estimate < interval.high < 1.0
    wider = comparison.interval(0.99)
    assert wider.low <= interval.low < interval.high <= wider.high


@pytest.mark.parametrize("hits", [0, 4, 60, 100])
def test_of_yes_and_no_the_limits_are_those_of_clopper_and_pearson(hits):
    found = mean_interval([1.0] * hits + [0.0] * (100 - hits), 0.9, seed=0)
    exact = proportion(hits, 100, 0.9)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.003)


def test_no_difference_at_all_still_leaves_room_for_harm_in_a_twentieth():
    nothing = np.full(100, 0.5)
    interval = paired_mean(nothing, nothing, 0.9, seed=0)
    assert interval.low == pytest.approx(-(1 - 0.05 ** (1 / 100)), abs=0.002)
    assert interval.high == pytest.approx(-interval.low, abs=1e-12)


def test_small_gains_everywhere_do_not_hide_harm_that_may_be_rare():
    # A bootstrap calls these better for sure. One ruined answer in 120 would undo the gains, and
    # 200 pairs without one are no rarity then.
    gains = np.random.default_rng(0).uniform(0.0, 0.017, 200)
    comparison = compare_means(0.5 + gains, np.full(200, 0.5), seed=0)
    assert comparison.p_above(0.0) > 0.1
    assert compare_means(0.5 + 2 * gains, np.full(200, 0.5), seed=0).p_above(0.0) < 0.05


def test_swapping_the_models_turns_everything_round():
    treated, control = sample()
    ours, theirs = (compare_means(*x, seed=5) for x in ((treated, control), (control, treated)))
    here, there = ours.interval(0.95), theirs.interval(0.95)
    assert (here.low, here.high) == pytest.approx((-there.high, -there.low))
    assert ours.p_above(-0.02) == pytest.approx(theirs.p_below(0.02))


def test_the_seed_fixes_the_result():
    treated, control = sample()
    interval = paired_mean(treated, control, 0.9, seed=5)
    assert paired_mean(treated, control, 0.9, seed=5) == interval
    other = paired_mean(treated, control, 0.9, seed=6)
    assert interval.low != other.low == pytest.approx(interval.low, abs=0.002)


def test_a_range_that_is_not_0_to_1_is_the_one_seen(few_draws):
    treated, control = sample()
    ours, theirs = 1 + 99 * treated, 1 + 99 * control
    comparison = compare_means(ours, theirs, seed=5)
    span = max(ours.max(), theirs.max()) - min(ours.min(), theirs.min())
    assert (comparison.lowest[0], comparison.highest[-1]) == (-span, span)
    assert comparison.method == "Gaffke, range as observed"
    once, again = paired_mean(ours, theirs, 0.9, seed=5), paired_mean(-ours, -theirs, 0.9, seed=5)
    assert (once.low, once.high) == pytest.approx((-again.high, -again.low))


def test_copies_within_groups_add_no_evidence():
    treated, control = sample(100)
    once = paired_mean(treated, control, 0.9, seed=5)
    copied = paired_mean(
        np.repeat(treated, 3), np.repeat(control, 3), 0.9, [str(i // 3) for i in range(300)], seed=5
    )
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    assert (copied.n, copied.clusters) == (300, 100)
    assert (once.method, copied.method) == ("Gaffke", "Gaffke, by groups")


def test_the_group_that_is_added_is_as_large_as_that_of_the_average_row(few_draws):
    groups = [*(str(i) for i in range(90)), *["large"] * 10]
    nothing = compare_means(np.zeros(100), np.zeros(100), groups, seed=0)
    rng = np.random.default_rng(0)
    sizes = np.array([1.0] * 90 + [10.0])
    weights, added = rng.standard_exponential((399, 91)) @ sizes, rng.standard_exponential(399)
    size = (90 * 1 + 10 * 10) / 100
    expected = np.sort([-1.0, *(-size * added / (weights + size * added))])
    assert nothing.lowest == pytest.approx(expected)


def test_a_single_models_mean():
    values = np.random.default_rng(0).exponential(2.0, 400)
    interval = mean_interval(values, 0.9, seed=0)
    assert interval.low < interval.estimate == values.mean() < interval.high
    assert interval.high - interval.estimate > interval.estimate - interval.low  # skewed
    with pytest.raises(TooFewPairs):
        mean_interval(values[:99], 0.9, seed=0)
    share = mean_interval(values / 1000, 0.9, seed=0)
    assert share.low == pytest.approx(0.0019, abs=2e-4)
    assert share.high > 0.008  # of 400 answers from 0 to 1, one in 140 may be 1 unseen


def test_a_confidence_beyond_the_draws_claims_nothing(few_draws):
    interval = paired_mean(*sample(), 0.999, seed=0)
    assert (interval.low, interval.high) == (-1.0, 1.0)
    comparison = compare_means(*sample(), seed=0)
    assert (comparison.p_above(-2.0), comparison.p_below(2.0)) == (1 / 400, 1 / 400)


def hidden_harm(rng, n):
    """Gains of about a hundredth, undone by one answer in a hundred that is ruined."""
    return np.where(rng.random(n) < 0.01, -1.0, rng.uniform(0.0, 0.02, n) / 0.99)


@pytest.mark.parametrize("shape", ["hidden harm", "zeros", "wide", "groups"])
def test_errs_at_most_at_the_stated_rate(few_draws, shape):
    rng = np.random.default_rng(42)
    runs, above, below = 500, 0, 0
    for seed in range(runs):
        groups = None
        if shape == "hidden harm":
            values = hidden_harm(rng, 150)
        elif shape == "zeros":
            values = rng.choice([0.0, 0.3, -0.3], size=200, p=[0.6, 0.2, 0.2])
        elif shape == "wide":
            values = rng.uniform(-1.0, 1.0, 200)
        else:
            values = np.repeat(hidden_harm(rng, 100), 3) + np.tile([-0.01, 0.0, 0.01], 100)
            values = np.clip(values, -1.0, 1.0)
            groups = [str(i // 3) for i in range(300)]
        comparison = compare_means(np.maximum(values, 0), np.maximum(-values, 0), groups, seed=seed)
        above += comparison.p_above(0.0) <= 0.05
        below += comparison.p_below(0.0) <= 0.05
    assert max(above, below) / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    if shape == "wide":  # the price is small where the differences are not
        assert min(above, below) / runs > 0.02


def test_what_it_could_have_seen_and_what_would_settle_it():
    comparison = compare_means(*sample(), seed=0)
    low = comparison.interval(0.9).low
    effect = comparison.smallest_effect(alpha=0.05)
    # The lower limit must clear the bound, in four cases of five.
    expected = comparison.estimate - low + 0.8416 * comparison.standard_error
    assert effect == pytest.approx(expected, rel=1e-3)
    assert comparison.smallest_margin(alpha=0.05) == effect
    assert comparison.pairs_needed(comparison.estimate - effect, alpha=0.05) == pytest.approx(
        120, abs=1
    )
    half, quarter = (
        comparison.pairs_needed(comparison.estimate - effect / part, alpha=0.05) for part in (2, 4)
    )
    assert 240 < half < 4 * 120 < quarter < 16 * 120  # between those of the worst and of scatter
    assert comparison.pairs_needed(bound=comparison.estimate, alpha=0.05) is None


def test_pairs_needed_in_the_textbook_case_of_no_difference():
    # 59 pairs that do not differ show a margin of 0.05: 0.95**59 is the first below 0.05.
    comparison = compare_means(np.zeros(100), np.zeros(100), seed=0)
    assert comparison.pairs_needed(-0.05, alpha=0.05) == pytest.approx(59, abs=2)
    assert comparison.smallest_margin(alpha=0.05) == pytest.approx(0.0295, abs=0.001)


def test_the_smallest_effect_is_never_more_than_the_range():
    values = np.tile([1.0, 0.0], 50)
    comparison = compare_means(values, 1.0 - values, seed=0)
    assert comparison.smallest_effect(alpha=1e-9) == 1.0
