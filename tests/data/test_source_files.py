"""Files are found by name, known by content, and read without losing a line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.readers import items
from tunesmith.data.readers import read_files as lines
from tunesmith.data.source_files import gather, matches
from tunesmith.errors import InputError


def write(root, **files):
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def contents(files):
    return [(line.source, line.content) for line in lines(files)]


def test_files_come_in_order_of_their_names_each_once(tmp_path):
    write(tmp_path, b_jsonl="1", a_jsonl="2", sub__c_jsonl="3", a_txt="4")
    found = gather(["b.jsonl", "*.jsonl", "./a.jsonl", "sub//c.jsonl", "**/*.jsonl"], tmp_path)
    assert found.names == ("a.jsonl", "b.jsonl", "sub/c.jsonl")
    assert contents(found) == [("a.jsonl:1", b"2"), ("b.jsonl:1", b"1"), ("sub/c.jsonl:1", b"3")]


def test_the_digest_is_of_names_and_contents_and_not_of_the_folder(tmp_path):
    for folder in ("one", "other"):
        write(tmp_path / folder, a_jsonl="1", b_jsonl="2")
    one, other = (gather(["*.jsonl"], tmp_path / folder) for folder in ("one", "other"))
    assert (one.digest, one.sha256) == (other.digest, other.sha256)
    assert one.root != other.root
    write(tmp_path / "other", b_jsonl="3")
    assert gather(["*.jsonl"], tmp_path / "other").digest != one.digest
    (tmp_path / "other" / "b.jsonl").rename(tmp_path / "other" / "c.jsonl")
    write(tmp_path / "other", c_jsonl="2")
    assert gather(["*.jsonl"], tmp_path / "other").digest != one.digest


@pytest.mark.parametrize(
    "pattern", ["none.jsonl", "*.csv", "sub", "", ".", "**x/*.jsonl", "/nowhere/*"]
)
def test_a_pattern_that_finds_nothing_is_an_error_that_names_it(tmp_path, pattern):
    write(tmp_path, a_jsonl="1", sub__b_jsonl="2")
    with pytest.raises(InputError) as raised:
        gather(["a.jsonl", pattern], tmp_path)
    assert (pattern or "''") in str(raised.value)


def test_a_file_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    write(tmp_path, a_jsonl="1")

    def refuse(path, mode):  # root, as whom tests may run, may read every file
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"a\.jsonl: cannot be read: Permission denied"):
        gather(["a.jsonl"], tmp_path)


TREE = (
    "a.jsonl",
    "x/a.jsonl",
    "x/b.jsonl",
    "x/y/a.jsonl",
    "x/y/z/c.json",
    "a[1].jsonl",
    "a1.jsonl",
)


@pytest.mark.parametrize(
    "pattern",
    ["a.jsonl", "./a.jsonl", "*.jsonl", "*", "x/*.jsonl", "x//*.jsonl", "*/a.jsonl", "x/y/*", "**/*.jsonl",
     "**/a.jsonl", "x/**/*.jsonl", "x/**/c.json", "**/y/*", "**/**/*.jsonl", "?.jsonl", "[ab].jsonl",
     "a[[]1].jsonl", "a[1].jsonl", "x/?/a.jsonl", "x", "**", "*/*/*"],
)  # fmt: skip
def test_a_name_matches_a_pattern_just_where_the_files_are_found_by_it(tmp_path, pattern):
    for name in TREE:
        write(tmp_path, **{name.replace(".", "_").replace("/", "__"): name})
    try:
        found = set(gather([pattern], tmp_path).names)
    except InputError:
        found = set()
    # A name that is there as it stands is no glob, as on a command line with quotes.
    expected = {name for name in TREE if matches(name, pattern)}
    assert expected - {"a1.jsonl"} == found - {"a1.jsonl"}
    if pattern != "a[1].jsonl":
        assert expected == found


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"\n \n\r\n\t\n", []),
        (b"a", [(1, b"a")]),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
        (b"\n\na\n\nb", [(3, b"a"), (5, b"b")]),
        (b"\xef\xbb\xbfa\nb", [(1, b"a"), (2, b"b")]),
        (b"\xef\xbb\xbf\na", [(2, b"a")]),
        (b"a\n\xef\xbb\xbfb", [(1, b"a"), (2, b"\xef\xbb\xbfb")]),
        ("a\u2028b\x0bc\x85d\rf\n".encode(), [(1, "a\u2028b\x0bc\x85d\rf".encode())]),
        (b"a\x00b\n\xff\n", [(1, b"a\x00b"), (2, b"\xff")]),
        (b"  a  \n", [(1, b"  a  ")]),
    ],
)
def test_every_line_that_is_not_blank_comes_with_its_number(tmp_path, raw, expected):
    write(tmp_path, f_jsonl=raw)
    found = contents(gather(["f.jsonl"], tmp_path))
    assert found == [(f"f.jsonl:{number}", content) for number, content in expected]


@given(raw=st.lists(st.sampled_from([b"a", b"\n", b"\r", b"bb", b" "]), max_size=30).map(b"".join))
def test_no_limit_on_the_length_of_lines_loses_one(tmp_path_factory, raw):
    root = tmp_path_factory.mktemp("lines")
    write(root, f_jsonl=raw)
    expected = [part.rstrip(b"\r") for part in raw.split(b"\n") if part.strip()]
    for longest in (1, 2, 3, 5, 100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(items, "MAX_LINE", longest)
            found = list(lines(gather(["f.jsonl"], root)))
        for line in found:
            whole = raw.split(b"\n")[int(line.source.split(":")[1]) - 1].rstrip(b"\r")
            assert line.content == whole[: len(line.content)]
            assert line.whole <= (line.content == whole)
        assert longest < 100 or [line.content for line in found] == expected


def test_a_line_over_the_limit_is_cut_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(items, "MAX_LINE", 8)
    write(tmp_path, f_jsonl=b"1234567\n12345678\n" + b"x" * 40 + b"\nlast")
    found = [(line.content, line.whole) for line in lines(gather(["f.jsonl"], tmp_path))]
    assert found == [(b"1234567", True), (b"12345678", False), (b"x" * 8, False), (b"last", True)]


@pytest.mark.parametrize("change", ["append", "edit", "replace", "delete"])
def test_a_file_that_changes_after_it_was_hashed_voids_what_was_read(tmp_path, change):
    write(tmp_path, a_jsonl="1\n2\n", b_jsonl="3\n")
    files = gather(["*.jsonl"], tmp_path)
    path = Path(files.root) / "b.jsonl"
    if change == "delete":
        path.unlink()
    else:
        path.write_text({"append": "3\n4\n", "edit": "5\n", "replace": ""}[change])
    with pytest.raises(InputError, match=r"b\.jsonl"):
        list(lines(files))
