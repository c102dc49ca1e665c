"""Dropped rows: seen, mended, read again; none is ever lost on the way."""

import hashlib
import json
import os
import shutil
import stat
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given as all_of
from hypothesis import strategies as st

from tests.made_rows import chat, line
from tests.toy_stages import CUT, DRAW, MAKE, MakeParams, NoParams, given
from tunesmith import recipe
from tunesmith.commands import quarantine
from tunesmith.commands.quarantine import Quarantined, dropped, locate, retry, shown, write
from tunesmith.data.parsing import Reading, read_item
from tunesmith.data.readers.items import Line
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, RecipeError
from tunesmith.records import Dropped
from tunesmith.stages import ingest

CARD = "4111 1111 1111 1111"
LINES = [line("one"), "{bad", line("two"), line(""), line(f"my card is {CARD}"), "[]"]
RECIPE = """
name: calls
task: Write a short answer that says only what the caller says.
reference_examples: reference.jsonl
base: {{model: some/model}}
ingest: {{sources: [{{path: calls.jsonl, origin: human}}], bad_share: 1.0}}
golden: {{path: golden.jsonl, sha256: {sha256}}}
evaluate: {{metrics: [grounding], primary: grounding}}
train: {{method: sft}}
"""


@pytest.fixture
def project(tmp_path):
    """A recipe with its files; the path of the recipe."""
    rows = "".join(line(f"question {n}") + "\n" for n in range(3))
    for name in ("reference.jsonl", "golden.jsonl"):
        (tmp_path / name).write_text(rows)
    (tmp_path / "base").mkdir()
    (tmp_path / "calls.jsonl").write_text("".join(f"{item}\n" for item in LINES))
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(sha256=hashlib.sha256(rows.encode()).hexdigest()))
    return path


def ingested(store, path):
    made = recipe.load(path)
    return store.build(ingest.STAGE, made.ingest, gather(["calls.jsonl"], path.parent))


def rows_of(path):
    return [Quarantined(**json.loads(item)) for item in path.read_bytes().splitlines()]


# show


def test_every_dropped_row_is_shown_with_its_place_and_reason(store, project):
    ref = ingested(store, project)
    found = list(dropped(store, locate(store, ref.short), None))
    assert [(row.source, row.reason) for row in found] == [
        ("calls.jsonl:2", "bad_json"), ("calls.jsonl:4", "empty_message"),
        ("calls.jsonl:5", "secret"), ("calls.jsonl:6", "wrong_shape"),
    ]  # fmt: skip
    assert found[0].raw == "{bad"
    text = "\n".join(shown(iter(found)))
    assert "calls.jsonl:2  bad_json: " in text
    assert "    {bad" in text
    assert text.endswith("4 rows")
    assert CARD not in text and "[card number]" in text


def test_one_reason_is_shown_alone(store, project):
    ref = ingested(store, project)
    assert [row.reason for row in dropped(store, ref, "secret")] == ["secret"]
    with pytest.raises(InputError, match="'near_copy'; dropped were: 1 bad_json, 1 empty_message"):
        list(dropped(store, ref, "near_copy"))


def test_a_long_row_is_cut_on_the_screen_and_whole_in_the_file(tmp_path):
    row = Quarantined("f:1", "bad_json", "column 1", "x" * 3000)
    text = list(shown(iter([row])))
    assert max(map(len, text)) < 2100
    assert "1,000 characters more" in text[2]
    write([row], tmp_path / "q.jsonl")
    assert rows_of(tmp_path / "q.jsonl") == [row]


def test_a_recipe_leads_to_what_ingest_made_of_its_sources(store, project):
    ref = ingested(store, project)
    assert locate(store, str(project)) == ref


def told(store, project, reason=None):
    return list(shown(dropped(store, locate(store, str(project)), reason)))


def test_rows_of_a_refused_run_are_read_again_under_a_note(store, project):
    project.write_text(project.read_text().replace("bad_share: 1.0", "bad_share: 0.1"))
    with pytest.raises(InputError) as refused:
        ingested(store, project)
    found = dropped(store, locate(store, str(project)), None)
    first, *rest = shown(found)
    assert (
        first == f"{project}: no run has kept its sources. A run refuses them now: {refused.value}"
    )
    project.write_text(project.read_text().replace("bad_share: 0.1", "bad_share: 1.0"))
    ref = ingested(store, project)
    assert rest == list(shown(dropped(store, ref, None)))
    assert CARD not in "".join([first, *rest])


def test_one_reason_of_a_refused_run_is_shown_alone_or_written(store, project, tmp_path):
    project.write_text(project.read_text().replace("bad_share: 1.0", "bad_share: 0.1"))
    what = locate(store, str(project))
    write(dropped(store, what, "bad_json"), tmp_path / "q.jsonl")
    assert [row.raw for row in rows_of(tmp_path / "q.jsonl")] == ["{bad"]
    with pytest.raises(
        InputError, match="calls.jsonl: no row was dropped for 'near_copy'; dropped"
    ):
        dropped(store, what, "near_copy")
    assert list(store.all_records()) == []


