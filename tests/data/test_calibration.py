"""Weights fitted to what people say: what they recover, and when they are refused."""

import random

import pytest

from tunesmith.data.calibration import FEWEST, calibrate
from tunesmith.errors import InputError

CHECKS = ("format", "length", "markers")


def labelled(count=200, noise=0.0, seed=1):
    """Rows that are bad when they fail `format`, or both of the others."""
    rng = random.Random(seed)
    failed, good = {}, {}
    for number in range(count):
        fails = {check for check in CHECKS if rng.random() < 0.4}
        bad = "format" in fails or len(fails) == 2
        failed[f"row{number}"] = fails
        good[f"row{number}"] = bad == (rng.random() < noise)
    return failed, good


def quality(weights, fails):
    return 1 - sum(weights[check] for check in fails)


def test_weights_separate_good_from_bad_at_the_minimum():
    failed, good = labelled()
    found = calibrate(failed, good, CHECKS)
    assert sum(found.weights.values()) == pytest.approx(1, abs=1e-3)
    judged = {one: quality(found.weights, failed[one]) >= found.minimum for one in failed}
    assert judged == good
    assert min(found.agreement, found.kappa) > 0.95
    assert found.weights["format"] > max(found.weights["length"], found.weights["markers"])
    assert found.constant == pytest.approx(max(sum(good.values()), 200 - sum(good.values())) / 200)


def test_agreement_falls_with_noise_and_is_measured_on_unseen_rows():
    clean, noisy = (calibrate(*labelled(noise=noise), CHECKS) for noise in (0.0, 0.2))
    assert 0.7 < noisy.agreement < 0.9 < clean.agreement
    assert noisy.kappa < clean.kappa
    assert noisy.agrees.keys() == labelled()[1].keys()
    assert sum(noisy.agrees.values()) / noisy.rows == noisy.agreement
    blind = calibrate(*labelled(noise=0.5), CHECKS)
    assert abs(blind.kappa) < 0.25


def test_a_check_that_never_fails_or_only_praises_weighs_nothing():
    failed, good = labelled()
    for one in failed:
        failed[one] = failed[one] | ({"praise"} if good[one] else set())
    found = calibrate(failed, good, (*CHECKS, "never", "praise"))
    assert found.weights["never"] == found.weights["praise"] == 0


def test_the_order_of_rows_changes_nothing():
    failed, good = labelled(noise=0.1)
    turned = dict(reversed(good.items()))
    assert calibrate(failed, good, CHECKS) == calibrate(
        dict(reversed(failed.items())), turned, CHECKS
    )


def test_rows_that_fail_nothing_weigh_nothing():
    good = {f"row{number}": number % 3 > 0 for number in range(60)}
    found = calibrate(dict.fromkeys(good, ()), good, CHECKS)
    assert set(found.weights.values()) == {0}
    assert found.minimum == 0.0
    assert found.agreement == found.constant


@pytest.mark.parametrize(
    ("count", "bad", "told"),
    [(FEWEST - 1, 10, "29 rows are labelled"), (FEWEST, 4, "26 of them good"), (FEWEST, 26, "4 of them good")],
)  # fmt: skip
def test_too_few_labels_are_refused(count, bad, told):
    good = {f"row{number}": number >= bad for number in range(count)}
    with pytest.raises(InputError, match=told):
        calibrate(dict.fromkeys(good, ()), good, CHECKS)


def test_just_enough_are_not():
    good = {f"row{number}": number >= 5 for number in range(FEWEST)}
    assert calibrate(dict.fromkeys(good, ()), good, CHECKS).rows == FEWEST


def test_a_label_of_an_unknown_row_is_refused():
    failed, good = labelled()
    with pytest.raises(InputError, match="1 labelled rows are not in the examples, such as other"):
        calibrate(failed, {**good, "other": True}, CHECKS)


def test_what_fits_only_the_rows_it_was_fitted_to_is_seen_through():
    rng = random.Random(2)
    checks = tuple(f"check{number}" for number in range(20))
    failed = {f"row{n}": {check for check in checks if rng.random() < 0.5} for n in range(50)}
    good = {one: rng.random() < 0.5 for one in failed}
    found = calibrate(failed, good, checks)
    seen = [quality(found.weights, failed[one]) >= found.minimum - 1e-3 for one in failed]
    fitted = sum(judged == good[one] for one, judged in zip(failed, seen, strict=True)) / 50
    assert found.agreement < fitted - 0.1
