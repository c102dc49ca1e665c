"""The nested parts of a training set."""

from tests.made_rows import chat
from tests.reporting.made_retrain import build
from tunesmith.artifacts import Examples
from tunesmith.records import ChatExample, Example
from tunesmith.stages.subset import STAGE, SubsetParams
from tunesmith.store import Store

ROWS = [chat(f"question {n}", group=f"g{n // 3}") for n in range(60)]


def source(store: Store, rows: list[ChatExample], name: str = "rows") -> Examples:
    def body(draft):
        draft.count_in(len(rows))
        return draft.seal_examples(rows)

    return build(store, "ingest", Examples, body, name)


def subset(store: Store, rows: Examples, size: int, salt: str = "demo") -> list[Example]:
    part = store.build(STAGE, SubsetParams(rows=size, salt=salt), rows)
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
    assert store.build(STAGE, SubsetParams(rows=60, salt="demo"), rows).digest == rows.digest


def test_another_salt_takes_other_groups(store: Store) -> None:
    rows = source(store, ROWS)
    one, other = (
        {row.group_id for row in subset(store, rows, 12, salt)} for salt in ("demo", "else")
    )
    assert one != other
