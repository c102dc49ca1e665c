"""A recipe that names a judge's metrics names the judge, and no model of its own."""

import pytest
import yaml

from tests.test_recipe import folder, loaded, mistakes
from tunesmith.evaluation.judge import Scale

__all__ = ["folder"]
KEY = "sk-3f9A2b7C8d1E4f6G5h0J"
RUBRIC = {"name": "mail", "scale": {"lowest": 1, "highest": 4}, "absolute": "Rate {answer}"}
JUDGED = {"metrics": ["format", "rubric", "factual_consistency"], "primary": "factual_consistency"}


def judge(model="large-1", **fields):
    return {"endpoint": {"base_url": "https://host/v1", "model": model}, **fields}


@pytest.fixture
def rubric(folder):
    (folder / "rubric.yaml").write_text(yaml.safe_dump(RUBRIC))
    return "rubric.yaml"


def test_the_rubric_s_file_is_read_into_the_recipe(folder, rubric):
    recipe = loaded(folder, evaluate=JUDGED, judge=judge(rubric=rubric))
    assert recipe.judge.rubric.scale == Scale(lowest=1, highest=4)
    assert recipe.gate.primary == "factual_consistency"
    before = recipe.digest
    (folder / rubric).write_text(yaml.safe_dump({**RUBRIC, "absolute": "Be strict. {answer}"}))
    assert loaded(folder, judge=judge(rubric=rubric)).digest != before


def test_facts_need_no_rubric(folder):
    facts = {"metrics": ["format", "factual_consistency"], "primary": "format"}
    loaded(folder, evaluate=facts, gate={"better_on": ["factual_consistency"]}, judge=judge())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"evaluate": JUDGED},
            "evaluate.metrics: found rubric and factual_consistency, which only a judge measures, "
            "and the recipe has none; give judge: {endpoint: {base_url: ",
        ),
        (
            {"evaluate": JUDGED, "judge": judge()},
            "evaluate.metrics: found 'rubric', but judge.rubric has no 'absolute' template",
        ),
        (
            {"judge": judge("other/Model-GGUF")},
            "judge.endpoint.model: 'other/Model-GGUF' is the base (some/model)",
        ),
        ({"judge": judge("tickets")}, "judge.endpoint.model: 'tickets' is the candidate (tickets)"),
        ({"judge": judge(rubric="none.yaml")}, "none.yaml: cannot be read: No such file"),
        ({"judge": judge(tasks=["facts"])}, "judge.tasks: is not a key that is known here"),
        ({"judge": {"rubric": {"name": "x"}}}, "judge.endpoint: is missing"),
        (
            {"evaluate": JUDGED, "judge": judge(rubric={**RUBRIC, "absolute": "Rate {answers}"})},
            "judge.rubric: absolute: lacks the place {answer}",
        ),
        (
            {
                "evaluate": {**JUDGED, "primary": "format"},
                "judge": judge(rubric=RUBRIC),
                "split": {"stratify": "difficulty", "difficulty": "rubric"},
            },
            "split.difficulty: found 'rubric'; expected a metric that needs no judge",
        ),
        (
            {
                "uses": [{
                    "name": "summary", "examples": "golden.jsonl",
                    "evaluate": {"metrics": ["factual_consistency"],
                                 "primary": "factual_consistency"},
                }],
            },
            "uses.0.evaluate.metrics: found factual_consistency, which only a judge measures",
        ),
    ],
)  # fmt: skip
def test_what_nobody_could_measure_is_refused_before_anything_runs(folder, fields, said):
    assert said in mistakes(folder, **fields)


@pytest.mark.parametrize("name", ["key", "concurrency", "model_", "base_url"])
def test_a_key_in_the_wrong_place_is_not_repeated(folder, name):
    wrong = judge()
    wrong["endpoint"][name] = f"https://host/v1?key={KEY}" if name == "base_url" else KEY
    assert KEY not in mistakes(folder, judge=wrong)
