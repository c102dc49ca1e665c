"""The exact test, against published figures and against enumeration by hand."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.statistics import exact

# Wins, losses and pairs of two tables in Fagerland, Lydersen and Laake (2017), Statistical Analysis
# of Contingency Tables, chapter 8, with Tango's 95 % interval as printed there.
PUBLISHED = [(1, 7, 21, -0.517, -0.026, 0.01), (6, 16, 161, -0.1240, -0.0054, 0.005)]

bounds = st.floats(-0.9, 0.9).map(lambda x: round(x, 3))


@st.composite
def tables(draw, largest=40):
    n = draw(st.integers(1, largest))
    wins = draw(st.integers(0, n))
    return wins, draw(st.integers(0, n - wins)), n


def outcomes(n):
    return [(wins, losses) for wins in range(n + 1) for losses in range(n + 1 - wins)]


def mass(wins, losses, n, win_rate, loss_rate):
    ways = math.comb(n, wins) * math.comb(n - wins, losses)
    return (
        ways
        * win_rate**wins
        * loss_rate**losses
        * (1 - win_rate - loss_rate) ** (n - wins - losses)
    )


@pytest.mark.parametrize(("wins", "losses", "n", "low", "high", "rounding"), PUBLISHED)
def test_score_reaches_the_normal_quantile_at_published_limits(
    wins, losses, n, low, high, rounding
):
    quantile = NormalDist().inv_cdf(0.975)
    assert float(exact.score(wins, losses, n, low)) == pytest.approx(quantile, abs=rounding)
    assert float(exact.score(wins, losses, n, high)) == pytest.approx(-quantile, abs=rounding)


def test_p_value_agrees_with_the_published_exact_unconditional_test():
    # The same book prints 0.034053, two-sided, of which 0.0001 is its price for looking only at
    # the likelier discordance rates; the asymptotic test says 0.0330, the conditional one 0.0525.
    assert 2 * exact.p_above(16, 6, 161, 0.0) == pytest.approx(0.034053, abs=3e-4)


@given(tables(12), bounds)
@settings(max_examples=60, deadline=None)
def test_score_uses_the_likeliest_discordance_at_the_bound(table, bound):
    wins, losses, n = table
    rates = np.linspace(max(0.0, -bound), (1 - bound) / 2, 200_001)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [
            np.where(count == 0, 0.0, count * np.log(np.maximum(rate, 0.0)))
            for count, rate in (
                (wins, rates + bound),
                (losses, rates),
                (n - wins - losses, 1 - bound - 2 * rates),
            )
        ]
    likeliest = rates[int(np.argmax(sum(terms)))]
    error = math.sqrt(max(n * (2 * likeliest + bound - bound**2), 0.0))
    if error > 0.05:
        expected = (wins - losses - n * bound) / error
        assert float(exact.score(wins, losses, n, bound)) == pytest.approx(
            expected, rel=1e-3, abs=1e-3
        )


@given(tables(25), bounds)
@settings(max_examples=200, deadline=None)
def test_score_grows_with_a_win_and_shrinks_with_a_loss(table, bound):
    wins, losses, n = table
    here = float(exact.score(wins, losses, n, bound))
    if wins + losses < n:
        assert float(exact.score(wins + 1, losses, n, bound)) >= here - 1e-9
        assert float(exact.score(wins, losses + 1, n, bound)) <= here + 1e-9


@given(tables(25), bounds)
@settings(max_examples=100, deadline=None)
def test_fewest_wins_marks_the_border_of_the_critical_region(table, bound):
    wins, losses, n = table
    critical = float(exact.score(wins, losses, n, bound))
    needed = exact.fewest_wins(n, bound, critical)
    for b, c in outcomes(n):
        assert (b >= needed[c]) == (float(exact.score(b, c, n, bound)) >= critical - 1e-9)


@pytest.mark.parametrize("n", [1, 7, 12])
@pytest.mark.parametrize("bound", [-0.5, -0.05, 0.0, 0.1])
def test_p_value_is_the_worst_case_over_all_discordance_rates(n, bound):
    loss_rates = np.linspace(max(0.0, -bound), (1 - bound) / 2, 801)
    scores = {table: float(exact.score(*table, n, bound)) for table in outcomes(n)}
    for table in outcomes(n)[:: max(1, n // 4)]:
        extreme = [other for other in scores if scores[other] >= scores[table] - 1e-9]
        chances = sum(mass(*other, n, loss_rates + bound, loss_rates) for other in extreme)
        worst = exact.size(n, bound, scores[table])
        assert worst == pytest.approx(float(chances.max()), abs=2e-4)
        assert exact.p_above(*table, n, bound) >= worst


@pytest.mark.parametrize(
    ("win_rate", "loss_rate"), [(0.004, 0.0005), (0.01, 0.01), (0.3, 0.2), (0.05, 0.0), (0.0, 1.0)]
)
def test_probability_is_the_sum_over_the_outcomes(win_rate, loss_rate):
    n = 150
    needed = exact.fewest_wins(n, -0.02, 1.0)
    expected = sum(
        mass(wins, losses, n, win_rate, loss_rate)
        for losses in range(n + 1)
        for wins in range(int(needed[losses]), n + 1 - losses)
    )
    chance = exact.probability(needed, np.array([win_rate]), np.array([loss_rate]))[0]
    assert chance == pytest.approx(expected, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("n", [10, 1000, 50_000])
def test_probability_of_anything_at_all_is_one(n):
    loss_rates = np.array([0.0, 0.01 / n, 1 / n, 5 / n, 0.05, 0.5, 1.0])
    chances = exact.probability(np.zeros(n + 1, dtype=np.int64), 1 - loss_rates, loss_rates)
    assert chances == pytest.approx(np.ones(7), abs=1e-9)


@pytest.mark.parametrize(
    ("n", "margin"), [(28, 0.1), (30, 0.05), (36, 0.0), (52, 0.05), (60, 0.02)]
)
def test_errs_in_at_most_alpha_of_cases_where_the_normal_limit_does_not(n, margin):
    alpha = 0.05
    quantile = NormalDist().inv_cdf(1 - alpha)
    discordance = np.unique(np.concatenate([np.linspace(margin, 0.25, 40), [0.5, 1.0]]))
    ours, normal = np.zeros(len(discordance)), np.zeros(len(discordance))
    for wins, losses in outcomes(n):
        score = float(exact.score(wins, losses, n, -margin))
        if score < quantile:
            continue
        chance = mass(wins, losses, n, (discordance - margin) / 2, (discordance + margin) / 2)
        normal += chance
        # Far out there is no need to look: counting all of it as rejected only overstates errors.
        if (
            score > quantile + 0.6
            or chance.max() < 1e-5
            or exact.p_above(wins, losses, n, -margin) <= alpha
        ):
            ours += chance
    assert ours.max() <= alpha
    assert ours.max() > 0.02 or margin * n < 2  # it isn't valid by never deciding
    if (n, margin) in {(52, 0.05), (28, 0.1), (36, 0.0)}:
        assert normal.max() > 0.06


@given(tables(), st.sampled_from([0.01, 0.05, 0.1]), st.floats(-0.3, 0.3))
@settings(max_examples=60, deadline=None)
def test_limit_and_p_value_say_the_same(table, alpha, offset):
    wins, losses, n = table
    limit = exact.lower_limit(wins, losses, n, alpha)
    assert -1.0 <= limit < max((wins - losses) / n, -0.999)
    bound = limit + offset
    if -1 < bound < limit:
        assert exact.p_above(wins, losses, n, bound) <= alpha + 1e-3
    if limit + 1e-4 < bound < 1:
        assert exact.p_above(wins, losses, n, bound) > alpha - 1e-3


@pytest.mark.parametrize(("wins", "losses", "dip"), [(12, 1, 0.085), (17, 4, 0.087)])
def test_a_bound_in_a_dip_of_the_p_value_is_not_rejected(wins, losses, dip):
    at_the_bound = exact.size(60, dip, float(exact.score(wins, losses, 60, dip)))
    assert at_the_bound <= 0.05 < exact.p_above(wins, losses, 60, dip)
    assert exact.lower_limit(wins, losses, 60, 0.05) < dip


@pytest.mark.parametrize("n", [1, 2, 30, 59, 60, 1000])
def test_without_a_discordant_pair_the_limit_is_the_binomial_one(n):
    # No loss in n pairs excludes loss rates above 1 - alpha^(1/n) and nothing more.
    assert exact.lower_limit(0, 0, n, 0.05) == pytest.approx(0.05 ** (1 / n) - 1, abs=2e-5)


@pytest.mark.parametrize("bound", [-1.0, 1.0, 1.5, math.nan])
def test_bound_outside_the_range_of_a_difference_is_refused(bound):
    with pytest.raises(ValueError, match="between -1 and 1"):
        exact.p_above(1, 0, 10, bound)
