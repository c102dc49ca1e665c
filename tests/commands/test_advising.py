"""`tunesmith advise`, on a store that holds nothing, a training set, and a measured baseline."""

import hashlib
import json
import re
import shutil

import pytest
import yaml
from click.testing import CliRunner

from tests.tiny_model import tiny_rows
from tunesmith import pipeline, retrains
from tunesmith.advice.document import document, failed_answers
from tunesmith.advice.factors import Facts
from tunesmith.advice.method import Case
from tunesmith.cli import main
from tunesmith.commands import advising
from tunesmith.commands.advising import Advised, told
from tunesmith.evaluation.prompting import Prompting
from tunesmith.recipe import load
from tunesmith.settings import Settings


@pytest.fixture
def project(tiny_base, tmp_path):
    """A recipe of the tiny task with the tiny base; nothing has been run."""
    shutil.copytree(tiny_base, tmp_path / "base")
    rows = tiny_rows(330, seed=3)
    for name, part in (("rows", rows[30:]), ("golden", rows[:30]), ("reference", rows[:3])):
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in part))
    golden = (tmp_path / "golden.jsonl").read_bytes()
    return write(
        tmp_path,
        reference_examples="reference.jsonl",
        golden={"path": "golden.jsonl", "sha256": hashlib.sha256(golden).hexdigest()},
        score={"min_tokens": 1, "required": [], "minimum": 0.0},
        dedup={"threshold": 1.0},
        split={"test": 0.25},
        predict={"max_new_tokens": 24, "batch_size": 64, "sample": 40},
        evaluate={"metrics": ["grounding", "exact_match"], "primary": "exact_match"},
        train={"method": "sft"},
    )


def write(folder, **parts):
    recipe = {
        "name": "tiny",
        "task": "Turn an order in one sentence into a note with its count.",
        "base": {"model": "base"},
        "ingest": {"sources": [{"path": "rows.jsonl", "origin": "human"}]},
        **parts,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "recipe.yaml"


class _Stopped(Exception):
    """The pipeline has come to the training."""


class _Baselines(retrains.StoreRunner):
    """Runs everything before the training."""

    def __call__(self, stage, label, params, *inputs):
        if stage.name == "train":
            raise _Stopped
        return super().__call__(stage, label, params, *inputs)


def measure(path, settings):
    recipe = load(path)
    runner = _Baselines(recipe, settings.store(), ("all",))
    with pytest.raises(_Stopped):
        pipeline.retrain(recipe, retrains.sources(recipe, settings), None, runner)


def advised(path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(path.parent / "home"))
    told = CliRunner().invoke(main, ["advise", str(path)], catch_exceptions=False)
    assert told.exit_code == 0
    return told.output


def factor(text, name):
    (found,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return found


def test_before_anything_is_run_it_asks_and_builds_nothing(project, monkeypatch):
    text = advised(project, monkeypatch)
    assert f"run: tunesmith prepare {project}" in factor(text, "examples")
    assert "write under use: stable_months: 12" in factor(text, "stability")
    assert "reference examples" in factor(text, "prompt")
    assert "against" in factor(text, "prompt")
    assert "the prompt baseline has not been measured yet" in text
    assert "as far as is known" in text
    assert "RECIPE" not in text
    assert not (project.parent / "home" / "store" / "records").exists()


def test_a_recipe_that_only_prepares_can_ask_too(project, monkeypatch):
    path = write(project.parent)
    assert "tunesmith prepare" in factor(advised(path, monkeypatch), "prompt")


def test_after_the_baselines_it_tells_facts_failures_and_a_method(project, monkeypatch):
    settings = Settings(home=project.parent / "home")
    measure(project, settings)
    recipe = yaml.safe_load(project.read_text())
    use = {"stable_months": 24, "reasoning": "single_step", "knowledge": "input", "latency": 0.5}
    project.write_text(yaml.safe_dump({**recipe, "use": use}))
    before = list(settings.store().all_records())

    text = advised(project, monkeypatch)
    document, failures = advising.advised(load(project), settings)

    assert list(settings.store().all_records()) == before
    assert re.search("[12][0-9][0-9] rows.*mixture ", factor(text, "examples"))
    assert "100% of the answers have one form" in factor(text, "format")
    assert "prompt baseline" in factor(text, "prompt")
    assert "recipe, use.latency" in factor(text, "latency")
    assert document["failures"]["answers"] == 40  # of test; golden is not looked at
    assert f"{document['failures']['failed']:,} of 40 answers" in text
    assert len(failures) == document["failures"]["groups"] > 0
    assert f"        answer: {failures[0].output[:20]}" in text
    assert "the recipe has no target" in text
    assert text.startswith("advice for tiny: LoRA SFT\n")
    assert document["settled"]
    assert "<- chosen" in text


def test_what_a_retrain_built_is_printed_and_is_what_looking_ahead_gathers(project, monkeypatch):
    settings = Settings(home=project.parent / "home")
    measure(project, settings)
    store = settings.store()
    [record] = store.all_records("advise")
    monkeypatch.setattr(advising, "gather", None)  # what is there is not gathered again
    built = advised(project, monkeypatch)
    monkeypatch.undo()
    store.storage.delete("records/advise")
    assert record["output"]["kind"] == "advice"
    assert advised(project, monkeypatch) == built


def test_what_an_answer_holds_cannot_steer_the_terminal():
    from tests.advice.planted import judged
    from tests.made_rows import chat
    from tunesmith.advice.failures import Standard, sort_failures
    from tunesmith.advice.training import Training

    rows = judged([(chat("Where is order 7?", "Here."), f"\x1b[2J RECIPE \u202e{'x' * 400}")])
    failures = sort_failures(rows, Standard("exact_match"), Training([]))
    case = Case(Facts(), failures)
    found = Advised(document(case, Prompting()), list(failed_answers(case)))
    text = "\n".join(told("tiny", found, "a.yaml"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "RECIPE" in text  # the answer's own word stays
    assert "x" * 200 not in text
    assert "1 failure are fewer" not in text
    assert "1 failure is fewer than 50" in text


def test_a_wrong_value_of_use_is_told_at_its_line(project):
    recipe = yaml.safe_load(project.read_text())
    project.write_text(yaml.safe_dump({**recipe, "use": {"consistency": "always"}}))
    told = CliRunner().invoke(main, ["advise", str(project)])
    assert told.exit_code == 3
    assert "use.consistency: found 'always'" in told.stderr
