"""What a number of pairs can show, checked by simulation."""

import numpy as np
import pytest

from tunesmith.statistics import (
    compare_binary,
    exact,
    pairs_needed,
    power,
    power_above,
    power_better,
    power_not_worse,
    smallest_effect,
    smallest_margin,
)


@pytest.mark.parametrize(
    ("n", "bound", "true", "discordance"),
    [(60, 0.0, 0.1, 0.2), (40, -0.1, 0.0, 0.1), (90, -0.05, 0.02, 0.02), (150, 0.0, 0.05, 0.05)],
)
def test_power_is_the_share_of_samples_that_show_it(n, bound, true, discordance):
    rng = np.random.default_rng(n)
    rates = [(discordance + true) / 2, (discordance - true) / 2, 1 - discordance]
    draws = rng.multinomial(n, rates, size=3000)
    tables, times = np.unique(draws[:, :2], axis=0, return_counts=True)
    shown = sum(
        count
        for (wins, losses), count in zip(tables.tolist(), times.tolist(), strict=True)
        if float(exact.score(wins, losses, n, bound)) > 1.5  # a p-value of about 0.07
        and exact.p_above(wins, losses, n, bound) <= 0.05
    )
    expected = power_above(n, bound, true, discordance, 0.05)
    assert shown / 3000 == pytest.approx(expected, abs=0.03)


def test_power_without_a_discordant_pair_is_all_or_nothing():
    assert power_not_worse(58, 0.05, 0.0, 0.05) == 0.0
    assert power_not_worse(59, 0.05, 0.0, 0.05) == pytest.approx(1.0)


@pytest.mark.parametrize("discordance", [0.05, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("bound", [0.0, -0.05, 0.03])
def test_power_at_the_bound_is_at_most_alpha(bound, discordance):
    assert power_above(60, bound, bound, discordance, 0.05) <= 0.05 + 1e-5


def test_power_grows_with_pairs_effect_and_alpha_and_falls_with_discordance():
    assert power_better(60, 0.1, 0.2, 0.05) < power_better(200, 0.1, 0.2, 0.05)
    assert power_better(60, 0.05, 0.2, 0.05) < power_better(60, 0.1, 0.2, 0.05)
    assert power_better(60, 0.1, 0.2, 0.01) < power_better(60, 0.1, 0.2, 0.05)
    assert power_not_worse(100, 0.05, 0.3, 0.05) < power_not_worse(100, 0.05, 0.05, 0.05)
    assert power_not_worse(100, 0.05, 0.1, 0.05, true_difference=-0.02) < power_not_worse(
        100, 0.05, 0.1, 0.05
    )


def test_discordance_is_raised_to_the_difference_it_takes():
    assert power_better(60, 0.1, 0.0, 0.05) == power_better(60, 0.1, 0.1, 0.05)


@pytest.mark.parametrize("discordance", [0.0, 0.1, 0.3])
def test_smallest_effect_and_margin_are_where_the_power_is_reached(discordance):
    effect = smallest_effect(60, discordance, 0.05)
    assert power_better(60, effect, discordance, 0.05) >= 0.8
    assert power_better(60, effect - 0.01, discordance, 0.05) < 0.8
    margin = smallest_margin(60, discordance, 0.05)
    assert power_not_worse(60, margin, discordance, 0.05) >= 0.8
    assert power_not_worse(60, margin - 0.01, discordance, 0.05) < 0.8


def test_three_pairs_show_no_effect_at_all():
    assert smallest_effect(3, 0.1, 0.05) == 1.0
    assert power_better(3, 1.0, 1.0, 0.05) == 0.0


@pytest.mark.parametrize(
    ("bound", "true", "discordance"),
    [(0.0, 0.1, 0.2), (-0.05, 0.0, 0.05), (-0.05, 0.0, 0.0), (-0.1, -0.02, 0.1), (0.0, 1.0, 1.0)],
)
def test_pairs_needed_are_enough_and_a_fifth_fewer_are_not(bound, true, discordance):
    n = pairs_needed(bound, true, discordance, 0.05)
    assert power_above(n, bound, true, discordance, 0.05) >= 0.8
    assert power_above(int(n * 0.8), bound, true, discordance, 0.05) < 0.8


def test_pairs_needed_in_the_textbook_case_of_no_loss():
    # n pairs without a loss show a margin of 0.05 as soon as 0.95**n is at most 0.05.
    assert pairs_needed(-0.05, 0.0, 0.0, 0.05) == 59


def test_large_numbers_of_pairs_come_from_the_normal_approximation(monkeypatch):
    approximate = pairs_needed(-0.015, 0.0, 0.2, 0.05)
    assert approximate > 5000
    assert power_above(approximate, -0.015, 0.0, 0.2, 0.05) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0.0, 0.1, 0.05), "expected one above 0.0"),
        ((-0.05, -0.06, 0.1, 0.05), "expected one above -0.05"),
        ((0.0, 0.1, 1.2, 0.05), "discordance 1.2"),
        ((0.0, 1.1, 0.1, 0.05), "true difference 1.1"),
        ((-1.0, 0.1, 0.1, 0.05), "bound -1.0"),
        ((0.0, 0.1, 0.1, 0.5), "alpha 0.5"),
        ((0.0, 0.1, 0.1, 0.05, 1.0), "power 1.0"),
    ],
)
def test_impossible_plans_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pairs_needed(*arguments)


def test_power_of_no_pairs_is_refused():
    with pytest.raises(ValueError, match="0 pairs"):
        power_better(0, 0.1, 0.1, 0.05)


def test_a_comparison_with_the_pairs_needed_settles_it():
    n = pairs_needed(0.0, 0.2, 0.3, 0.05, power=0.9)
    wins, losses = round(0.25 * n), round(0.05 * n)
    treated = [True] * (n - losses) + [False] * losses
    control = [False] * wins + [True] * (n - wins)
    assert compare_binary(treated, control).p_above(0.0) <= 0.05
    assert power.power_better(n, 0.2, 0.3, 0.05) >= 0.9
