"""Files of every kind give every row with its place, or say what is wrong; none is lost."""

import bz2
import csv
import gzip
import io
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.data.readers import arrow, items, json_list, read_files, streams
from tunesmith.data.readers.items import Bad, Line, Record, item_size
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError

ROWS = [{"prompt": f"Frage {n}, „ä“\n?", "completion": f'"{n}", \\' * n} for n in range(1, 8)]


def as_csv(rows, delimiter=","):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_parquet(rows, **options):
    out = io.BytesIO()
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    pq.write_table(table, out, **options)
    return out.getvalue()


def as_arrow(rows, new=pa.ipc.new_file, batch=3):
    out = io.BytesIO()
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    with new(out, table.schema) as writer:
        writer.write_table(table, batch)
    return out.getvalue()


KINDS = {
    "jsonl": lambda rows: "".join(f"{json.dumps(row)}\n" for row in rows).encode(),
    "ndjson": lambda rows: "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
    "json": lambda rows: json.dumps(rows, indent=1).encode(),
    "csv": as_csv,
    "tsv": lambda rows: as_csv(rows, "\t"),
    "parquet": lambda rows: as_parquet(rows, row_group_size=3),
    "arrow": as_arrow,
    "feather": lambda rows: as_arrow(rows, pa.ipc.new_file),
    "ipc": lambda rows: as_arrow(rows, pa.ipc.new_stream),
}  # fmt: skip
COMPRESSIONS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
}


def read(root, name, content):
    (root / name).write_bytes(content)
    return list(read_files(gather([name.replace("[", "[[]")], root)))


def values(item):
    return json.loads(item.content) if isinstance(item, Line) else item.values


@pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_rows_also_compressed(tmp_path, kind, compression):
    name, content = f"rows.{kind}", KINDS[kind](ROWS)
    if compression:
        name, content = f"{name}.{compression}", COMPRESSIONS[compression](content)
    found = read(tmp_path, name, content)
    assert [values(item) for item in found] == ROWS
    assert len({item.source for item in found}) == len(ROWS)
    assert all(item.source.startswith(f"{name}:") for item in found)
    assert all(item_size(item) > 0 for item in found)


def test_the_place_of_a_row_is_its_first_line_or_its_number(tmp_path):
    found = {kind: read(tmp_path, f"a.{kind}", KINDS[kind](ROWS[:3]))[2] for kind in KINDS}
    assert {kind: item.source.split(":", 1)[1] for kind, item in found.items()} == {
        "jsonl": "3", "ndjson": "3", "csv": "6", "tsv": "6",  # each question has two lines
        "json": "row 3", "parquet": "row 3", "arrow": "row 3", "feather": "row 3", "ipc": "row 3",
    }  # fmt: skip


