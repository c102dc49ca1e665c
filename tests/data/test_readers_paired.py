"""Exported rows are read with their provenance, line by line, and neither loses a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.readers import read_files
from tunesmith.data.readers.items import Bad, Line, item_size
from tunesmith.data.readers.paired import paired, provenance_name, row_files, rows_name
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError


def write(root, **files):
    for name, content in files.items():
        (root / f"{name.replace('__', '.')}.jsonl").write_text(content)


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("rows.jsonl", "rows.provenance.jsonl"),
        ("s3://bucket/a.b.jsonl", "s3://bucket/a.b.provenance.jsonl"),
        ("rows.provenance.jsonl", None),
        ("rows.jsonl.gz", None),
        ("rows.json", None),
        ("provenance.jsonl", "provenance.provenance.jsonl"),
    ],
)
def test_a_name_says_what_its_provenance_would_be_called(name, beside):
    assert provenance_name(name) == beside
    assert beside is None or rows_name(beside) == name


def test_files_that_stand_alone_are_rows_whatever_they_are_called():
    names = ["a.jsonl", "a.provenance.jsonl", "b.provenance.jsonl", "c.jsonl"]
    assert row_files(names) == ["a.jsonl", "b.provenance.jsonl", "c.jsonl"]


@pytest.mark.parametrize("patterns", [["*.jsonl"], ["rows.jsonl"], ["r*s.jsonl", "**/*"]])
def test_provenance_goes_with_its_rows_and_into_their_digest(tmp_path, patterns):
    write(tmp_path, rows="1\n2\n", rows__provenance="a\nb\n")
    files = gather(patterns, tmp_path)
    assert files.names == ("rows.jsonl", "rows.provenance.jsonl")
    assert list(read_files(files)) == [
        Line("rows.jsonl:1", b"1", True, b"a"), Line("rows.jsonl:2", b"2", True, b"b"),
    ]  # fmt: skip
    write(tmp_path, rows__provenance="a\nc\n")
    assert gather(patterns, tmp_path).digest != files.digest
    with pytest.raises(InputError, match=r"rows\.provenance\.jsonl: changed"):
        list(read_files(files))


def test_provenance_without_its_rows_is_a_file_like_any_other(tmp_path):
    write(tmp_path, rows__provenance="1\n", other="2\n")
    files = gather(["*.jsonl"], tmp_path)
    assert [item.source for item in read_files(files)] == ["other.jsonl:1", "rows.provenance.jsonl:1"]  # fmt: skip
    assert [item.provenance for item in read_files(files)] == [None, None]


@pytest.mark.parametrize("pattern", ["rows.provenance.jsonl", "*.provenance.jsonl"])
def test_provenance_alone_is_no_source_where_its_rows_are(tmp_path, pattern):
    write(tmp_path, rows="1\n", rows__provenance="a\n")
    with pytest.raises(InputError, match=r"name the file with the rows, rows\.jsonl"):
        gather([pattern], tmp_path)


def test_the_longest_name_has_no_provenance(tmp_path):
    name = "x" * 249 + ".jsonl"
    (tmp_path / name).write_text("1\n")
    assert gather(["*.jsonl"], tmp_path).names == (name,)


def test_lines_are_paired_by_their_numbers_and_what_is_left_over_is_told(tmp_path):
    write(tmp_path, rows="1\n\n3\n4\n6\n", rows__provenance="a\nb\nc\n\n\nf\ng\n")
    found = list(read_files(gather(["rows.jsonl"], tmp_path)))
    assert [item[:2] + item[3:] for item in found if isinstance(item, Line)] == [
        ("rows.jsonl:1", b"1", b"a"), ("rows.jsonl:3", b"3", b"c"), ("rows.jsonl:4", b"4", b""),
        ("rows.jsonl:5", b"6", b""),
    ]  # fmt: skip
    assert [(item.source, item.reason, item.content) for item in found if isinstance(item, Bad)] == [
        ("rows.provenance.jsonl:2", "bad_provenance", b"b"),
        ("rows.provenance.jsonl:6", "bad_provenance", b"f"),
        ("rows.provenance.jsonl:7", "bad_provenance", b"g"),
    ]  # fmt: skip
    assert item_size(found[0]) == 2


numbers = st.sets(st.integers(1, 12)).map(sorted)


@given(numbers, numbers)
def test_every_line_of_both_comes_out_once(rows, beside):
    lines = [Line(f"r:{number}", b"r%d" % number, True) for number in rows]
    facts = [Line(f"p:{number}", b"p%d" % number, True) for number in beside]
    found = list(paired(lines, facts, "r"))
    own = [item for item in found if isinstance(item, Line)]
    assert [item._replace(provenance=None) for item in own] == lines
    assert [item.provenance for item in own] == [
        b"p%d" % number if number in beside else b"" for number in rows
    ]
    alone = [int(item.source[2:]) for item in found if isinstance(item, Bad)]
    assert alone == sorted(set(beside) - set(rows))
