"""Lines in, examples and drops out: each line once, in order, from the right source."""

import pytest
from pydantic import ValidationError

from tests.made_rows import kept, line, reasons
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError
from tunesmith.records import ChatExample, Dropped, Example
from tunesmith.stages.ingest import READING_PROBLEMS, STAGE, IngestParams, SourceParams, ingest


def params(*paths, **fields):
    sources = tuple(
        SourceParams(path=path, origin=origin)
        for path, origin in (item if isinstance(item, tuple) else (item, "human") for item in paths)
    )
    return IngestParams(sources=sources, **fields)


def write(root, name, *lines):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{item}\n" for item in lines))


def read(root, asked):
    return list(ingest(asked, gather([source.path for source in asked.sources], root)))


def test_rows_come_in_the_order_of_files_and_lines_with_their_place(tmp_path):
    write(tmp_path, "b.jsonl", line("b1"), "", line("b3"))
    write(tmp_path, "a.jsonl", line("a1"), "{", line("a3"))
    rows = read(tmp_path, params("*.jsonl", bad_share=0.5))
    assert [row.source for row in rows] == [
        "a.jsonl:1", "a.jsonl:2", "a.jsonl:3", "b.jsonl:1", "b.jsonl:3",
    ]  # fmt: skip
    assert reasons(rows) == [None, "bad_json", None, None, None]


def test_a_name_with_a_colon_is_no_line_number(tmp_path):
    write(tmp_path, "12:30.jsonl", line())
    assert read(tmp_path, params("*.jsonl"))[0].source == "12:30.jsonl:1"


@pytest.mark.parametrize(
    ("paths", "origins"),
    [
        ([("**/*.jsonl", "production")], ["production"] * 3),
        ([("./*.jsonl", "production"), ("sub/*.jsonl", "human"), ("sub/deep/*", "human")],
         ["production", "human", "human"]),
        # `*` stays within a folder, so the first source has nothing to say about the deep file.
        ([("*.jsonl", "human"), ("sub/*.jsonl", "human"), ("sub/deep/*.jsonl", "production")],
         ["human", "human", "production"]),
        ([("sub/b.jsonl", "production"), ("**/*.jsonl", "human")], ["human", "production", "human"]),
    ],
)  # fmt: skip
def test_a_row_has_the_origin_of_the_first_source_that_finds_its_file(tmp_path, paths, origins):
    write(tmp_path, "a.jsonl", line("a"))
    write(tmp_path, "sub/b.jsonl", line("b"))
    write(tmp_path, "sub/deep/c.jsonl", line("c"))
    rows = read(tmp_path, params(*paths))
    assert [row.origin for row in rows] == origins


def test_the_answers_of_a_model_are_no_source():
    with pytest.raises(ValidationError, match="human"):
        SourceParams(path="x", origin="model")


@pytest.mark.parametrize(("bad", "share"), [(0, 0.0), (5, 0.05), (1, 0.01), (100, 1.0)])
def test_so_many_bad_lines_are_dropped_and_the_run_goes_on(tmp_path, bad, share):
    write(tmp_path, "a.jsonl", *["{"] * bad, *[line(str(n)) for n in range(100 - bad)])
    rows = read(tmp_path, params("a.jsonl", bad_share=share))
    assert (len(kept(rows)), reasons(rows).count("bad_json")) == (100 - bad, bad)


@pytest.mark.parametrize(("bad", "share"), [(6, 0.05), (1, 0.0), (51, 0.5)])
def test_one_more_stops_it_with_examples(tmp_path, bad, share):
    write(tmp_path, "a.jsonl", *[line(str(n)) for n in range(100 - bad)], *["{"] * bad)
    with pytest.raises(InputError) as raised:
        read(tmp_path, params("a.jsonl", bad_share=share))
    told = str(raised.value)
    assert f"{bad} of 100 lines" in told
    assert told.count("bad_json") == min(bad, 5)
    assert f"a.jsonl:{101 - bad}: bad_json: column 2" in told


def test_every_reason_but_a_secret_counts_as_a_bad_line(tmp_path):
    write(tmp_path, "a.jsonl", line("q"), *[line(f"password: hunter{n}x") for n in range(9)])
    rows = read(tmp_path, params("a.jsonl", bad_share=0.01))
    assert reasons(rows) == [None, *["secret"] * 9]
    assert READING_PROBLEMS.isdisjoint({"secret"})
    for bad in ("{", '{"messages": 1}', '{"a": 1, "a": 2}', line(" ")):
        write(tmp_path, "b.jsonl", bad)
        with pytest.raises(InputError, match="1 of 1 lines"):
            read(tmp_path, params("b.jsonl", bad_share=0.5))


def test_where_every_line_must_be_good_a_secret_is_no_silent_drop(tmp_path):
    write(tmp_path, "golden.jsonl", line("q"), line("password: hunter2x"))
    with pytest.raises(InputError, match=r"1 of 2 .*every line.*\n  golden\.jsonl:2: secret"):
        read(tmp_path, params("golden.jsonl", bad_share=0.0))


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_files_without_a_line_are_an_error(tmp_path, lines):
    write(tmp_path, "a.jsonl", *lines)
    with pytest.raises(InputError, match=r"a\.jsonl: no lines at all"):
        read(tmp_path, params("a.jsonl"))


def test_the_stage_accounts_for_every_line(store, tmp_path):
    write(tmp_path, "a.jsonl", line("1", conversation="c"), "{", line("2", conversation="c"))
    asked = params("a.jsonl", group_by="conversation", bad_share=0.5)
    ref = store.build(STAGE, asked, gather(["a.jsonl"], tmp_path))
    rows = list(store.rows(ref, Example))
    assert all(isinstance(row, ChatExample) for row in rows)
    assert rows[0].group_id == rows[1].group_id
    (dropped,) = store.dropped(ref)
    assert isinstance(dropped, Dropped)
    assert (dropped.source, dropped.reason, dropped.row) == ("a.jsonl:2", "bad_json", "{")
    (record,) = store.all_records()
    assert record["counts"] == {"rows_in": 3, "kept": 2, "dropped": {"bad_json": 1}}


def test_a_run_that_stops_leaves_no_artifact(store, tmp_path):
    write(tmp_path, "a.jsonl", *["{"] * 3)
    with pytest.raises(InputError):
        store.build(STAGE, params("a.jsonl"), gather(["a.jsonl"], tmp_path))
    assert list(store.all_records()) == []
    assert store.storage.sizes("examples") == {}


def test_the_same_content_elsewhere_is_a_hit_and_changed_content_is_not(store, tmp_path):
    for folder in ("one", "other"):
        write(tmp_path / folder, "a.jsonl", line("1"))
    asked = params("a.jsonl")
    ref = store.build(STAGE, asked, gather(["a.jsonl"], tmp_path / "one"))
    assert store.find(STAGE, asked, gather(["a.jsonl"], tmp_path / "other")) == ref
    write(tmp_path / "other", "a.jsonl", line("1"), "")
    assert store.find(STAGE, asked, gather(["a.jsonl"], tmp_path / "other")) is None
