"""A learning curve's bend: found where it was put, and never surer than the data."""

import numpy as np
import pytest

from tunesmith.statistics.knee import Law, TooLittle, bend

SIZES = (100, 200, 500, 1_000, 2_000)
NAMES = [str(n) for n in range(400)]


MORE = (100, 150, 200, 300, 500, 700, 1_000, 1_400, 2_000)


def answers(law, n=400, noise=0.0, seed=0, sizes=SIZES):
    """Yes/no answers of models whose accuracy follows a law; most examples are hard for all."""
    rng = np.random.default_rng(seed)
    rates = np.array([law.at(size) for size in sizes]) + noise * rng.standard_normal(len(sizes))
    shared = np.where(rng.random(n) < 0.7, rng.random(n), rng.random((len(sizes), n)))
    return (shared < rates[:, None]).astype(float)


def fitted(law, margin=0.05, sizes=SIZES, **options):
    values = answers(law, sizes=sizes, **options)
    groups = NAMES[: values.shape[1]]
    return bend(sizes, values, groups, margin=margin, alpha=0.05, bounds=(0.0, 1.0))


@pytest.mark.parametrize("law", [Law(0.9, 0.1, 0.5, 2_000), Law(0.95, 0.02, 1.0, 2_000)])
def test_a_law_without_noise_is_found_again(law):
    values = np.array([[law.at(size)] * 50 for size in SIZES])
    found = bend(SIZES, values, NAMES[:50], margin=0.05, alpha=0.05, bounds=(0.0, 1.0))
    assert found.law.limit == pytest.approx(law.limit, abs=0.005)
    assert found.law.gap == pytest.approx(law.gap, abs=0.005)
    assert found.scatter < 2e-3
    assert found.doubling.estimate == pytest.approx(law.at(4_000) - law.at(2_000), abs=0.002)
    gain = law.at(2 * found.knee.estimate) - law.at(found.knee.estimate)
    assert gain == pytest.approx(0.05, abs=0.003)


def test_a_steep_curve_pays_and_a_flat_one_does_not():
    assert fitted(Law(1.0, 0.2, 0.5, 2_000), margin=0.03, sizes=MORE).pays == "yes"
    flat = fitted(Law(0.9, 0.01, 1.0, 2_000))
    assert flat.pays == "no"
    assert flat.knee.estimate < 1_000


def test_on_the_margin_or_with_wild_points_it_is_not_settled():
    on_it = Law(0.95, 0.17, 0.5, 2_000)  # doubling gains 0.05
    assert fitted(on_it).pays == "not settled"
    wild = bend(
        SIZES,
        [[value] * 60 for value in (0.3, 0.8, 0.4, 0.9, 0.5)],
        NAMES[:60],
        margin=0.05,
        alpha=0.05,
        bounds=(0.0, 1.0),
    )
    assert wild.pays == "not settled"


def test_few_answers_that_are_all_right_are_not_certain():
    few = bend(SIZES, np.ones((5, 20)), NAMES[:20], margin=0.05, alpha=0.05, bounds=(0, 1))
    assert few.doubling.estimate == 0.0
    assert few.law.limit == 1.0
    risen = [[1.0] * 10 + [0.0] * 10, *[[1.0] * 20] * 4]
    sure = bend(SIZES, risen, NAMES[:20], margin=0.05, alpha=0.05, bounds=(0.0, 1.0))
    more = [row * 50 for row in risen]
    many = bend(
        SIZES, more, [str(n) for n in range(1_000)], margin=0.05, alpha=0.05, bounds=(0.0, 1.0)
    )
    assert sure.doubling.high > 4 * many.doubling.high


def test_the_interval_errs_about_as_often_as_it_says():
    law = Law(0.9, 0.1, 0.5, 2_000)
    gain = law.at(4_000) - law.at(2_000)
    found = [fitted(law, n=100, noise=0.02, seed=seed).doubling for seed in range(60)]
    # 5 % a side: 8 of 60 or more has a chance of about 1 %.
    assert sum(item.low > gain for item in found) < 8
    assert sum(item.high < gain for item in found) < 8


def test_groups_are_drawn_whole():
    values = np.repeat(answers(Law(0.9, 0.1, 0.5, 2_000), n=50, noise=0.0), 4, axis=1)
    alone = bend(SIZES, values, NAMES[:200], margin=0.05, alpha=0.05, bounds=(0.0, 1.0))
    groups = [str(n // 4) for n in range(200)]
    grouped = bend(SIZES, values, groups, margin=0.05, alpha=0.05, bounds=(0.0, 1.0))
    assert grouped.doubling.clusters == 50
    assert grouped.doubling.high > alone.doubling.high


def test_a_curve_that_falls_is_flat_and_the_limit_stays_in_bounds():
    falling = bend(
        SIZES,
        [[value] * 40 for value in (0.9, 0.8, 0.7, 0.6, 0.5)],
        NAMES[:40],
        margin=0.05,
        alpha=0.05,
        bounds=(0.0, 1.0),
    )
    assert falling.law.gap == 0.0
    rising = bend(
        SIZES,
        [[value] * 40 for value in (0.1, 0.3, 0.6, 0.8, 1.0)],
        NAMES[:40],
        margin=0.05,
        alpha=0.05,
        bounds=(0.0, 1.0),
    )
    assert rising.law.limit <= 1.0


def test_too_little_is_refused():
    with pytest.raises(TooLittle, match="3 sizes"):
        bend(SIZES[:3], np.ones((3, 50)), NAMES[:50], margin=0.05, alpha=0.05)
    with pytest.raises(TooLittle, match="19 test groups"):
        bend(SIZES, np.ones((5, 50)), [str(n % 19) for n in range(50)], margin=0.05, alpha=0.05)


@pytest.mark.parametrize("sizes", [(100, 200, 200, 500, 900), (200, 100, 500, 900, 1_000)])
def test_sizes_must_rise(sizes):
    with pytest.raises(ValueError, match="rise"):
        bend(sizes, np.ones((5, 50)), NAMES[:50], margin=0.05, alpha=0.05)


def test_the_same_seed_gives_the_same():
    assert fitted(Law(0.9, 0.1, 0.5, 2_000)) == fitted(Law(0.9, 0.1, 0.5, 2_000))
