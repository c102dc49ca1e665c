"""Rows on disk: their digest is of what they say, not of how they lie."""

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat, chats
from tunesmith.records import ChatExample, Dropped, Example, LabelExample, PreferenceExample, Score
from tunesmith.store import rows as rows_module
from tunesmith.store.rows import RowsWriter, read_rows, rows_digest

MIXED = [
    chat("first", metadata={"z": 1, "a": [1.5, None]}, quality=0.8),
    Dropped(source="f:2", reason="bad_json", detail="column 1", row="{\x00 \\xff"),
    chat("second é\u2028", reviewed_by="Ann"),
    Dropped(source="f:4", reason="format", detail="no subject", row=chat("third")),
]


def write(folder, rows):
    writer = RowsWriter(folder)
    for row in rows:
        writer.add(row)
    return writer, writer.close()


def names(folder):
    return [path.name for path in folder.iterdir()]


def read(folder, which="kept", row_type=Example):
    return list(read_rows(folder, names(folder), which, row_type))


def test_what_was_written_is_read_in_order_kept_and_dropped_apart(tmp_path):
    writer, _ = write(tmp_path, MIXED)
    assert read(tmp_path) == [MIXED[0], MIXED[2]]
    assert read(tmp_path, "dropped", Dropped) == [MIXED[1], MIXED[3]]
    assert (writer.kept, writer.dropped) == (2, 2)
    assert writer.reasons == {"bad_json": 1, "format": 1}


def test_every_type_of_row_comes_back_as_itself(tmp_path):
    common = {"row_id": "r", "group_id": "g", "source": "f:1", "origin": "human"}
    rows = [
        chat("q"),
        PreferenceExample(**common, prompt=chat("q").prompt, chosen="a", rejected="b"),
        LabelExample(**common, text="t", label="l"),
    ]
    write(tmp_path / "examples", rows)
    assert read(tmp_path / "examples") == rows
    scores = [Score(row_id="r", group_id="g", values={"format": 1.0, "overlap": None})]
    write(tmp_path / "scores", scores)
    assert read(tmp_path / "scores", row_type=Score) == scores


def test_the_digest_is_what_it_always_was(tmp_path):
    # Stores hold this number: change it only together with SCHEMA_VERSION.
    expected = "eb394e97de46c6107404489689693e2768ecd26c134e6029d6dc23db0b817bdb"
    assert write(tmp_path, MIXED)[1] == expected


@pytest.mark.parametrize("shard_bytes", [1, 300, 700, 1 << 20])
def test_shards_of_any_size_have_one_digest(tmp_path, monkeypatch, shard_bytes):
    rows = [*MIXED, *chats(*"abcdefgh")]
    _, expected = write(tmp_path / "whole", rows)
    monkeypatch.setattr(rows_module, "SHARD_BYTES", shard_bytes)
    _, found = write(tmp_path / "cut", rows)
    assert (len(names(tmp_path / "cut")) > 2) == (shard_bytes < 1 << 20)
    assert found == expected == rows_digest(tmp_path / "cut", names(tmp_path / "cut"))
    assert read(tmp_path / "cut") == read(tmp_path / "whole")


def test_more_than_a_batch_of_rows_in_one_shard_keep_their_order(tmp_path):
    rows = [chat(f"row {number}") for number in range(9_000)]
    _, digest = write(tmp_path, rows)
    assert len(names(tmp_path)) == 1
    assert read(tmp_path) == rows
    assert rows_digest(tmp_path, names(tmp_path)) == digest


def changed(rows, index, **fields):
    import msgspec

    rows = list(rows)
    rows[index] = msgspec.structs.replace(rows[index], **fields)
    return rows


@pytest.mark.parametrize(
    "other",
    [
        [],
        MIXED[:3],
        MIXED[1:],
        [MIXED[2], MIXED[1], MIXED[0], MIXED[3]],
        [MIXED[0], MIXED[3], MIXED[2], MIXED[1]],
        [*MIXED, MIXED[0]],
        changed(MIXED, 0, quality=0.81),
        changed(MIXED, 0, quality=None),
        changed(MIXED, 0, metadata={"z": 1.0, "a": [1.5, None]}),
        changed(MIXED, 0, source="f:9"),
        changed(MIXED, 2, reviewed_by=None),
        changed(MIXED, 1, detail="column 2"),
        changed(MIXED, 1, reason="format"),
    ],
)
def test_any_other_content_or_order_has_another_digest(tmp_path, other):
    assert write(tmp_path / "a", MIXED)[1] != write(tmp_path / "b", other)[1]


def test_kept_and_dropped_rows_may_mix_in_any_way_as_each_keeps_its_order(tmp_path):
    apart = [MIXED[0], MIXED[2], MIXED[1], MIXED[3]]
    assert write(tmp_path / "a", MIXED)[1] == write(tmp_path / "b", apart)[1]


def test_a_row_on_the_other_side_of_the_drop_is_another_artifact(tmp_path):
    row = chat("q")
    dropped = Dropped(source=row.source, reason="x", detail="", row=row)
    digests = {write(tmp_path / str(n), rows)[1] for n, rows in enumerate([[], [row], [dropped]])}
    assert len(digests) == 3


def test_people_can_query_the_shards(tmp_path):
    write(tmp_path, MIXED)
    tables = {name.split("-")[0]: pq.read_table(tmp_path / name) for name in names(tmp_path)}
    assert tables["dropped"]["label"].to_pylist() == ["bad_json", "format"]
    assert tables["kept"]["label"].to_pylist() == [MIXED[0].row_id, MIXED[2].row_id]
    assert tables["kept"].column_names == ["label", "row"]


def test_only_files_that_are_named_are_read(tmp_path):
    _, digest = write(tmp_path, MIXED)
    named = names(tmp_path)
    write(tmp_path, [chat("of a writer that died")])
    assert list(read_rows(tmp_path, named, "kept", Example)) == [MIXED[0], MIXED[2]]
    assert rows_digest(tmp_path, named) == digest
    assert rows_digest(tmp_path, names(tmp_path)) != digest


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.builds(chat, text, text) | st.builds(Dropped, source=text, reason=text, detail=text, row=text), max_size=12))  # fmt: skip
def test_any_rows_come_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    writer, digest = write(folder, rows)
    assert read(folder) == [row for row in rows if isinstance(row, ChatExample)]
    assert read(folder, "dropped", Dropped) == [row for row in rows if isinstance(row, Dropped)]
    assert writer.kept + writer.dropped == len(rows)
    assert rows_digest(folder, names(folder)) == digest