# What a file is


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.JSONL", b'{"a": 1}', 1),
        ("rows.2026.jsonl", b'{"a": 1}', 1),
        ("a.json", b' {"a": 1}\n{"a": 2}', 2),
        ("rows", b'{"a": 1}\n{"a": 2}', 2),
        ("rows.txt", b'\xef\xbb\xbf [{"a": 1}]', 1),
        ("rows.dat", KINDS["parquet"](ROWS), 7),
        ("rows.bin", KINDS["ipc"](ROWS), 7),
        ("rows.txt.gz", gzip.compress(b'{"a": 1}'), 1),
    ],
)
def test_a_file_is_what_its_name_says_or_else_what_it_begins_with(
    tmp_path, name, content, expected
):
    assert len(read(tmp_path, name, content)) == expected


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", gzip.compress(b"{}"), "named as JSON lines, but it begins like gzip"),
        ("a.jsonl", KINDS["parquet"](ROWS), "it begins like Parquet"),
        ("a.csv", b"PK\x03\x04rest", "named as CSV, but it begins like zip"),
        ("a.json", bz2.compress(b"[]"), "it begins like bzip2"),
        ("a.parquet", KINDS["arrow"](ROWS), "named as Parquet, but it begins like Arrow"),
        ("a.parquet", b'{"a": 1}', "named as Parquet, but it begins with b'{"),
        ("a.parquet", b"", "it is empty"),
        ("a.arrow", b"FEA1....", "Feather version 1"),
        ("a.jsonl.gz", b'{"a": 1}', "named as gzip, but it begins with"),
        ("a.jsonl.gz", b"", "named as gzip, but it is empty"),
        ("a.jsonl.zst", gzip.compress(b"{}"), "named as zstd, but it begins like gzip"),
        ("a.txt", b"prose", "neither its name nor its first bytes"),
        ("a", b"a,b\n1,2\n", "neither its name nor its first bytes"),
        ("a.jsonl", '{"a": 1}'.encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("a.csv", "a,b\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name, content, says):
    with pytest.raises(InputError) as raised:
        read(tmp_path, name, content)
    assert name in str(raised.value)
    assert says in str(raised.value)


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "txt"])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n \r\n"])
def test_an_empty_text_file_has_no_rows(tmp_path, kind, content):
    if kind == "txt" and content:
        return
    assert read(tmp_path, f"a.{kind}", content) == []


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "arrow", "ipc"])
def test_a_table_without_rows_has_none(tmp_path, kind):
    empty = pa.table({"a": pa.array([], pa.string())})
    content = {"csv": b"a,b\r\n", "json": b" [ ]\n"}.get(kind) or (
        as_parquet(empty) if kind == "parquet" else KINDS[kind](empty)
    )
    assert read(tmp_path, f"a.{kind}", content) == []


