"""The nested training sets of a learning curve, and its sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tests.reporting.made_retrain import build
from tunesmith.artifacts import Examples
from tunesmith.errors import RecipeError
from tunesmith.learning_curve import SUBSET, SubsetParams, sizes_for
from tunesmith.records import ChatExample, Example
from tunesmith.store import Store

ROWS = [chat(f"question {n}", group=f"g{n // 3}") for n in range(60)]


def source(store: Store, rows: list[ChatExample], name: str = "rows") -> Examples:
    def body(draft):
        draft.count_in(len(rows))
        return draft.seal_examples(rows)

    return build(store, "ingest", Examples, body, name)


def subset(store: Store, rows: Examples, size: int, salt: str = "demo") -> list[Example]:
    part = store.build(SUBSET, SubsetParams(rows=size, salt=salt), rows)
    return list(store.rows(part, Example))


def test_subsets_are_nested_whole_groups_in_the_order_of_the_rows(store: Store) -> None:
    rows = source(store, ROWS)
    parts = [subset(store, rows, size) for size in (1, 10, 30, 60)]
    assert [len(part) for part in parts] == [3, 12, 30, 60]
    ids = [[row.row_id for row in part] for part in parts]
    for smaller, larger in zip(ids, ids[1:], strict=False):
        assert set(smaller) < set(larger)
    order = [row.row_id for row in ROWS]
    for part in ids:
        assert part == [row_id for row_id in order if row_id in part]


def test_more_rows_move_nobody_out_of_a_group_order(store: Store) -> None:
    first = subset(store, source(store, ROWS), 30)
    more = [*ROWS, *(chat(f"late {n}", group=f"late{n}") for n in range(6))]
    grown = subset(store, source(store, more, "more"), 36)
    assert {row.row_id for row in first} <= {row.row_id for row in grown}


def test_all_rows_are_the_training_set_itself(store: Store) -> None:
    rows = source(store, ROWS)
    assert store.build(SUBSET, SubsetParams(rows=60, salt="demo"), rows).digest == rows.digest


def test_another_salt_takes_other_groups(store: Store) -> None:
    rows = source(store, ROWS)
    one, other = (
        {row.group_id for row in subset(store, rows, 12, salt)} for salt in ("demo", "else")
    )
    assert one != other


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
