"""Kappa against known values, an independent implementation, and its own definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from tunesmith.errors import Unready
from tunesmith.evaluation.judge import Trust, agreement, kappa

SCALE = [1, 2, 3, 4, 5]
RATINGS = st.lists(st.tuples(st.sampled_from(SCALE), st.sampled_from(SCALE)), min_size=1)


def spread(table, labels):
    """The two raters' labels, from a table of counts."""
    cells = [
        (labels[i], labels[j], count) for i, row in enumerate(table) for j, count in enumerate(row)
    ]
    one = [first for first, _, count in cells for _ in range(count)]
    other = [second for _, second, count in cells for _ in range(count)]
    return one, other


def test_known_values():
    # Two raters, 50 proposals: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no; by hand (0.7-0.5)/0.5.
    one, other = spread([[20, 5], [10, 15]], ["yes", "no"])
    assert kappa(one, other, ["yes", "no"]) == pytest.approx(0.4)
    # Fleiss, Cohen and Everitt (1969), three diagnoses; by hand 0.68 observed, 0.5166 expected.
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    one, other = spread(table, [1, 2, 3])
    assert kappa(one, other, [1, 2, 3]) == pytest.approx(0.4915, abs=1e-4)
    assert kappa([1, 5, 1], [1, 5, 1], SCALE) == 1
    assert kappa([1, 5], [5, 1], SCALE) == -1
    assert kappa([1, 5], [5, 1], SCALE, "quadratic") == -1


def test_a_near_miss_counts_less_only_where_distance_counts():
    people = [1, 2, 3, 4, 5] * 4
    near = [2, 1, 4, 3, 4] * 4
    assert kappa(near, people, SCALE) < 0
    assert kappa(near, people, SCALE, "quadratic") > 0.7


@given(RATINGS)
def test_it_is_what_another_implementation_says(ratings):
    one, other = zip(*ratings, strict=True)
    for weights in ("none", "quadratic"):
        ours = kappa(one, other, SCALE, weights)
        if len({*one, *other}) == 1:
            assert ours is None
            continue
        named = None if weights == "none" else weights
        theirs = cohen_kappa_score(one, other, labels=SCALE, weights=named)
        assert ours == pytest.approx(theirs, abs=1e-12)


@given(RATINGS)
def test_neither_order_nor_side_matters(ratings):
    one, other = zip(*ratings, strict=True)
    for weights in ("none", "quadratic"):
        found = kappa(one, other, SCALE, weights)
        assert found == kappa(one[::-1], other[::-1], SCALE, weights)
        back = kappa(other, one, SCALE, weights)
        assert back is None if found is None else back == pytest.approx(found)
        assert found is None or -1 - 1e-12 <= found <= 1


def raters(n, seed, noise=0.4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 6, n)
    wrong = rng.random((2, n)) < noise
    shifted = np.clip(truth + rng.choice([-1, 1], (2, n)), 1, 5)
    found = np.where(wrong, shifted, truth)
    return found[0].tolist(), found[1].tolist()


def test_the_intervals_cover_the_truth():
    """The truth is kappa over very many rows; 95 % intervals from 80 rows each."""
    truths = [kappa(*raters(200_000, 1), SCALE, weights) for weights in ("none", "quadratic")]
    hits = [0, 0]
    for seed in range(200):
        found = agreement(*raters(80, seed + 10), SCALE)
        for side, interval in enumerate((found.plain, found.quadratic)):
            assert interval.low <= interval.estimate <= interval.high
            hits[side] += interval.low <= truths[side] <= interval.high
    # At a true coverage of 0.95, fewer than 180 of 200 has a probability of 0.001.
    assert min(hits) >= 180


def test_the_interval_is_repeatable_and_narrows():
    small, large = agreement(*raters(60, 3), SCALE), agreement(*raters(600, 3), SCALE)
    assert small == agreement(*raters(60, 3), SCALE)
    assert large.plain.high - large.plain.low < (small.plain.high - small.plain.low) / 2


def test_a_good_judge_is_trusted():
    judge, people = raters(100, 5, noise=0.1)
    found = agreement(judge, people, SCALE)
    assert found.against == ()
    found.check()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda judge, people: (judge[:49], people[:49]), "49 labelled rows; expected at least 50"),
        (lambda judge, people: ([*judge[:88], *[None] * 12], people), "12 of 100 verdicts are mis"),
        (
            lambda judge, people: (judge[::-1], people),
            "quadratic-weighted kappa .*; expected 0.60, and",
        ),
        (lambda judge, people: ([3] * 100, people), "quadratic-weighted kappa 0.00"),
        (lambda judge, people: ([3] * 100, [3] * 100), "quadratic-weighted kappa 0.00"),
        (lambda judge, people: ([None] * 100, people), "no usable verdict on any of 100"),
    ],
)
def test_a_judge_is_not_trusted_without_proof(change, match):
    judge, people = change(*raters(100, 5, noise=0.1))
    with pytest.raises(Unready, match=match):
        agreement(judge, people, SCALE).check()


def test_trust_is_decided_on_kappa_and_its_lower_limit():
    judge, people = raters(50, 7, noise=0.45)
    found = agreement(judge, people, SCALE).quadratic
    between = (found.estimate + found.low) / 2
    assert agreement(judge, people, SCALE, Trust(kappa=between, low=between)).against
    assert agreement(judge, people, SCALE, Trust(kappa=found.estimate + 0.01, low=0)).against
    just = Trust(kappa=found.estimate - 0.01, low=found.low - 0.01)
    assert not agreement(judge, people, SCALE, just).against


def test_the_table_says_where_they_differ():
    found = agreement([1, 1, 2, None], [1, 2, 2, 2], [1, 2])
    assert (found.labels, found.table) == ((1, 2), ((1, 1), (0, 1)))


def test_missing_verdicts_are_in_no_figure():
    judge, people = raters(100, 5)
    found = agreement([*judge, None], [*people, 1], SCALE)
    assert (found.labelled, found.missing, found.plain.n) == (101, 1, 100)
    assert found.plain == agreement(judge, people, SCALE).plain


def test_choices_have_no_order():
    one, other = spread([[40, 2, 2], [2, 40, 2], [2, 2, 40]], ["first", "second", "tie"])
    found = agreement(one, other, ["first", "second", "tie"])
    assert (found.quadratic, found.against) == (None, ())


def test_labels_that_do_not_fit_are_refused():
    for one, other, labels in (
        ([1], [1, 2], SCALE), ([], [], SCALE), ([6], [1], SCALE), ([1], [1], [1]), ([1], [1], [1, 1]),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="expected"):
            kappa(one, other, labels)
    with pytest.raises(ValueError, match="expected one of each"):
        agreement([1, 2], [1], SCALE)
