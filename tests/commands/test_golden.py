"""A golden set is made once, and read in any shape that a source may have."""

import hashlib
import json

import pytest
import yaml
from click.testing import CliRunner

from tests.made_rows import line
from tunesmith import recipe
from tunesmith.canonical import file_digest
from tunesmith.cli import main
from tunesmith.commands import golden
from tunesmith.data.exported_lines import as_line, provenance_line
from tunesmith.data.readers import read_files
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, RecipeError
from tunesmith.pipeline import golden_params
from tunesmith.records import ChatExample, Example
from tunesmith.stages import ingest

RECIPE = {
    "name": "calls",
    "task": "Write a short answer that says only what the caller says.",
    "reference_examples": "reference.jsonl",
    "base": {"model": "some/model"},
    "ingest": {"sources": [{"path": "calls.jsonl", "origin": "human"}]},
    "evaluate": {"metrics": ["grounding"], "primary": "grounding"},
    "train": {"method": "sft"},
}


def asked(n):
    return json.dumps({"question": f"question {n}", "answer": "a"}) + "\n"


def load(folder, **fields):
    """Load a recipe whose golden set and reference examples are there."""
    (folder / "reference.jsonl").write_text("".join(map(asked, range(3))))
    (folder / "calls.jsonl").write_text(line() + "\n")
    path = folder / "recipe.yaml"
    sha256 = file_digest(folder / "golden.jsonl")
    path.write_text(json.dumps({**RECIPE, "golden": {"path": "golden.jsonl", "sha256": sha256, **fields}}))  # fmt: skip
    return recipe.load(path)


def read(store, made):
    ref = store.build(ingest.STAGE, golden_params(made), gather(["golden.jsonl"], made.root))
    return list(store.rows(ref, Example))


def test_rows_are_chosen_by_hash_and_written_as_they_stood(tmp_path, store):
    (tmp_path / "all.jsonl").write_text("".join(map(asked, range(20))))
    sha256 = golden.create(tmp_path / "all.jsonl", tmp_path / "golden.jsonl", 5, "salt")
    content = (tmp_path / "golden.jsonl").read_bytes()
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert len(set(content.splitlines())) == 5
    assert set(content.decode().splitlines(keepends=True)) < set(map(asked, range(20)))
    rows = read(store, load(tmp_path))
    assert [type(row) for row in rows] == [ChatExample] * 5
    assert all(row.prompt[0].content.startswith("question") for row in rows)
    with pytest.raises(InputError, match="never changes"):
        golden.create(tmp_path / "all.jsonl", tmp_path / "golden.jsonl", 5, "salt")


def test_what_a_model_wrote_and_nobody_reviewed_is_no_golden_row(tmp_path):
    item = next(read_files(gather([_exported(tmp_path, origin="model")], tmp_path)))
    assert item.provenance
    with pytest.raises(InputError, match="unreviewed_model_output"):
        golden.create(tmp_path / "rows.jsonl", tmp_path / "golden.jsonl", 1, "salt")
    assert not (tmp_path / "golden.jsonl").exists()


def _exported(folder, **changes):
    from tests.made_rows import chat

    row = chat("Who?")
    written = as_line(row, "openai")
    (folder / "rows.jsonl").write_bytes(written + b"\n")
    (folder / "rows.provenance.jsonl").write_text(json.dumps({**provenance_line(row, written), **changes}) + "\n")  # fmt: skip
    return "rows.jsonl"


def test_a_golden_set_may_need_a_mapping_as_a_source_may(tmp_path, store):
    rows = "".join(json.dumps({"problem": f"p{n}", "solution": "s"}) + "\n" for n in range(3))
    (tmp_path / "golden.jsonl").write_text(rows)
    with pytest.raises(InputError, match="no shape that is known"):
        read(store, load(tmp_path))
    found = read(store, load(tmp_path, columns={"prompt": "problem", "completion": "solution"}))
    assert [(row.prompt[0].content, row.answer) for row in found] == [("p0", "s"), ("p1", "s"), ("p2", "s")]  # fmt: skip
    both = json.dumps({"prompt": "q", "completion": "a", "text": "t", "label": "l"}) + "\n"
    (tmp_path / "golden.jsonl").write_text(both)
    with pytest.raises(InputError, match="`shape: label`"):
        read(store, load(tmp_path))
    (row,) = read(store, load(tmp_path, shape="label"))
    assert (row.text, row.label) == ("t", "l")


def test_one_is_made_of_rows_that_need_a_mapping(tmp_path, store):
    rows = "".join(json.dumps({"problem": f"p{n}", "solution": "s"}) + "\n" for n in range(3))
    (tmp_path / "all.jsonl").write_text(rows)
    made = tmp_path / "golden.jsonl"
    arguments = ["golden", "create", str(tmp_path / "all.jsonl"), "--out", str(made), "--size", "2"]
    assert CliRunner().invoke(main, arguments).exit_code == InputError.exit_code
    told = CliRunner().invoke(main, [*arguments, "--column", "prompt=problem", "--column", "completion=solution"])  # fmt: skip
    written = yaml.safe_load(told.output)["golden"]
    assert written["sha256"] == file_digest(made)
    assert len(read(store, load(tmp_path, columns=written["columns"]))) == 2


@pytest.mark.parametrize(
    "pairs", [["question=q"], ["prompt"], ["prompt="], ["prompt=a", "prompt=b"]]
)
def test_a_wrong_mapping_is_told(pairs):
    with pytest.raises(InputError, match="expected FIELD=KEY"):
        golden.mapping(pairs)


@pytest.mark.parametrize("fields", [{"shape": "poem"}, {"columns": {"question": "q"}}])
def test_a_shape_or_field_that_is_not_known_is_a_mistake(tmp_path, fields):
    (tmp_path / "golden.jsonl").write_text(line() + "\n")
    with pytest.raises(RecipeError, match=f"golden.{next(iter(fields))}"):
        load(tmp_path, **fields)


def test_a_golden_set_without_a_mapping_has_the_key_it_always_had(tmp_path):
    (tmp_path / "golden.jsonl").write_text(line() + "\n")
    source = ingest.SourceParams(path="golden.jsonl", origin="human")
    assert golden_params(load(tmp_path)) == ingest.IngestParams(sources=(source,), bad_share=0.0)