# Damage


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("cut", [1, 9, 0.5, "after the head"])
def test_a_compressed_file_that_was_cut_is_an_error(tmp_path, kind, compression, cut):
    content = COMPRESSIONS[compression](KINDS[kind](ROWS * 30))
    left = {1: len(content) - 1, 9: len(content) - 9, 0.5: len(content) // 2}.get(cut, 12)
    with pytest.raises(InputError, match="damaged or cut short"):
        read(tmp_path, f"a.{kind}.{compression}", content[:left])


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_members_follow_each_other_and_nothing_else_does(tmp_path, compression):
    pack = COMPRESSIONS[compression]
    first, other = pack(b'{"a": 1}\n'), pack(b'{"a": 2}\n')
    name = f"a.jsonl.{compression}"
    assert [values(item)["a"] for item in read(tmp_path, name, first + other)] == [1, 2]
    for rest in (b"x", b"more than a few bytes of other things", other[:-1], b"Z" + other[1:]):
        with pytest.raises(InputError, match="damaged or cut short"):
            read(tmp_path, name, first + rest)


@pytest.mark.parametrize("kind", ["json", "parquet", "arrow", "feather", "ipc"])
def test_no_cut_of_a_file_with_an_end_goes_unseen(tmp_path, kind):
    content = KINDS[kind](ROWS).rstrip()
    for left in {*range(1, len(content), max(1, len(content) // 60)), len(content) - 1}:
        with pytest.raises(InputError):
            read(tmp_path, f"a.{kind}", content[:left])


def test_an_arrow_stream_cut_between_batches_is_an_error(tmp_path):
    whole = as_arrow(ROWS, pa.ipc.new_stream)
    with pa.ipc.open_stream(whole[:-8]) as cut:
        assert cut.read_all().num_rows == len(ROWS), "the trap is not set"
    with pytest.raises(InputError, match="its end is missing"):
        read(tmp_path, "a.arrow", whole[:-8])
    with pytest.raises(InputError, match="goes on after its end"):
        read(tmp_path, "a.arrow", whole + whole)


def test_a_line_that_was_cut_is_a_row_of_its_own(tmp_path):
    found = read(tmp_path, "a.jsonl", KINDS["jsonl"](ROWS)[:-5])
    assert len(found) == len(ROWS)


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet", "arrow", "jsonl.gz"])
def test_a_file_that_changes_while_it_is_read_voids_its_rows(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(streams, "CHUNK", 1000)
    monkeypatch.setattr(json_list, "_CHUNK", 1000)
    path = tmp_path / f"a.{kind}"
    many, other = ROWS * 100, [*ROWS * 99, *reversed(ROWS)]
    plain = kind.removesuffix(".gz")
    pack = gzip.compress if kind.endswith(".gz") else bytes
    path.write_bytes(pack(KINDS[plain](many)))
    files = gather([path.name], tmp_path)
    found = read_files(files)
    next(found)
    path.write_bytes(pack(KINDS[plain](other)))
    with pytest.raises(InputError, match=rf"{path.name}: changed while it was being read"):
        list(found)


def test_a_bomb_is_stopped_before_it_fills_memory_or_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "FREE", 1 << 20)
    for compression, pack in COMPRESSIONS.items():
        bomb = pack(b" " * (40 << 20))
        with pytest.raises(InputError, match="expands more than 200 times"):
            read(tmp_path, f"a.jsonl.{compression}", bomb)
    # Text that repeats itself a little is no bomb.
    text = "".join(f'{{"prompt": "q{n}", "completion": "{n * n}"}}\n' for n in range(40_000))
    assert len(text) > 1 << 20
    assert len(read(tmp_path, "b.jsonl.gz", gzip.compress(text.encode()))) == 40_000


# Lines and lists


def test_ten_megabytes_in_one_row_are_read(tmp_path):
    row = {"prompt": "q" * 10_000_000, "completion": '"\\\n' * 100}
    for kind in KINDS:
        assert [values(item) for item in read(tmp_path, f"a.{kind}", KINDS[kind]([row]))] == [row]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[1]", [b"1"]),
        (b" [1, 2] \n", [b"1", b"2"]),
        (b'[{"a": "],["}, [1, [2, 3]], "x\\"]"]', [b'{"a": "],["}', b"[1, [2, 3]]", b'"x\\"]"']),
        (b'["\\\\", "\\\\\\""]', [b'"\\\\"', b'"\\\\\\""']),
        (b"[1,,2]", [b"1", b"", b"2"]),
        (b"[1,]", [b"1"]),
        (b"[NaN, {'a'}]", [b"NaN", b"{'a'}"]),
        ("[\u2028\u00a0]".encode(), ["\u2028\u00a0".encode()]),
    ],
)
def test_a_list_is_read_element_by_element(tmp_path, monkeypatch, content, expected):
    for chunk in (1, 2, 3, 1 << 18):
        monkeypatch.setattr(json_list, "_CHUNK", chunk)
        found = read(tmp_path, "a.json", content)
        assert [item.content for item in found] == expected
        assert [item.source for item in found] == [f"a.json:row {n + 1}" for n in range(len(found))]


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.lists(json_values, max_size=5), st.integers(1, 20), st.sampled_from([None, 1]))
@settings(max_examples=80, deadline=None)
def test_any_list_comes_apart_as_it_was_made(tmp_path_factory, rows, chunk, indent):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_list, "_CHUNK", chunk)
        content = json.dumps(rows, indent=indent).encode()
        found = read(tmp_path_factory.mktemp("list"), "a.json", content)
    assert [json.loads(item.content) for item in found] == rows


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'"text"', "begins with b'\"text\"'"),
        (b"nonsense", "expected a list"),
        (b"[1, 2", "cut short: the list is not closed after 1 elements"),
        (b'[1, "2]', "cut short"),
        (b"[" * 5000, "cut short"),
        (b"[1] 2", "goes on after its list of 1 elements, with b'2'"),
        (b"[1][2]", "goes on after"),
        (b"[1}, 2]", "goes on after"),
    ],
)
def test_what_is_no_whole_list_is_an_error(tmp_path, monkeypatch, content, says):
    for chunk in (1, 1 << 18):
        monkeypatch.setattr(json_list, "_CHUNK", chunk)
        with pytest.raises(InputError, match=r"a\.json: ") as raised:
            read(tmp_path, "a.json", content)
        assert says in str(raised.value) or chunk == 1


