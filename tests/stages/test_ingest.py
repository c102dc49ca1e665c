"""Lines in, examples and drops out: each line once, in order, from the right source."""

import csv
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.made_rows import kept, line, reasons
from tunesmith import observe
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


def build(store, root, asked):
    return store.build(STAGE, asked, gather([source.path for source in asked.sources], root))


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


def test_an_origin_is_one_that_is_known():
    with pytest.raises(ValidationError, match="human"):
        SourceParams(path="x", origin="robot")


def test_the_answers_of_a_model_go_in_where_somebody_reviewed_them(tmp_path):
    write(tmp_path, "a.jsonl", line("1", reviewed_by="Ada"), line("2"), line("3", reviewed_by=""))
    write(tmp_path, "b.jsonl", line("4"), line("5", origin="model"))
    rows = read(tmp_path, params(("a.jsonl", "model"), ("b.jsonl", "production")))
    unreviewed = "unreviewed_model_output"
    assert reasons(rows) == [None, unreviewed, unreviewed, None, unreviewed]
    assert [row.origin for row in kept(rows)] == ["model", "production"]
    assert unreviewed not in READING_PROBLEMS


def test_a_source_of_which_nothing_was_reviewed_is_refused(store, tmp_path):
    write(tmp_path, "a.jsonl", *[line(str(n)) for n in range(9)])
    asked = params(("a.jsonl", "model"))
    for run in (lambda: read(tmp_path, asked), lambda: build(store, tmp_path, asked)):
        with pytest.raises(InputError, match="9 of 9 rows were written by a model .*reviewed_by"):
            run()


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
    assert f"{bad} of 100 rows" in told
    assert told.count("bad_json") == min(bad, 5)
    assert f"a.jsonl:{101 - bad}: bad_json: column 2" in told


def test_every_reason_but_a_secret_counts_as_a_bad_line(tmp_path):
    write(tmp_path, "a.jsonl", line("q"), *[line(f"password: hunter{n}x") for n in range(9)])
    rows = read(tmp_path, params("a.jsonl", bad_share=0.01))
    assert reasons(rows) == [None, *["secret"] * 9]
    assert READING_PROBLEMS.isdisjoint({"secret"})
    for bad in ("{", '{"messages": 1}', '{"a": 1, "a": 2}', line(" ")):
        write(tmp_path, "b.jsonl", bad)
        with pytest.raises(InputError, match="1 of 1 rows"):
            read(tmp_path, params("b.jsonl", bad_share=0.5))


def test_where_every_line_must_be_good_a_secret_is_no_silent_drop(tmp_path):
    write(tmp_path, "golden.jsonl", line("q"), line("password: hunter2x"))
    with pytest.raises(InputError, match=r"1 of 2 .*every row.*\n  golden\.jsonl:2: secret"):
        read(tmp_path, params("golden.jsonl", bad_share=0.0))


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_files_without_a_line_are_an_error(tmp_path, lines):
    write(tmp_path, "a.jsonl", *lines)
    with pytest.raises(InputError, match=r"a\.jsonl: no rows at all"):
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


def test_a_run_that_stops_leaves_no_record(store, tmp_path):
    write(tmp_path, "a.jsonl", *["{"] * 3)
    with pytest.raises(InputError, match=r"3 of 3 rows.*\n  a\.jsonl:1: bad_json"):
        store.build(STAGE, params("a.jsonl"), gather(["a.jsonl"], tmp_path))
    assert list(store.all_records()) == []


def test_the_same_content_elsewhere_is_a_hit_and_changed_content_is_not(store, tmp_path):
    for folder in ("one", "other"):
        write(tmp_path / folder, "a.jsonl", line("1"))
    asked = params("a.jsonl")
    ref = store.build(STAGE, asked, gather(["a.jsonl"], tmp_path / "one"))
    assert store.find(STAGE, asked, gather(["a.jsonl"], tmp_path / "other")) == ref
    write(tmp_path / "other", "a.jsonl", line("1"), "")
    assert store.find(STAGE, asked, gather(["a.jsonl"], tmp_path / "other")) is None


# Kinds and shapes


def records(store):
    (record,) = store.all_records()
    return record


