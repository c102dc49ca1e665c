"""`tunesmith evaluate`: any model on any set in one way, and nothing is asked twice."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner

from tests.scripted_upstream import Hours, fails, says, serving
from tests.tiny_model import letter, note, orders, tiny_rows
from tunesmith import retrains
from tunesmith.artifacts import Adapter, Base
from tunesmith.cli import main
from tunesmith.commands.evaluating import Evaluator, report
from tunesmith.errors import InputError, RecipeError, Transient
from tunesmith.evaluation.endpoint import client
from tunesmith.settings import Settings
from tunesmith.stage import Stage
from tunesmith.stages.train import TrainParams

RECIPES = Path(__file__).parents[2] / "recipes"
ROWS = 6
USE = {
    "name": "letters",
    "examples": "rows.jsonl",
    "evaluate": {"metrics": ["exact_match", "overlap"], "primary": "exact_match"},
}
KEY = "sk-3f9A2b7C8d1E4f6G5h0J"


@pytest.fixture(scope="module")
def built(tiny_base, tmp_path_factory):
    """The tiny recipe, with a file of rows that none of its sets has."""
    root = tmp_path_factory.mktemp("project")
    shutil.copy(RECIPES / "tiny.yaml", root)
    shutil.copytree(RECIPES / "tiny", root / "tiny")
    shutil.copytree(tiny_base, root / "tiny/base")
    (root / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tiny_rows(ROWS, 99)))
    rubric = {
        "name": "notes",
        "absolute": "Rate {answer}",
        "pairwise": "Choose {answer_a} {answer_b}",
    }
    (root / "rubric.yaml").write_text(yaml.safe_dump(rubric))
    return root


@pytest.fixture
def project(built, monkeypatch):
    monkeypatch.chdir(built)
    monkeypatch.setenv("TUNESMITH_HOME", str(built / "home"))
    return built


@pytest.fixture
def upstream():
    with serving(notes) as server:
        yield server


ORDERS = {
    f"{name} wants {count} {item}.": (name, count, item) for name, count, item in orders(6, 99)
}


def notes(handler, body):
    """Answer as a tuned model would."""
    asked = body["messages"][-1]["content"]
    says(note(*ORDERS[asked]) if asked in ORDERS else "no such order")(handler, body)


def letters(handler, body):
    says(letter(*ORDERS[body["messages"][-1]["content"]]))(handler, body)


TIED = letter(*next(iter(ORDERS.values())))
"""The answer that a judge finds as good as another."""


def judges(handler, body):
    asked = body["messages"][-1]["content"]
    if "Choose" in asked:
        better = "A" if asked.index("Subject:") < asked.index("Dear") else "B"
        better = "tie" if TIED in asked else better
        says(json.dumps({"reason": "r", "better": better}))(handler, body)
    elif "Rate" in asked:
        says('{"reason": "r", "score": 5}')(handler, body)
    else:
        says('{"claims": []}')(handler, body)


def written(project, name, **fields):
    path = project / f"{name}.yaml"
    path.write_text(yaml.safe_dump(fields))
    return str(path)


def endpoint(project, upstream, **fields):
    return written(
        project, f"endpoint-{upstream.url.split(':')[2][:5]}", base_url=upstream.url, model="served-1",
        retries={"attempts": 2}, **fields,
    )  # fmt: skip


def evaluated(project, model, where, judge=None, against=""):
    settings = Settings(home=project / "home")
    return report(project / "tiny.yaml", settings, model, where, judge, against)


def table(text):
    lines = [line.split() for line in text.splitlines()]
    return {
        line[0]: line[1:] for line in lines if line[:1] and line[-1].isdigit() and len(line) > 2
    }


def test_an_endpoint_is_scored_on_a_file_with_intervals_and_n(project, upstream):
    model = endpoint(project, upstream, prices={"input": 1, "output": 2})
    text = evaluated(project, model, "rows.jsonl")
    assert text.startswith(f"served-1 at {upstream.url} on rows.jsonl: {ROWS} answers\n")
    assert table(text)["format"] == ["100%", "54%", "to", "100%", str(ROWS)]
    assert table(text)["overlap"][0] == "1.00"
    assert "tokens: 42 read, 18 written; cost 0.0001 USD" in text
    assert "warning" not in text
    assert len(upstream.requests) == ROWS
    assert evaluated(project, model, "rows.jsonl") == text
    assert len(upstream.requests) == ROWS, "what is in the store was asked again"


def test_every_set_has_its_rows(project, upstream):
    model = endpoint(project, upstream)
    assert "on golden: " in evaluated(project, model, "golden")
    text = evaluated(project, model, "test")
    assert re.search(r"on test: 40 answers of \d+ \(predict.sample\)\n", text)
    assert table(text)["format"][0] == "0%"
    with pytest.raises(InputError, match="--on nowhere.jsonl: no such file; expected test, golden"):
        evaluated(project, model, "nowhere.jsonl")
    (project / "bad.jsonl").write_text('{"messages": []}\n')
    with pytest.raises(InputError, match=r"bad.jsonl:1"):
        evaluated(project, model, "bad.jsonl")


def rows_of(project, where):
    return Evaluator(project / "tiny.yaml", Settings(home=project / "home")).examples(where)


def trained(store, based, folder, rows):
    """An adapter as if the recipe had been trained, on these rows."""

    def body(params, draft, rows, base):
        made = draft.scratch()
        shutil.copytree(folder, made, dirs_exist_ok=True)
        (made / "seen.txt").write_text(rows.digest)
        return draft.seal_files(Adapter, made, base=base.digest)

    stage = Stage("train", version=99, produces=Adapter, body=body)
    return store.build(stage, TrainParams(method="sft"), rows, based)


def test_the_base_a_candidate_and_the_champion_go_the_same_way(project, tiny_adapter, monkeypatch):
    based = evaluated(project, "base", "rows.jsonl")
    assert based.startswith(f"base on rows.jsonl: {ROWS} answers\n")
    store = Settings(home=project / "home").store()
    on = Base.model_validate(next(store.all_records("base"))["output"])
    adapter = trained(store, on, tiny_adapter, rows_of(project, "golden"))
    tuned = evaluated(project, f"candidate-{adapter.digest[:10]}", "rows.jsonl")
    assert tuned.startswith(f"candidate {adapter.short} on rows.jsonl: {ROWS} answers\n")
    assert int(table(tuned)["format"][0][:-1]) > int(table(based)["format"][0][:-1])
    serving = SimpleNamespace(version="3", base=on, adapter=adapter)
    tracker = SimpleNamespace(champion=lambda name: serving if name == "tiny" else None)
    monkeypatch.setattr(retrains, "open_tracker", lambda settings: tracker)
    champion = evaluated(project, "champion", "rows.jsonl")
    assert champion.splitlines()[1:] == tuned.splitlines()[1:]
    monkeypatch.setattr(tracker, "champion", lambda name: None)
    with pytest.raises(InputError, match="tiny has no champion yet"):
        evaluated(project, "champion", "rows.jsonl")
    with pytest.raises(InputError, match="no trained adapter .* starts with 0123456789"):
        evaluated(project, "candidate-0123456789", "rows.jsonl")


def test_rows_of_a_file_that_were_trained_on_are_told(project, tiny_adapter, monkeypatch):
    evaluated(project, "base", "rows.jsonl")
    store = Settings(home=project / "home").store()
    on = Base.model_validate(next(store.all_records("base"))["output"])
    adapter = trained(store, on, tiny_adapter, rows_of(project, "rows.jsonl"))
    mixed = tiny_rows(2, 7) + tiny_rows(ROWS, 99)[:2]
    (project / "mixed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mixed))
    text = evaluated(project, f"candidate-{adapter.digest[:10]}", "mixed.jsonl")
    assert "was trained on 2 of the 4 rows of mixed.jsonl, or on rows too near to them" in text
    assert "rows.jsonl:1: same group as mixed.jsonl:3; rows.jsonl:2: same group as" in text
    assert "trained on" not in evaluated(project, "base", "mixed.jsonl")
    store.storage.delete("records/train")
    serving = SimpleNamespace(version="3", base=on, adapter=adapter)
    tracker = SimpleNamespace(champion=lambda name: serving)
    monkeypatch.setattr(retrains, "open_tracker", lambda settings: tracker)
    text = evaluated(project, "champion", "mixed.jsonl")
    assert "nothing says what champion (version 3) was trained on" in text


def test_a_look_at_the_test_set_is_told(project, upstream):
    text = evaluated(project, endpoint(project, upstream, seed=77), "golden")
    assert re.search(r"golden set: \d models? measured without a verdict so far, .* carries", text)
    assert "without a verdict" not in evaluated(project, endpoint(project, upstream), "rows.jsonl")


@pytest.mark.parametrize("name", ["bases", "candidate-", "candidate-xyz", "endpoint.json", ""])
def test_what_names_no_model_is_told_what_does(project, name):
    with pytest.raises(RecipeError, match="expected base, champion, candidate-DIGEST"):
        evaluated(project, name, "golden")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("model: m\n", "base_url: Field required"),
        (f"base_url: https://h/v1\nmodel: m\nkey: {KEY}\n", "name of an environment variable"),
        (f"base_url: https://h/v1?key={KEY}\nmodel: m\n", "holds a user, a query"),
        (f"base_url: https://h/v1\nmodel: m\napi_key: {KEY}\n", "api_key: Extra inputs"),
        (f"base_url: https://h/v1\nmodel: m\nconcurrency: {KEY}\n", "concurrency: "),
        (f"key: '{KEY}\n", "line 2: not YAML"),
        ("- a\n", "expected keys and values"),
    ],
)  # fmt: skip
def test_a_wrong_endpoint_file_is_told_and_a_key_in_it_is_not_repeated(project, text, match):
    (project / "wrong.yaml").write_text(text)
    with pytest.raises(RecipeError, match=match) as caught:
        evaluated(project, "wrong.yaml", "golden")
    assert KEY not in str(caught.value)
    assert "wrong.yaml" in str(caught.value)


def test_a_key_comes_from_the_environment_by_name(project, upstream, monkeypatch):
    model = endpoint(project, upstream, key="SERVED_KEY", seed=1)
    with pytest.raises(RecipeError, match="the environment has no SERVED_KEY"):
        evaluated(project, model, "rows.jsonl")
    monkeypatch.setenv("SERVED_KEY", KEY)
    text = evaluated(project, model, "rows.jsonl")
    assert {sent["authorization"] for sent in upstream.headers} == {f"Bearer {KEY}"}
    assert KEY not in text


def test_an_endpoint_that_fails_is_an_error_and_no_zero(project, upstream, monkeypatch):
    monkeypatch.setattr(client, "Clock", Hours().clock)
    upstream.answer = fails(500)
    model = endpoint(project, upstream)
    with pytest.raises(Transient, match="0 of 6 answers are kept"):
        evaluated(project, model, "rows.jsonl")


def test_answers_that_are_cut_withheld_or_blank_are_told(project, upstream):
    cut = {"choices": [{"message": {"content": "Sub"}, "finish_reason": "length"}]}
    withheld = {"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}
    upstream.told(says("", **cut), says("", **withheld), says(""))
    text = evaluated(project, endpoint(project, upstream), "rows.jsonl")
    assert "warning: of 6 answers, 1 ended by content_filter, 1 ended by length, 2 blank" in text


# With a judge


def judge_file(project, upstream, name="judge", **fields):
    at = {"base_url": upstream.url, "model": "judge-1", "concurrency": 1}
    given = {"endpoint": at, "rubric": "rubric.yaml", "repeats": 0, **fields}
    return Path(written(project, name, **given))


def test_a_judge_s_scores_stand_beside_the_others_and_missing_ones_in_none(project, upstream):
    with serving(judges) as other:
        other.told(says("no idea"))
        spec = judge_file(project, other)
        text = evaluated(project, endpoint(project, upstream), "rows.jsonl", spec)
        lines = [line.split() for line in text.splitlines()]
        assert ["rubric", "1.00", "–", str(ROWS - 1)] in lines
        assert ["factual", "consistency", "1.00", "–", str(ROWS)] in lines
        assert (
            "warning: rubric: 1 of 6 verdicts are missing and in no figure: "
            "1 broken reply: no JSON object"
        ) in text
        before = len(other.requests)
        assert evaluated(project, endpoint(project, upstream), "rows.jsonl", spec) == text
        assert len(other.requests) == before == 2 * ROWS


def test_two_models_are_held_against_each_other(project, upstream):
    with serving(judges) as other, serving(letters) as plain:
        spec = judge_file(project, other)
        one = endpoint(project, upstream)
        two = written(project, "plain", base_url=plain.url, model="plain-1")
        text = evaluated(project, one, "rows.jsonl", spec, two)
    assert "better in 5, worse in 0, tied in 1 of 6 pairs" in text
    assert "better in 100% of those decided (48% to 100%)" in text
    assert "changed" not in text
    with pytest.raises(RecipeError, match="--against: expected --judge"):
        evaluated(project, one, "rows.jsonl", None, two)


def test_a_judge_that_changed_behind_its_name_is_told(project, upstream):
    with serving(judges) as other, serving(letters) as plain:
        spec = judge_file(project, other, tasks=["absolute"])
        one = endpoint(project, upstream)
        evaluated(project, one, "rows.jsonl", spec)
        other.answer = later
        two = written(project, "plain", base_url=plain.url, model="plain-1")
        text = evaluated(project, one, "rows.jsonl", spec, two)
    assert "warning: the judge of absolute changed between the two (served small-1 and new)" in text


def later(handler, body):
    better = (
        '{"reason": "", "better": "tie"}' if "Choose" in body["messages"][-1]["content"] else ""
    )
    says(better or '{"reason": "", "score": 5}', model="new")(handler, body)


def test_a_judge_that_is_the_judged_is_refused_before_anything_is_generated(project, upstream):
    spec = judge_file(project, upstream, "own", endpoint={
        "base_url": upstream.url, "model": "org/Served-1",
    })  # fmt: skip
    with pytest.raises(RecipeError, match="a model prefers its own answers"):
        evaluated(project, endpoint(project, upstream), "rows.jsonl", spec)
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"rubric": "none.yaml"}, "rubric .*none.yaml: cannot be read"),
        ({"rubrics": "rubric.yaml"}, "rubrics: Extra inputs"),
        ({"tasks": ["facts", "facts"]}, "one stands twice"),
        ({"endpoint": {"model": "m"}}, "endpoint.base_url: Field required"),
    ],
)
def test_a_wrong_judge_file_is_told(project, upstream, fields, match):
    spec = judge_file(project, upstream, "wrong-judge", **fields)
    with pytest.raises(RecipeError, match=match):
        evaluated(project, "base", "rows.jsonl", spec)


def test_the_command_prints_the_table_and_ends_by_the_error_s_code(project, upstream):
    model = endpoint(project, upstream)
    told = CliRunner().invoke(
        main, ["evaluate", "tiny.yaml", "--model", model, "--on", "rows.jsonl"]
    )
    assert told.exit_code == 0 and table(told.output)["format"][0] == "100%"
    wrong = CliRunner().invoke(main, ["evaluate", "tiny.yaml", "--model", "x", "--on", "test"])
    assert wrong.exit_code == RecipeError.exit_code
    assert "expected base, champion" in wrong.output


def test_a_folder_with_a_model_is_one(project):
    told = report(Path("tiny.yaml"), Settings(home=project / "home"), "tiny/base", "rows.jsonl")
    alone = report(Path("tiny.yaml"), Settings(home=project / "home"), "base", "rows.jsonl")
    assert told.splitlines()[0] == f"tiny/base on rows.jsonl: {ROWS} answers"
    assert told.splitlines()[2:] == alone.splitlines()[2:]


def test_a_use_is_measured_by_its_own_metrics(project):
    recipe = yaml.safe_load((project / "tiny.yaml").read_text())
    (project / "used.yaml").write_text(yaml.safe_dump({**recipe, "uses": [USE]}))
    told = report(Path("used.yaml"), Settings(home=project / "home"), "base", "letters")
    assert told.splitlines()[0] == f"base on letters: {ROWS} answers"
    assert "exact match" in told
    assert "grounding" not in told
    with pytest.raises(InputError, match="the name of a use"):
        report(Path("tiny.yaml"), Settings(home=project / "home"), "base", "letters")


def test_suites_are_asked_of_a_model_beside_the_base(project):
    told = report(Path("tiny.yaml"), Settings(home=project / "home"), "base", "suites")
    assert told.startswith("base beside the base: in none worse")
    assert "sycophancy" in told
    with pytest.raises(RecipeError, match="takes no --judge"):
        report(Path("tiny.yaml"), Settings(home=project / "home"), "base", "suites", against="base")