def test_an_element_beyond_the_limit_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(items, "MAX_LINE", 100)
    monkeypatch.setattr(json_list, "_CHUNK", 10)
    assert len(read(tmp_path, "a.json", json.dumps(["x" * 80] * 9).encode())) == 9
    with pytest.raises(InputError, match="a.json:row 2: longer than"):
        read(tmp_path, "a.json", json.dumps([1, "x" * 200]).encode())


# CSV


def csv_rows(tmp_path, content, name="a.csv"):
    return read(tmp_path, name, content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", [("2", {"a": "1", "b": "2"})]),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4", [("2", {"a": "1", "b": "2"}), ("4", {"a": "3", "b": "4"})]),
        (b'a,b\n"1\n,""x""",2\n3,', [("2", {"a": '1\n,"x"', "b": "2"}), ("4", {"a": "3", "b": ""})]),
        (b"\n\na\nx\n", [("4", {"a": "x"})]),
        (b",a\n0,x\n", [("2", {"": "0", "a": "x"})]),
        (b'"a",b\n"",2\n', [("2", {"a": "", "b": "2"})]),
        ("a\nx\u2028y\x0bz\n".encode(), [("2", {"a": "x\u2028y\x0bz"})]),
    ],
)  # fmt: skip
def test_csv_is_read_with_its_quotes_and_line_breaks(tmp_path, content, expected):
    found = csv_rows(tmp_path, content)
    assert [(item.source, item.values) for item in found] == [
        (f"a.csv:{line}", values) for line, values in expected
    ]


@pytest.mark.parametrize(
    ("record", "reason", "detail"),
    [
        (b"1,2,3", "wrong_shape", "found 3 columns; expected 2"),
        (b"1", "wrong_shape", "found 1 columns"),
        (b"1,\xff", "not_utf8", "UTF-8"),
        (b"1,a\x00b", "not_utf8", "UTF-8"),
        (b'"a"b,2', "bad_csv", "cannot be read"),
        (b"a\rb,2", "bad_csv", "cannot be read"),
    ],
)
def test_a_bad_record_is_one_bad_row_with_its_bytes(tmp_path, record, reason, detail):
    first, bad, last = csv_rows(tmp_path, b"a,b\n1,2\n" + record + b"\n3,4\n")
    assert isinstance(bad, Bad)
    assert (bad.source, bad.reason, bad.content) == ("a.csv:3", reason, record)
    assert detail in bad.detail
    assert isinstance(first, Record)
    assert (last.source, last.values) == ("a.csv:4", {"a": "3", "b": "4"})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"a;b\n1;x, y\n", {"a": "1", "b": "x, y"}),
        ("a.csv", b'\xef\xbb\xbf"a, too";"b"\r\n1;"x; y"\r\n', {"a, too": "1", "b": "x; y"}),
        ("a.csv", b"a\tb\n1\tx;y\n", {"a": "1", "b": "x;y"}),
        ("a.tsv", b"a,b\n1,x\ty\n", {"a": "1", "b": "x\ty"}),
        ("a.csv", b"a|b\n1|x\n", {"a": "1", "b": "x"}),
        ("a.csv", b"a;b,c\n1;2,x\n", {"a;b": "1;2", "c": "x"}),  # what the name promises goes first
        ("a.csv", b'"a;b"\n1;2\n', {"a;b": "1;2"}),  # one column, whose name is quoted
        ("a.tsv", b"a\n1,2\n", {"a": "1,2"}),
    ],
)  # fmt: skip
def test_a_header_tells_the_separator_where_the_name_promises_another(tmp_path, name, content, expected):  # fmt: skip
    (row,) = csv_rows(tmp_path, content, name)
    assert row.values == expected