def test_a_recipe_whose_sources_changed_or_were_never_read_says_so(store, project):
    note, *_ = told(store, project)
    assert note.endswith("no run has kept its sources. These are the rows that one would drop now:")
    ref = ingested(store, project)
    (project.parent / "calls.jsonl").write_text(line("mended") + "\n{\n")
    note, row, *_ = told(store, project)
    assert "have changed since a run last kept them, on " in note
    assert f"`tunesmith quarantine show {ref.short}`" in note
    assert row.startswith("calls.jsonl:2  bad_json")


def test_sources_that_cannot_be_read_at_all_are_an_error(store, project):
    (project.parent / "calls.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="no shape that is known"):
        told(store, project)


def only_prepares(recipe):
    """The recipe, without the parts that only training needs."""
    kept = [
        item
        for item in recipe.read_text().splitlines()
        if not item.startswith(("golden", "train", "evaluate", "reference"))
    ]
    recipe.write_text("\n".join(kept))
    return recipe


def test_a_recipe_that_only_prepares_leads_to_its_rows_too(store, project):
    only_prepares(project)
    assert told(store, project)[-1] == "4 rows"


def test_what_is_not_of_ingest_says_where_the_lines_are(store, project):
    ref = ingested(store, project)
    split = store.build(CUT, NoParams(), ref)
    for other in (split, split.train):
        with pytest.raises(InputError, match=f"made by cut.*it came from: {ref.short}"):
            locate(store, other.short)
    source = store.build(MAKE, MakeParams())
    adapter = store.build(DRAW, NoParams(), source)
    with pytest.raises(InputError, match="adapter .* made by train"):
        locate(store, adapter.short)


@pytest.mark.parametrize("what", ["ffffff", "nowhere.yaml", ""])
def test_what_is_nowhere_is_an_error(store, project, what):
    ingested(store, project)
    store.build(MAKE, MakeParams())
    with pytest.raises((InputError, RecipeError)):
        locate(store, what)


def test_a_row_that_was_an_example_is_shown_too(store):
    bad = Dropped(source="f:1", reason="x", detail="d", row=chat("the question"))
    ref = given(store, [bad])
    assert "the question" in next(dropped(store, ref, None)).raw


def test_a_quarantine_file_is_for_its_owner_and_never_overwritten(tmp_path):
    out = tmp_path / "q.jsonl"
    assert write([Quarantined("f:1", "r", "d", "raw\nwith \u2028 breaks")], out) == 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_bytes()) == {
        "source": "f:1", "reason": "r", "detail": "d", "raw": "raw\nwith \u2028 breaks",
    }  # fmt: skip
    with pytest.raises(InputError, match="mended"):
        write([], out)
    assert rows_of(out)
    assert [path.name for path in tmp_path.iterdir()] == ["q.jsonl"]
    with pytest.raises(InputError, match="cannot be written"):
        write([], tmp_path / "no" / "q.jsonl")


# retry


@pytest.fixture
def file(tmp_path):
    """A quarantine file: one row mended, one mended wrongly, one left as it was."""
    path = tmp_path / "q.jsonl"
    write(
        [
            Quarantined("a.jsonl:3", "bad_json", "column 1", line("mended")),
            Quarantined("a.jsonl:5", "bad_json", "column 9", line("")),
            Quarantined("a.jsonl:8", "bad_json", "column 1", "{bad"),
            Quarantined("a.jsonl:9", "bad_json", "", line("on lines").replace(", ", ",\r\n ")),
        ],
        path,
    )
    return path


def test_rows_without_their_provenance_are_not_tried_again(file, tmp_path):
    rows = [
        Quarantined("a.provenance.jsonl:4", "bad_provenance", "no line 4", line("other")),
        Quarantined("a.jsonl:5", "bad_provenance", "the line was changed", line("whose?")),
    ]
    untrusted = tmp_path / "untrusted.jsonl"
    write([*rows, *rows_of(file)], untrusted)
    tried = retry(untrusted, tmp_path / "good.jsonl", None)
    assert (tried.good, tried.left["bad_provenance"]) == (2, 2)
    assert rows_of(untrusted)[:2] == rows
    assert b"whose?" not in (tmp_path / "good.jsonl").read_bytes()


def test_good_rows_move_and_the_rest_stays_with_its_new_reason(file, tmp_path):
    good = tmp_path / "good.jsonl"
    tried = retry(file, good, None)
    assert (tried.good, tried.left) == (2, {"empty_message": 1, "bad_json": 1})
    left = rows_of(file)
    assert [(row.source, row.reason) for row in left] == [
        ("a.jsonl:5", "empty_message"), ("a.jsonl:8", "bad_json"),
    ]  # fmt: skip
    assert left[0].raw == line("")
    lines = good.read_bytes().split(b"\n")
    assert len(lines) == 3 and lines[-1] == b""
    for found, asked in zip(lines, ("mended", "on lines"), strict=False):
        made = read_item(Line("good.jsonl:1", found, True), Reading("human", None))
        assert made.messages[0].content == asked
    for path in (file, good):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.jsonl", "q.jsonl"]


