"""The sizes of a learning curve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import RecipeError
from tunesmith.learning_curve import sizes_for


@pytest.mark.parametrize(
    ("rows", "wanted", "sizes"),
    [
        (3_000, (100, 200, 500, 1_000, 2_000, 5_000), (100, 200, 500, 1_000, 2_000, 3_000)),
        (2_400, (100, 2_000), (100, 2_400)),  # 2,000 tells nothing beside 2,400
        (80, (100, 200), (80,)),
        (500, (200, 100, 200), (100, 200, 500)),
    ],
)
def test_sizes_are_capped_by_what_is_there(rows: int, wanted: tuple[int, ...], sizes) -> None:
    assert sizes_for(rows, wanted) == sizes


@given(st.integers(1, 10**6), st.lists(st.integers(1, 10**6)))
def test_sizes_rise_to_all_rows(rows: int, wanted: list[int]) -> None:
    sizes = sizes_for(rows, wanted)
    assert list(sizes) == sorted(set(sizes))
    assert sizes[-1] == rows


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="from 1"):
        sizes_for(100, (0, 50))
