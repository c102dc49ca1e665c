"""What a guardrail says: worse, sure not to be worse, or neither yet."""

import numpy as np
import pytest

from tunesmith.rollout.analysis import Requests
from tunesmith.rollout.params import GUARDRAILS, Guardrail
from tunesmith.rollout.readings import read

UNITS = 4000


def requests(value, share=0.25, repeat=1):
    """Requests of as many units as values, of which the first share is treated."""
    n = len(value)
    unit = np.repeat(np.arange(n), repeat)
    return Requests(unit % 3, unit < n * share, unit, np.repeat(value, repeat).astype(float))


def looked_at(name, value, **more):
    return read(name, GUARDRAILS[name], requests(value, **more), 0.05 / 8, 0.05)


def yes(share, treated_share):
    """Values of yes and no, evenly spread, with other shares on both sides."""
    number = np.arange(UNITS)
    rate = np.where(number < UNITS * 0.25, treated_share, share)
    return np.floor((number + 1) * rate) > np.floor(number * rate)


@pytest.mark.parametrize(
    ("name", "control", "treatment", "worse", "sure"),
    [
        ("task completion", 0.80, 0.80, False, True),
        ("task completion", 0.80, 0.90, False, True),
        ("task completion", 0.80, 0.74, True, False),
        ("errors", 0.01, 0.01, False, True),
        ("errors", 0.01, 0.06, True, False),
        ("refusals", 0.06, 0.01, False, True),
    ],
)
def test_a_rate_is_worse_below_none_and_sure_above_the_margin(
    name, control, treatment, worse, sure
):
    reading = looked_at(name, yes(control, treatment))
    assert (reading.worse, reading.sure) == (worse, sure)
    assert reading.estimate == pytest.approx(treatment - control, abs=0.01)
    assert reading.low < reading.estimate < reading.high


def lognormal(factor):
    value = np.exp(np.random.default_rng(5).normal(0, 0.4, UNITS))
    value[: UNITS // 4] *= factor
    return value


@pytest.mark.parametrize(
    ("name", "factor", "worse", "sure"),
    [
        ("response length", 1.0, False, True),
        ("response length", 1.1, False, True),
        ("response length", 1.3, False, False),
        ("response length", 1.6, True, False),
        ("response length", 0.5, True, False),
        ("cost per request", 0.5, False, True),
        ("cost per request", 1.5, True, False),
        ("p95 latency", 1.0, False, True),
        ("p95 latency", 0.5, False, True),
        ("p95 latency", 1.2, False, False),
        ("p95 latency", 1.6, True, False),
    ],
)
def test_a_tolerance_is_worse_beyond_it_and_sure_within(name, factor, worse, sure):
    reading = looked_at(name, lognormal(factor))
    assert (reading.worse, reading.sure) == (worse, sure)


def test_few_requests_are_neither():
    reading = looked_at("task completion", np.zeros(100))
    assert (reading.worse, reading.sure, reading.known) == (False, False, False)
    assert looked_at("p95 latency", np.zeros(0)).known is False


def test_two_rates_are_not_told_to_be_further_apart_than_everything():
    all_of_treatment = np.repeat([1.0, 0.0], 50)
    for name in ("errors", "p95 latency"):
        reading = looked_at(name, all_of_treatment, share=0.5)
        assert (reading.estimate, reading.high) == (1.0, 1.0)
        assert 0.0 < reading.low < 1.0
    assert looked_at("task completion", 1.0 - all_of_treatment, share=0.5).low == -1.0
    # What is no rate, or a share of one, may be.
    assert looked_at("user rating", 3.0 * all_of_treatment, share=0.5).high == 3.0
    share = Guardrail(value="error", better="lower", margin=0.5, relative=True)
    half_of_control = np.repeat([1.0, 0.0], [75, 25])
    assert read("x", share, requests(half_of_control, share=0.5), 0.01, 0.05).high > 1.0


def test_a_hundred_requests_of_a_few_users_are_few():
    reading = looked_at("task completion", np.zeros(120), repeat=100)
    assert reading.requests == 3000
    assert not reading.known


def test_an_absolute_quantile_counts_its_margin_on_the_values_scale():
    guardrail = Guardrail(value="seconds", better="lower", margin=1.0, tolerated=True, quantile=0.9)
    value = lognormal(1.0)
    assert read("x", guardrail, requests(value), 0.01, 0.05).sure
    value[: UNITS // 4] += 3.0
    assert read("x", guardrail, requests(value), 0.01, 0.05).worse