def test_another_separator_is_said_once_and_rows_that_do_not_fit_it_are_dropped(tmp_path, caplog):
    caplog.set_level("INFO", logger="tunesmith")
    for _ in range(2):
        good, bad = csv_rows(tmp_path, b"a;b\n1;2\n1,2\n", "said once.csv")
    assert (good.values, bad.reason) == ({"a": "1", "b": "2"}, "wrong_shape")
    assert [record.message for record in caplog.records] == ["said once.csv: its columns are separated by semicolons"]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,a\n1,2\n", "a.csv:1: the header holds 'a' twice"),
        (b"a,\xff\n1,2\n", "the header holds bytes that are not UTF-8"),
        (b'a,b\n1,2\n3,"4\n5,6\n', "a.csv:3: a quote that opens here is never closed"),
        (b"a,b\r1,2\r3,4\r", "the header holds"),
    ],
)
def test_a_header_or_a_quote_that_spoils_the_file_is_an_error(tmp_path, content, says):
    with pytest.raises(InputError) as raised:
        csv_rows(tmp_path, content)
    assert says in str(raised.value)


def test_a_record_beyond_the_limit_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(items, "MAX_LINE", 100)
    with pytest.raises(InputError, match="a.csv:2: a record longer than"):
        csv_rows(tmp_path, b'a\n"' + b"x\n" * 100)


cells = st.text(st.characters(exclude_characters="\x00\ud800", codec="utf-8"), max_size=4)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6), st.sampled_from(",\t"))
@settings(max_examples=80, deadline=None)
def test_no_record_is_lost_whatever_its_cells_hold(tmp_path_factory, rows, delimiter):
    content = as_csv([{"a": one, "b": other} for one, other in rows], delimiter)
    kind = "csv" if delimiter == "," else "tsv"
    found = csv_rows(tmp_path_factory.mktemp("csv"), content, f"a.{kind}")
    assert [(item.values["a"], item.values["b"]) for item in found] == rows


# Parquet and Arrow


def test_names_of_classes_stand_for_their_numbers(tmp_path):
    features = {
        "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
        "text": {"_type": "Value"},
    }
    known = json.dumps({"info": {"features": features}})
    table = pa.table({"text": ["a", "b", "c", "d"], "label": [1, 0, None, 7]})
    named = table.replace_schema_metadata({"huggingface": known})
    for kind in ("parquet", "arrow"):
        content = as_parquet(named) if kind == "parquet" else as_arrow(named)
        found = read(tmp_path, f"a.{kind}", content)
        assert [item.values["label"] for item in found] == ["yes", "no", None, 7]
    for odd in ("[]", "{", '{"info": {"features": [1]}}', '{"info": {"features": {"a": 7}}}'):
        assert arrow.class_names({b"huggingface": odd.encode()}) == {}


def test_a_column_that_stands_twice_is_an_error(tmp_path):
    table = pa.table([pa.array(["x"]), pa.array(["y"])], names=["a", "a"])
    with pytest.raises(InputError, match="the column 'a' twice"):
        read(tmp_path, "a.arrow", as_arrow(table))


def test_a_column_s_name_that_is_not_utf_8_is_an_error(tmp_path):
    broken = as_arrow([{"columnX": "x"}]).replace(b"columnX", b"column\xff")
    with pytest.raises(InputError, match="Arrow that is damaged"):
        read(tmp_path, "a.arrow", broken)


def test_text_that_is_not_utf_8_is_one_bad_row(tmp_path):
    binary = pa.array([b"good", b"\xff\xfe", b"fine"], pa.binary())
    table = pa.table({"a": pa.Array.from_buffers(pa.string(), 3, binary.buffers())})
    for kind in ("parquet", "arrow"):
        content = as_parquet(table) if kind == "parquet" else as_arrow(table)
        found = read(tmp_path, f"a.{kind}", content)
        assert [getattr(item, "reason", None) for item in found] == [None, "not_utf8", None]
        assert found[1].source == f"a.{kind}:row 2"


def test_a_row_group_beyond_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow, "MAX_GROUP", 100)
    for kind in ("parquet", "arrow"):
        with pytest.raises(InputError, match="smaller ones"):
            read(tmp_path, f"a.{kind}", KINDS[kind](ROWS * 10))