def test_files_of_many_kinds_and_shapes_are_one_data_set(store, tmp_path):
    write(tmp_path, "chats.jsonl", line("1"))
    (tmp_path / "alpaca.json").write_text(json.dumps([{"instruction": "2", "output": "a"}]))
    with gzip.open(tmp_path / "intents.csv.gz", "wt") as file:
        csv.writer(file).writerows([["text", "category"], ["3", "lost_card"]])
    pairs = [{"prompt": "4", "chosen": "a", "rejected": "b"}]
    pq.write_table(pa.Table.from_pylist(pairs), tmp_path / "pairs.parquet")
    asked = IngestParams(
        sources=(
            SourceParams(path="chats.jsonl", origin="human"),
            SourceParams(path="*.json", origin="production"),
            SourceParams(path="intents.csv.gz", origin="human", columns={"label": "category"}),
            SourceParams(path="pairs.parquet", origin="human"),
        )
    )
    ref = build(store, tmp_path, asked)
    rows = list(store.rows(ref, Example))
    assert [row.source for row in rows] == [
        "alpaca.json:row 1", "chats.jsonl:1", "intents.csv.gz:2", "pairs.parquet:row 1",
    ]  # fmt: skip
    assert [row.prompt[-1].content for row in rows] == ["2", "1", "3", "4"]
    assert records(store)["notes"]["shapes"] == {
        "chats.jsonl": "chat",
        "*.json": "alpaca",
        "intents.csv.gz": "label",
        "pairs.parquet": "preference",
    }
    assert rows == read(tmp_path, asked)


def test_the_names_that_were_taken_stand_in_the_record(store, tmp_path):
    write(tmp_path, "a.jsonl", '{"text": "t", "intent": "lost", "date": "2026-01-02"}')
    source = SourceParams(path="a.jsonl", origin="human", columns={"written": "date"})
    ref = build(store, tmp_path, IngestParams(sources=(source,)))
    (row,) = store.rows(ref, Example)
    assert (row.text, row.label, row.metadata) == ("t", "lost", {})
    assert row.written.startswith("2026-01-02")
    assert records(store)["notes"]["shapes"] == {"a.jsonl": "label (label: intent)"}


def test_no_progress_is_told_where_nobody_knows_how_much_there_is(store, tmp_path):
    class Watcher(observe.Observer):
        def progressed(self, label, done, total, unit):
            raise AssertionError(f"{done} of {total} {unit}")

    write(tmp_path, "a.jsonl", line())
    with observe.observing(Watcher()):
        assert build(store, tmp_path, params("a.jsonl")).rows == 1


def test_a_row_of_another_shape_than_its_source_is_dropped(tmp_path):
    other = json.dumps({"instruction": "q", "output": "a"})
    write(tmp_path, "a.jsonl", *[line(str(n)) for n in range(30)], other)
    write(tmp_path, "b.jsonl", other)
    rows = read(tmp_path, params("a.jsonl", "b.jsonl"))
    assert reasons(rows) == [*[None] * 30, "wrong_shape", None]


def test_a_shape_that_is_not_clear_stops_before_any_row(store, tmp_path):
    write(tmp_path, "a.jsonl", '{"prompt": "q", "completion": "a", "text": "t", "label": "l"}')
    with pytest.raises(InputError, match=r"\*.jsonl: .*`shape: prompt_completion`"):
        build(store, tmp_path, params("*.jsonl"))
    source = SourceParams(path="*.jsonl", origin="human", shape="label")
    (row,) = read(tmp_path, IngestParams(sources=(source,)))
    assert (row.text, row.metadata) == ("t", {"prompt": "q", "completion": "a"})


@pytest.mark.parametrize("columns", [{"question": "q"}, {"prompt": ""}, {"prompt": 7}])
def test_a_mapping_names_fields_and_keys(columns):
    with pytest.raises(ValidationError):
        SourceParams(path="x", origin="human", columns=columns)


def test_the_stage_makes_the_same_rows_on_all_cores(store, tmp_path, monkeypatch):
    from tunesmith.engine import LocalEngine

    monkeypatch.setattr("tunesmith.engine.ALONE_SECONDS", 0.0)
    lines = [line(f"q{n}") if n % 7 else "{" for n in range(3000)]
    write(tmp_path, "a.jsonl", *lines)
    asked = params("a.jsonl", bad_share=0.5)
    alone = build(store, tmp_path, asked)
    other = type(store)(str(tmp_path / "other"))
    monkeypatch.setattr(other, "engine", LocalEngine(2))
    assert build(other, tmp_path, asked) == alone
    assert (alone.rows, alone.dropped) == (2571, 429)