def test_tried_again_nothing_moves_twice(file, tmp_path):
    retry(file, tmp_path / "good.jsonl", None)
    before = file.read_bytes()
    tried = retry(file, tmp_path / "more.jsonl", None)
    assert tried.good == 0
    assert file.read_bytes() == before
    assert not (tmp_path / "more.jsonl").exists()


def test_another_file_of_good_rows_is_never_overwritten(file, tmp_path):
    good = tmp_path / "good.jsonl"
    good.write_text("mine\n")
    before = file.read_bytes()
    with pytest.raises(InputError, match="other rows"):
        retry(file, good, None)
    with pytest.raises(InputError, match="itself"):
        retry(file, file, None)
    assert (good.read_text(), file.read_bytes()) == ("mine\n", before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.jsonl", "q.jsonl"]


@pytest.mark.parametrize(
    "broken",
    ["{", '{"source":"a:1"}', '{"source":"a:1","reason":"r","detail":"d","raw":{"messages":[]}}',
     '{"source":"a:1","reason":"r","detail":"d","raw":"x","more":1}', "[]", '"\ud800"'],
)  # fmt: skip
def test_a_line_that_was_broken_while_mending_stops_everything(file, tmp_path, broken):
    file.write_bytes(file.read_bytes() + b"\n" + broken.encode("utf-8", "surrogatepass") + b"\n")
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"q\.jsonl:6"):
        retry(file, tmp_path / "good.jsonl", None)
    assert file.read_bytes() == before
    assert not (tmp_path / "good.jsonl").exists()


def test_a_file_that_is_not_there_or_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        retry(tmp_path / "none", tmp_path / "good.jsonl", None)
    with pytest.raises(InputError, match="cannot be read"):
        retry(tmp_path, tmp_path / "good.jsonl", None)


def test_mending_that_goes_on_meanwhile_is_not_lost(file, tmp_path, monkeypatch):
    def slow(item, reading):
        if item.source == "a.jsonl:9":
            file.with_suffix(".new").write_bytes(file.read_bytes().replace(b"{bad", b"{better"))
            file.with_suffix(".new").rename(file)  # as editors do
        return read_item(item, reading)

    monkeypatch.setattr(quarantine, "read_item", slow)
    with pytest.raises(InputError, match="changed while"):
        retry(file, tmp_path / "good.jsonl", None)
    assert "{better" in file.read_text()
    assert not (tmp_path / "good.jsonl").exists()


def test_a_recipe_says_how_its_rows_are_read(project, tmp_path):
    text = project.read_text().replace(
        "origin: human}", "origin: human, columns: {prompt: q, completion: a}}"
    )
    project.write_text(text)
    file = tmp_path / "q.jsonl"
    write([Quarantined("calls.jsonl:7", "bad_json", "", '{"q": "Who?", "a": "Me."}')], file)
    tried = retry(file, tmp_path / "good.jsonl", only_prepares(project))
    assert tried.good == 1
    file.unlink()
    write([Quarantined("other.jsonl:7", "bad_json", "", '{"q": "Who?", "a": "Me."}')], file)
    with pytest.raises(InputError, match="other.jsonl:7 belongs to no source"):
        retry(file, tmp_path / "more.jsonl", project)


def test_other_shapes_are_told_from_the_rows(tmp_path):
    file = tmp_path / "q.jsonl"
    write([Quarantined("a.csv:3", "bad_csv", "", '{"text": "Lost.", "label": "card"}')], file)
    assert retry(file, tmp_path / "good.jsonl", None).good == 1


@pytest.mark.parametrize("moment", ["link", "replace"])
def test_killed_between_the_two_files_nothing_is_lost_and_the_same_call_finishes(
    file, tmp_path, monkeypatch, moment
):
    expected = {row.raw for row in rows_of(file)}
    good = tmp_path / "good.jsonl"

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os if moment == "link" else Path, moment, die)
    with pytest.raises(KeyboardInterrupt):
        retry(file, good, None)
    monkeypatch.undo()
    assert {row.raw for row in rows_of(file)} == expected
    assert good.exists() == (moment == "replace")
    assert retry(file, good, None).good == 2
    assert len(rows_of(file)) == 2


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@all_of(st.lists(text | st.builds(line, text, text), max_size=8))
def test_whatever_stands_in_it_in_is_good_plus_left(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("q")
    file, good = folder / "q.jsonl", folder / "good.jsonl"
    write([Quarantined(f"a:{n}", "r", "d", raw) for n, raw in enumerate(found)], file)
    tried = retry(file, good, None)
    left = rows_of(file)
    moved = good.read_bytes().splitlines() if good.exists() else []
    assert (len(moved), len(left)) == (tried.good, tried.left.total())
    plain = Counter(b" ".join(raw.encode().splitlines()) for raw in found)
    assert Counter(moved) + Counter(b" ".join(row.raw.encode().splitlines()) for row in left) == plain  # fmt: skip
    shutil.rmtree(folder)
