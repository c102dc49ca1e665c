"""The cluster bootstrap-t: what it refuses, and how often it errs where it does not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.statistics import (
    MeanComparison,
    TooFewPairs,
    compare_means,
    mean_interval,
    means,
    paired_mean,
)


def sample(n=120, seed=0, gain=0.1):
    rng = np.random.default_rng(seed)
    control = rng.random(n)
    return control + gain + rng.exponential(0.3, n) - 0.3, control


@pytest.fixture
def few_resamples(monkeypatch):
    monkeypatch.setattr(means, "RESAMPLES", 399)


def test_99_pairs_are_too_few_and_100_are_not(few_resamples):
    with pytest.raises(TooFewPairs, match=r"99 pairs; .* at least 100") as refusal:
        compare_means(*sample(99), seed=0)
    assert (refusal.value.n, refusal.value.needed, refusal.value.unit) == (99, 100, "pairs")
    assert compare_means(*sample(100), seed=0).n == 100


def test_39_groups_are_too_few_and_40_are_not(few_resamples):
    with pytest.raises(TooFewPairs) as refusal:
        compare_means(*sample(400), [str(i % 39) for i in range(400)], seed=0)
    assert (refusal.value.n, refusal.value.needed, refusal.value.unit) == (39, 40, "groups")
    assert compare_means(*sample(400), [str(i % 40) for i in range(400)], seed=0).clusters == 40


@pytest.mark.parametrize("tie", [0.0, -1.5])
def test_39_groups_that_are_not_all_ties_are_too_few(few_resamples, tie):
    control = np.zeros(500)
    treated = np.full(500, tie)
    treated[:39] += np.linspace(0.1, 1, 39)
    with pytest.raises(TooFewPairs) as refusal:
        compare_means(treated, control, seed=0)
    assert (refusal.value.n, refusal.value.unit) == (39, "groups that differ from the rest")
    treated[39] += 0.5
    assert compare_means(treated, control, seed=0).n == 500


@pytest.mark.parametrize(
    ("treated", "groups"),
    [
        (np.tile([1.0, -1.0], 100), [str(i // 2) for i in range(200)]),
        (np.full(200, 0.3), [str(i // 2 if i < 100 else i) for i in range(200)]),
    ],
)
def test_groups_with_the_same_mean_difference_are_ties(few_resamples, treated, groups):
    with pytest.raises(TooFewPairs) as refusal:
        compare_means(treated, np.zeros(200), groups, seed=0)
    assert (refusal.value.n, refusal.value.unit) == (0, "groups that differ from the rest")


def test_differences_of_rounding_alone_are_ties():
    control = np.random.default_rng(0).random(200)
    treated = control * (1 + 2e-16 * np.arange(200))
    with pytest.raises(TooFewPairs) as refusal:
        compare_means(treated, control, seed=0)
    assert refusal.value.n == 0


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


def test_agrees_with_the_textbook_procedure_draw_by_draw(few_resamples):
    treated, control = sample(150, seed=3)
    groups = [str(i // 3) for i in range(150)]
    comparison = compare_means(treated, control, groups, seed=11)
    difference = (treated - control).reshape(50, 3)

    def mean_and_error(clusters):
        mean = clusters.mean()
        totals = (clusters - mean).sum(axis=1)
        return mean, math.sqrt(50 / 49 * (totals**2).sum()) / clusters.size

    estimate, error = mean_and_error(difference)
    rng = np.random.default_rng(11)
    roots = []
    for _ in range(399):
        mean, its_error = mean_and_error(difference[rng.integers(50, size=50)])
        roots.append((mean - estimate) / its_error)
    assert (comparison.estimate, comparison.standard_error) == pytest.approx((estimate, error))
    assert comparison.roots == pytest.approx(np.sort(roots))
    interval = comparison.interval(0.9)
    # The 20th largest and smallest of 399 roots leave 5 % on each side.
    assert interval.low == pytest.approx(estimate - sorted(roots)[-20] * error)
    assert interval.high == pytest.approx(estimate - sorted(roots)[19] * error)
    assert comparison.p_above(0.0) == pytest.approx(
        (1 + sum(root >= estimate / error for root in roots)) / 400
    )


@given(st.integers(0, 10**6), st.floats(-0.3, 0.3))
@settings(max_examples=25, deadline=None)
def test_a_bound_is_outside_the_interval_exactly_if_its_p_value_is_small(seed, bound):
    comparison = compare_means(*sample(100, seed=seed, gain=0.05), seed=seed)
    interval = comparison.interval(0.9)
    assert (comparison.p_above(bound) <= 0.05) == (interval.low > bound)
    assert (comparison.p_below(bound) <= 0.05) == (interval.high < bound)
    assert interval.low < interval.estimate < interval.high
    wider = comparison.interval(0.99)
    assert wider.low <= interval.low < interval.high <= wider.high


def test_swapping_the_models_turns_everything_round():
    treated, control = sample()
    ours, theirs = (compare_means(*x, seed=5) for x in ((treated, control), (control, treated)))
    here, there = ours.interval(0.95), theirs.interval(0.95)
    assert (here.low, here.high) == pytest.approx((-there.high, -there.low))
    assert ours.p_above(-0.02) == pytest.approx(theirs.p_below(0.02))


def test_the_seed_fixes_the_result_and_the_scale_does_not_matter():
    treated, control = sample()
    interval = paired_mean(treated, control, 0.9, seed=5)
    assert paired_mean(treated, control, 0.9, seed=5) == interval
    assert paired_mean(treated, control, 0.9, seed=6) != interval
    thousands = paired_mean(treated * 1000, control * 1000, 0.9, seed=5)
    assert thousands.low == pytest.approx(interval.low * 1000)


def test_copies_within_groups_add_no_evidence():
    treated, control = sample(100)
    once = paired_mean(treated, control, 0.9, seed=5)
    copied = paired_mean(
        np.repeat(treated, 3), np.repeat(control, 3), 0.9, [str(i // 3) for i in range(300)], seed=5
    )
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    assert (copied.n, copied.clusters) == (300, 100)


def test_a_single_models_mean():
    values = np.random.default_rng(0).exponential(2.0, 400)
    interval = mean_interval(values, 0.9, seed=0)
    assert interval.low < interval.estimate == values.mean() < interval.high
    assert interval.high - interval.estimate > interval.estimate - interval.low  # skewed
    with pytest.raises(TooFewPairs):
        mean_interval(values[:99], 0.9, seed=0)


def test_p_values_count_a_tied_root_as_reaching():
    roots = np.array([-1.0, 0.0, 2.0])
    comparison = MeanComparison(n=3, clusters=3, estimate=1.0, standard_error=0.5, roots=roots)
    assert comparison.p_above(0.0) == 0.5  # the distance is 2, which one root of three reaches
    assert comparison.p_above(0.1) == 0.5
    assert comparison.p_above(-0.1) == 0.25
    assert comparison.p_below(1.5) == 0.5  # the distance is 1
    assert comparison.p_below(1.6) == 0.25


def test_a_confidence_beyond_the_resamples_claims_nothing(few_resamples):
    interval = paired_mean(*sample(), 0.999, seed=0)
    assert (interval.low, interval.high) == (-math.inf, math.inf)


@pytest.mark.parametrize("shape", ["exponential", "zeros", "clustered"])
def test_errs_at_about_the_stated_rate(few_resamples, shape):
    rng = np.random.default_rng(42)
    runs, above, below = 400, 0, 0
    for seed in range(runs):
        groups = None
        if shape == "exponential":
            values = rng.exponential(1.0, 100) - 1.0
        elif shape == "zeros":
            values = rng.choice([0.0, 0.3, -0.3], size=200, p=[0.6, 0.2, 0.2])
        else:
            values = np.repeat(rng.exponential(1.0, 60) - 1.0, 3) + rng.normal(0, 0.5, 180)
            groups = [str(i // 3) for i in range(180)]
        comparison = compare_means(values, np.zeros(len(values)), groups, seed=seed)
        above += comparison.p_above(0.0) <= 0.05
        below += comparison.p_below(0.0) <= 0.05
    assert 0.01 <= above / runs <= 0.085
    assert 0.01 <= below / runs <= 0.085


def test_what_it_could_have_seen_and_what_would_settle_it():
    comparison = compare_means(*sample(), seed=0)
    effect = comparison.smallest_effect(alpha=0.05)
    assert effect == pytest.approx(2.4865 * comparison.standard_error, rel=1e-3)
    assert comparison.smallest_margin(alpha=0.05) == effect
    gap = comparison.estimate - 0.05
    needed = comparison.pairs_needed(bound=0.05, alpha=0.05)
    assert needed == math.ceil(120 * (effect / gap) ** 2)
    assert comparison.pairs_needed(bound=comparison.estimate, alpha=0.05) is None
