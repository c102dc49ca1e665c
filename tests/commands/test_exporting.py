"""Exported folders: pure data, its provenance and its funnel; whole or not there."""

import json
import stat

import pytest

from tests.made_rows import chat, chats
from tests.toy_stages import CUT, DRAW, MAKE, MakeParams, NoParams, given
from tunesmith.artifacts import Examples
from tunesmith.canonical import canonical_row
from tunesmith.commands.exporting import export
from tunesmith.data.exported_lines import restore
from tunesmith.data.parsing import Reading, read_item
from tunesmith.data.readers.items import Line
from tunesmith.errors import InputError
from tunesmith.records import ChatExample, Dropped, Example, Message
from tunesmith.stage import Stage
from tunesmith.store.rows import RowsWriter

KEPT = [
    chat("first", metadata={"a": [1, None]}, quality=0.5, flags=("refusal",), reviewed_by="Ann"),
    *chats("second", "third", system="Be brief."),
]
BAD = Dropped(source="rows.jsonl:9", reason="bad_json", detail="column 1", row="{")


def read_back(folder, name="rows"):
    """The rows of an exported file, as ingest reads them with their provenance beside them."""
    lines = (folder / f"{name}.jsonl").read_bytes().splitlines()
    beside = (folder / f"{name}.provenance.jsonl").read_bytes().splitlines()
    for number, (line, facts) in enumerate(zip(lines, beside, strict=True), 1):
        row = read_item(Line(f"{name}.jsonl:{number}", line, True), Reading("human", None))
        yield restore(row, line, json.loads(facts))


def test_what_is_exported_is_read_again_to_the_same_digest_and_exported_to_the_same_bytes(
    any_store, tmp_path
):
    ref = given(any_store, [KEPT[0], BAD, *KEPT[1:]])
    made = export(any_store, ref.short, "openai", tmp_path / "a" / "first")
    assert made.rows == {"rows.jsonl": 3}
    again = list(read_back(made.folder))
    assert list(map(canonical_row, again)) == list(map(canonical_row, KEPT))
    writer = RowsWriter(tmp_path / "written")
    for row in KEPT:
        writer.add(row)
    second = given(any_store, again)
    assert second.digest == writer.close()
    export(any_store, second.short, "openai", tmp_path / "second")
    for name in ("rows.jsonl", "rows.provenance.jsonl"):
        assert (made.folder / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_it_is_for_its_owner_alone_and_nothing_is_left_beside_it(store, tmp_path):
    ref = given(store, KEPT)
    out = tmp_path / "there" / "out"
    export(store, ref.short, "openai", out)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert sorted(path.name for path in out.iterdir()) == [
        "funnel.json", "rows.jsonl", "rows.provenance.jsonl",
    ]  # fmt: skip
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert stat.S_IMODE((out / "rows.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_nothing_is_overwritten(store, tmp_path, there):
    out = tmp_path / "out"
    make = {
        "file": lambda: out.write_text("mine"),
        "folder": out.mkdir,
        "link": lambda: out.symlink_to(tmp_path / "nowhere"),
    }
    make[there]()
    with pytest.raises(InputError, match="is there already"):
        export(store, given(store, KEPT).short, "openai", out)
    assert out.is_symlink() or out.exists()


def test_rows_without_a_place_are_counted_and_nothing_is_written(store, tmp_path):
    turns = ChatExample(
        row_id="1" * 16, group_id="g", source="talk.jsonl:5", origin="human",
        messages=(*KEPT[0].messages, *KEPT[0].messages),
    )  # fmt: skip
    tools = ChatExample(
        row_id="2" * 16, group_id="g", source="talk.jsonl:8", origin="human",
        messages=(Message("user", "q"), Message("assistant", "a")), tools=({"x": 1},),
    )  # fmt: skip
    ref = given(store, [KEPT[0], turns, tools, turns])
    with pytest.raises(InputError) as error:
        export(store, ref.short, "alpaca", tmp_path / "out")
    text = str(error.value)
    assert "3 of 4 rows" in text
    assert "2 have more than one turn (use openai), first talk.jsonl:5" in text
    assert "1 have tools or names (use openai), first talk.jsonl:8" in text
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_what_cannot_be_exported_says_so(store, tmp_path):
    source = store.build(MAKE, MakeParams())
    adapter = store.build(DRAW, NoParams(), source)
    empty = given(store, [BAD])
    with pytest.raises(InputError, match="adapter .* holds no examples"):
        export(store, adapter.short, "openai", tmp_path / "out")
    with pytest.raises(InputError, match="no kept row"):
        export(store, empty.short, "openai", tmp_path / "out")
    with pytest.raises(InputError, match="no artifact"):
        export(store, "ffff", "openai", tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export(store, source.short, "openai", tmp_path / "file" / "out")
    assert not (tmp_path / "out").exists()


def test_a_split_gives_a_file_for_each_side_and_the_funnel_follows_the_records(store, tmp_path):
    source = store.build(MAKE, MakeParams(rows=9))
    sides = store.build(CUT, NoParams(), source)
    made = export(store, sides.short, "openai", tmp_path / "out")
    assert made.rows == {"train.jsonl": 1, "validation.jsonl": 6, "test.jsonl": 6}
    funnel = json.loads((made.folder / "funnel.json").read_bytes())
    assert funnel == [
        {
            "artifact": f"examples/{source.digest}", "stage": "make", "rows_in": 9,
            "dropped": {"fourth": 2}, "kept": 7, "inputs": [],
        },
        {
            "artifact": f"examples/{sides.train.digest}", "stage": "cut", "rows_in": 1,
            "dropped": {}, "kept": 1, "inputs": [f"examples/{source.digest}"],
        },
        {
            "artifact": f"examples/{sides.test.digest}", "stage": "cut", "rows_in": 6,
            "dropped": {}, "kept": 6, "inputs": [f"examples/{source.digest}"],
        },
    ]  # fmt: skip


def test_a_stage_that_passes_every_row_on_is_no_loop(store, tmp_path):
    source = given(store, chats("a", "b"))
    same = Stage("same", 1, Examples, lambda _, draft, ref: draft.seal_examples(draft.rows(ref)))
    assert store.build(same, NoParams(), source) == source
    export(store, source.digest, "openai", tmp_path / "out")
    (step,) = json.loads((tmp_path / "out/funnel.json").read_text())
    assert step["kept"] == 2


def test_a_forgotten_row_is_in_no_export(store, tmp_path):
    from tunesmith.commands.forgetting import find, forget

    ref = given(store, KEPT)
    forget(store, find(store, KEPT[1].row_id), "Ann", "now", "asked to")
    made = export(store, ref.short, "openai", tmp_path / "out")
    assert made.rows == {"rows.jsonl": 2}
    assert list(read_back(made.folder)) == [KEPT[0], KEPT[2]]
    (step,) = json.loads((made.folder / "funnel.json").read_bytes())
    assert (step["kept"], step["forgotten"]) == (3, 1)
    assert [row.row_id for row in store.rows(ref, Example)] == [KEPT[0].row_id, KEPT[2].row_id]
