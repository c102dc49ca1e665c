"""Holm's correction."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.statistics import holm

p_values = st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1), max_size=5)


@pytest.mark.parametrize(
    ("p_values", "rejected"),
    [
        ({}, ""),
        ({"a": 0.05}, "a"),
        ({"a": 0.0501}, ""),
        ({"a": 0.026, "b": 0.026}, ""),  # each below 0.05, none below a half of it
        ({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}, "ad"),  # 4, 3 and then 2 times
        ({"a": 0.02, "b": 0.001, "c": 0.9}, "ab"),
        ({"a": 0.9, "b": 0.017, "c": 0.0}, "bc"),
    ],
)
def test_holm(p_values, rejected):
    assert holm(p_values, 0.05) == frozenset(rejected)


@given(p_values, st.floats(0.001, 0.4))
def test_holm_is_the_closure_of_bonferroni(p_values, alpha):
    def together(names):
        return min(p_values[name] for name in names) * len(names) <= alpha

    closed = {
        name
        for name in p_values
        if all(
            together((name, *others))
            for k in range(len(p_values))
            for others in combinations(sorted(p_values.keys() - {name}), k)
        )
    }
    assert holm(p_values, alpha) == closed


@pytest.mark.parametrize("p_value", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p_value(p_value):
    with pytest.raises(ValueError, match="'format'"):
        holm({"format": p_value}, 0.05)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 5.0])
def test_holm_refuses_an_alpha_out_of_range(alpha):
    with pytest.raises(ValueError, match="alpha"):
        holm({"format": 0.01}, alpha)
