"""`tunesmith prepare`: the data stages alone, and what a person is told about them."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.made_rows import line
from tunesmith import pipeline, retrains
from tunesmith.cli import main
from tunesmith.errors import RecipeError, Unready
from tunesmith.recipe import load
from tunesmith.records import Example
from tunesmith.settings import Settings
from tunesmith.stages.train import _chats

RECIPES = Path(__file__).parents[1] / "recipes"


@pytest.fixture
def project(tiny_base, tmp_path):
    """A folder with the tiny base, for a recipe of rows."""
    (tmp_path / "base").mkdir()
    shutil.copy(tiny_base / "tokenizer.json", tmp_path / "base")
    for name in ("config.json", "model.safetensors", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):  # fmt: skip
        if (tiny_base / name).exists():
            shutil.copy(tiny_base / name, tmp_path / "base")
    return tmp_path


def write(project, rows, **parts):
    """Write rows, and a recipe that only prepares them."""
    (project / "rows.jsonl").write_text("".join(f"{row}\n" for row in rows))
    recipe = {
        "name": "prepared",
        "task": "Answer the question of a ticket in one line.",
        "base": {"model": "base"},
        "ingest": {"sources": [{"path": "rows.jsonl", "origin": "human"}]},
        "score": {"min_tokens": 1, "required": [], "minimum": 0.0},
        "drops": {"minimum_rows": 10},
        **parts,
    }
    (project / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return project / "recipe.yaml"


def chats(count):
    """Lines of which no two are near copies."""
    return [
        line(f"ticket{n} asks why machine{n * 13} stopped near hall{n * 17} today", f"Part{n * 7} is late for ticket{n}.")
        for n in range(count)
    ]  # fmt: skip


def settings(project):
    return Settings(home=project / "home")


def test_it_stops_before_training_and_says_what_it_made(project, monkeypatch):
    path = write(project, [*chats(80), "{"], mix={"replay": {"share": 0.1}})
    monkeypatch.setenv("TUNESMITH_HOME", str(project / "home"))
    told = CliRunner().invoke(main, ["prepare", str(path)], catch_exceptions=False)
    assert told.exit_code == 0
    words = " ".join(told.output.split())
    assert "dropped by ingest: bad_json 1 1.2%" in words
    assert "task rows.jsonl human" in words
    assert "replay general.jsonl human" in words
    assert "of the rows replay" in words
    stages = {record["stage"] for record in settings(project).store().all_records()}
    assert stages == {"base", "ingest", "validate", "score", "dedup", "split", "mix"}


def test_what_a_retrain_needs_beyond_it_is_asked_for_only_there(project):
    path = write(project, chats(60))
    assert load(path, training=False).golden is None
    with pytest.raises(RecipeError) as raised:
        load(path)
    for name in ("reference_examples", "golden", "evaluate", "train"):
        assert f"{name}: is missing; expected: " in str(raised.value)


PREFERENCES = [
    json.dumps({"prompt": f"ticket{n} about machine{n * 13} in hall{n * 17}?", "chosen": f"Part{n * 7} is late, sorry for that {n}.", "rejected": f"No idea at all {n * 3}."})
    for n in range(80)
]  # fmt: skip
LABELS = [
    json.dumps({"text": f"ticket{n} about machine{n * 13} in hall{n * 17} stopped", "label": "ab"[n % 2]})
    for n in range(80)
]  # fmt: skip


@pytest.mark.parametrize("rows", [PREFERENCES, LABELS], ids=["preference", "label"])
def test_rows_of_every_type_are_prepared_and_all_but_preferences_are_tuned_on(project, rows):
    _, made = retrains.prepare(write(project, rows), settings(project), ())
    store = settings(project).store()
    found = list(store.rows(made.mixture.train, Example))
    assert len(found) == made.split.train.rows > 30
    assert store.json(made.mixture, "mixture.json")["tokens"]["kept"]["test"] > 0
    if rows is PREFERENCES:
        with pytest.raises(RecipeError, match="but rows.jsonl:.* is a preference"):
            list(_chats(found))
    else:
        assert [(row.row_id, row.messages) for row in _chats(found)] == [
            (row.row_id, row.messages) for row in found
        ]


def test_replay_is_kept_from_what_must_stay_unseen(project):
    rows = chats(80)
    general = [line(f"general{n} instruction{n * 3} number{n * 5} please", f"Done{n * 7}.") for n in range(30)]  # fmt: skip
    (project / "benchmark.jsonl").write_text(general[4] + "\n")
    (project / "general.jsonl").write_text("\n".join([*general, rows[5]]) + "\n")
    path = write(
        project, rows, benchmarks=["benchmark.jsonl"],
        mix={"replay": {"source": "general.jsonl", "share": 0.3}},
    )  # fmt: skip
    _, made = retrains.prepare(path, settings(project), ())
    store = settings(project).store()
    read = {row.source for row in store.rows(made.mixture.train, Example)}
    assert "general.jsonl:5" not in read
    test = {row.row_id for row in store.rows(made.split.test, Example)}
    assert not test & {row.row_id for row in store.rows(made.mixture.train, Example)}


def test_a_benchmark_may_need_a_mapping_as_a_source_may(project):
    rows = [
        line(f"question{n} about thing{n * 3} and place{n * 7}", f"Done{n}.") for n in range(40)
    ]
    held = [json.dumps({"problem": f"question{n} about thing{n * 3} and place{n * 7}", "solution": "a"}) for n in (3, 5)]  # fmt: skip
    (project / "held.jsonl").write_text("\n".join(held) + "\n")
    (project / "plain.jsonl").write_text(rows[7] + "\n")
    columns = {"prompt": "problem", "completion": "solution"}
    path = write(
        project, rows, benchmarks=["plain.jsonl", {"path": "held.jsonl", "columns": columns}]
    )
    recipe, made = retrains.prepare(path, settings(project), ())
    store = settings(project).store()
    fenced = [row for row in store.dropped(made.data["dedup"]) if row.reason == "fence"]
    assert [row.source for row in fenced] == ["rows.jsonl:4", "rows.jsonl:6", "rows.jsonl:8"]
    assert [source.origin for source in recipe.benchmarks] == ["human", "human"]


def test_a_benchmark_that_a_model_wrote_stays_unseen_too(project):
    (project / "held.jsonl").write_text(line() + "\n")
    plain, stated = (
        load(write(project, chats(20), benchmarks=[benchmark]), training=False)
        for benchmark in ("held.jsonl", {"path": "held.jsonl", "origin": "model"})
    )
    assert pipeline.unseen_params(plain) == pipeline.unseen_params(stated)


@pytest.mark.parametrize(
    ("benchmark", "says"),
    [
        (5, "benchmarks.0"),
        ({"columns": {}}, "benchmarks.0.path"),
        ({"path": "a", "columns": {"question": "q"}}, "benchmarks.0.columns"),
        ({"path": "a", "keys": {}}, "benchmarks.0.keys"),
    ],
)
def test_a_benchmark_that_is_no_source_is_a_mistake(project, benchmark, says):
    with pytest.raises(RecipeError, match=says):
        load(write(project, chats(20), benchmarks=[benchmark]), training=False)


def test_too_little_left_stops_it_before_the_split(project):
    path = write(project, chats(20), drops={"minimum_rows": 50})
    with pytest.raises(Unready, match="only 20 rows are left"):
        retrains.prepare(path, settings(project), ())


def test_difficulty_needs_a_metric_that_is_measured(project):
    path = write(project, chats(20), split={"stratify": "difficulty"})
    with pytest.raises(RecipeError, match="split.stratify: found 'difficulty', which needs 'overlap'"):  # fmt: skip
        load(path, training=False)
    path = write(project, chats(20), mix={"curriculum": "difficulty"}, evaluate={"metrics": ["grounding"]})  # fmt: skip
    with pytest.raises(RecipeError, match="mix.curriculum: found 'difficulty'"):
        load(path, training=False)
