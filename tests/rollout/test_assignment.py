"""Who is asked which model: sticky, salted, and kept while the weight grows."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.rollout.assignment import BUCKETS, assign, bucket_of, normal, pseudonym

VECTORS = [
    ("", "a", 361), ("r1", "2x", 8124), ("r12", "x", 1130), ("support-email 7", "user-42", 5068),
    ("support-email 7", "Žofie", 6377),
]  # fmt: skip


@pytest.mark.parametrize(("salt", "unit", "bucket"), VECTORS)
def test_another_program_would_find_the_same_bucket(salt, unit, bucket):
    assert bucket_of(salt, unit) == bucket


@given(st.text(max_size=20), st.text(min_size=1, max_size=20), st.integers(0, BUCKETS))
def test_a_growing_weight_keeps_everybody(salt, unit, weight):
    first, then = assign(salt, weight, unit), assign(salt, min(weight + 500, BUCKETS), unit)
    assert first.bucket == then.bucket
    assert not (first.variant == "treatment" and then.variant == "control")


def test_the_ends_of_the_weight_are_nobody_and_everybody():
    units = [f"user {n}" for n in range(3000)]
    assert {assign("s", 0, unit).variant for unit in units} == {"control"}
    assert {assign("s", BUCKETS, unit).variant for unit in units} == {"treatment"}


def test_shares_are_those_asked_for():
    # Six standard deviations of a binomial count.
    for weight in (500, 2500, 5000):
        got = sum(assign("s", weight, f"user {n}").variant == "treatment" for n in range(20_000))
        share = weight / BUCKETS
        assert abs(got - 20_000 * share) < 6 * (20_000 * share * (1 - share)) ** 0.5


def test_rollouts_draw_anew():
    # The correlation of "in the first 10 %" under two salts, over 200,000 users.
    n, both, one, other = 200_000, 0, 0, 0
    for number in range(n):
        first = bucket_of("rollout 1", f"u{number}") < 1000
        second = bucket_of("rollout 2", f"u{number}") < 1000
        one, other, both = one + first, other + second, both + (first and second)
    p, q = one / n, other / n
    assert abs((both / n - p * q) / (p * q * (1 - p) * (1 - q)) ** 0.5) < 0.01


def test_nobody_gets_control_and_stays_out_of_the_analysis():
    for unit in (None, ""):
        assert assign("s", BUCKETS, unit) == ("control", None)


def test_one_id_written_in_two_ways_is_one_id():
    decomposed = unicodedata.normalize("NFD", "Žofie")
    assert decomposed != "Žofie"
    assert normal(f" {decomposed}\n") == normal("Žofie") == "Žofie"
    assert normal("ab") != normal("aB")


def test_a_pseudonym_hangs_on_its_key():
    assert pseudonym(b"k", "user-42") == pseudonym(b"k", "user-42")
    assert pseudonym(b"k", "user-42") != pseudonym(b"l", "user-42")
    assert len(pseudonym(b"k", "user-42")) == 32
