"""What follows what: which prompt is asked, and who sees passages."""

from typing import Any

import pytest

from tunesmith.artifacts import (
    Adapter,
    Advice,
    Base,
    Choice,
    Examples,
    Failures,
    Files,
    Split,
    Verdict,
)
from tunesmith.commands.preview import UNKNOWN, Preview
from tunesmith.errors import RecipeError
from tunesmith.evaluation.prompting import PromptBaselineParams, Prompting
from tunesmith.evaluation.retrieval import ContextParams
from tunesmith.pipeline import Sources, retrain
from tunesmith.recipe import Recipe
from tunesmith.reporting.tracking import Champion
from tunesmith.stages.judge import STAGE

FILES = Files(digest="f" * 64, names=("a.jsonl",), sha256=("a" * 64,), root="")
SOURCES = Sources(
    base=FILES, examples=FILES, golden=FILES, uses={"summary": FILES}, documents=FILES
)
CHAMPION = Champion(
    version="3", adapter=Adapter(digest="a" * 64, base="b" * 64), base=Base(digest="b", model="m")
)


def examples(name):
    return Examples(digest=name, rows=1, dropped=0)


class Told(Preview):
    """Runs nothing; every artifact is called by the label of what would have made it."""

    def __init__(self, store: Any, variant: str = "", stop: bool = False) -> None:
        super().__init__(store)
        self.variant, self.stop = variant, stop
        self.seen: dict[str, tuple[Any, ...]] = {}

    def __call__(self, stage, label, params, *inputs):
        self.seen[label] = (params, *inputs)
        if stage.produces is Split:
            sides = {side: examples(side) for side in ("train", "validation", "test")}
            return Split(digest=label, **sides)
        if stage.produces is Choice:
            return Choice(digest=label, variant=self.variant)
        if stage.produces is Advice:
            failures = Failures(digest="failures", rows=0)
            return Advice(digest=label, stop=self.stop, failures=failures)
        if stage.produces is Verdict:
            return Verdict(digest=label, decision="promote")
        return super().__call__(stage, label, params, *inputs).model_copy(update={"digest": label})


def recipe(**fields):
    return Recipe.model_validate(
        {
            "name": "tickets",
            "task": "Write a short answer that says only what the ticket says.",
            "base": {"model": "some/model"},
            "ingest": {"sources": [{"path": "a.jsonl", "origin": "human"}]},
            "golden": {"path": "g.jsonl", "sha256": "0" * 64},
            "evaluate": {"metrics": ["grounding"], "primary": "grounding"},
            **fields,
        }
    )


def told(store, variant="", stop=False, **fields):
    runner = Told(store, variant, stop)
    result = retrain(recipe(**fields), SOURCES, CHAMPION, runner)
    return runner.seen, result


def digests(seen, label):
    return [getattr(value, "digest", None) for value in seen[label][1:]]


WAYS = PromptBaselineParams(systems=("Be short.",), shots=(0, 5), sample=30)


def test_every_variant_is_asked_on_validation_and_the_chosen_one_on_test_and_golden(store):
    seen, _ = told(store, "system 1 5 shots plain", prompt_baseline=WAYS.model_dump())
    for name, way in WAYS.variants().items():
        params, *_ = seen[f"predict {name} validation"]
        assert (params.prompting, params.sample) == (way, 30)
        shots = "train" if way.shots else None
        assert digests(seen, f"predict {name} validation") == ["validation", "base", None, shots]
    params, scores, predictions = seen["choose"]
    assert (params.variants, params.metric) == (WAYS.variants(), "grounding")
    assert {name: ref.digest for name, ref in scores.items()} == {
        name: f"evaluate {name} validation" for name in WAYS.variants()
    }
    assert predictions.keys() == scores.keys()
    chosen = Prompting(system="Be short.", shots=5)
    for where in ("test", "golden"):
        assert seen[f"predict prompt_baseline {where}"][0].prompting == chosen
        for who in ("base", "candidate", "champion"):
            assert seen[f"predict {who} {where}"][0].prompting == Prompting()
            assert digests(seen, f"predict {who} {where}")[3] is None
    assert list(seen).index("predict prompt_baseline golden") < list(seen).index("train")


def test_no_more_validation_rows_are_asked_than_predict_allows(store):
    seen, _ = told(store, predict={"sample": 7}, prompt_baseline=WAYS.model_dump())
    assert seen["predict own 0 shots plain validation"][0].sample == 7
    seen, _ = told(store, prompt_baseline={"shots": [0, 1]})
    assert seen["predict own 1 shots plain validation"][0].sample == 100


def test_one_way_to_put_a_prompt_is_not_tried_first(store):
    seen, _ = told(store, prompt_baseline={"shots": [3]})
    assert not any("validation" in label or label == "choose" for label in seen)
    assert seen["predict prompt_baseline test"][0].prompting == Prompting(shots=3)
    assert digests(seen, "predict prompt_baseline test") == ["test", "base", None, "train"]


@pytest.mark.parametrize("training", [False, True])
def test_the_candidate_sees_passages_where_training_does_and_the_baselines_never(store, training):
    context = ContextParams(documents="a.md", training=training)
    seen, result = told(store, prompt_baseline={"shots": [0]}, context=context.model_dump())
    assert digests(seen, "retrieve golden") == ["ingest golden", FILES.digest]
    mine = "retrieve {}" if training else "{}"
    assert digests(seen, "predict retrieved test")[0] == "retrieve test"
    assert digests(seen, "evaluate retrieved test")[0] == "retrieve test"
    for who, expected in (
        ("base", "test"), ("prompt_baseline", "test"),
        ("candidate", mine.format("test")), ("champion", mine.format("test")),
    ):  # fmt: skip
        assert digests(seen, f"predict {who} test")[0] == expected
        assert digests(seen, f"evaluate {who} test")[0] == expected
    learnt = ["retrieve train", "retrieve validation"] if training else [UNKNOWN, "validation"]
    assert digests(seen, "train")[:2] == learnt
    assert {"retrieved test", "retrieved golden"} <= result.measured.keys()


USE = {
    "name": "summary",
    "examples": "s.jsonl",
    "evaluate": {"metrics": ["overlap", "exact_match"], "primary": "exact_match"},
}


@pytest.mark.parametrize("training", [False, True])
def test_a_use_is_fenced_off_and_asked_of_all_that_may_be_deployed(store, training):
    context = {"documents": "a.md", "training": training}
    seen, result = told(store, uses=[USE], context=context)
    params, files = seen["ingest summary"]
    assert (params.sources[0].path, params.bad_share, files) == ("s.jsonl", 0.0, FILES)
    assert [ref.digest for ref in seen["dedup"][2]] == ["ingest golden", "ingest summary"]
    assert {name: ref.digest for name, ref in seen["mix"][3].items()} == {
        "golden": "ingest golden", "summary": "ingest summary",
    }  # fmt: skip
    for who in ("base", "candidate", "champion"):
        assert seen[f"evaluate {who} summary"][0].primary == "exact_match"
        assert seen[f"evaluate {who} test"][0].primary == "grounding"
        served = training and who != "base"
        rows = "retrieve summary" if served else "ingest summary"
        assert digests(seen, f"predict {who} summary")[0] == rows
    assert "predict prompt_baseline summary" not in seen
    params, measured, *_ = seen["gate"]
    assert params.uses["summary"].metric == "exact_match"
    assert {name for name in measured if "summary" in name} == {
        "base summary", "candidate summary", "champion summary",
    }  # fmt: skip
    assert result.uses.keys() == {"summary"}


def test_what_the_baselines_did_on_test_is_advised_on_before_training(store):
    context = {"documents": "a.md"}
    use = {"stable_months": 12}
    seen, result = told(store, target=0.7, use=use, prompt_baseline={"shots": [3]}, context=context)
    params = seen["advise"][0]
    assert (params.target, params.primary, params.alpha) == (0.7, "grounding", 0.05)
    assert (params.use.stable_months, params.prompting) == (12, Prompting(shots=3))
    assert digests(seen, "advise") == [
        "mix", "split", "predict prompt_baseline test", "evaluate prompt_baseline test",
        "evaluate retrieved test",
    ]  # fmt: skip
    order = list(seen)
    assert order.index("evaluate retrieved golden") < order.index("advise") < order.index("train")
    assert (result.outcome, result.advice.digest) == ("promote", "advise")
    seen, _ = told(store)
    assert digests(seen, "advise")[-1] is None


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("beyond", [False, True])
def test_a_baseline_that_is_good_enough_ends_the_retrain_unless_it_goes_on(store, stop, beyond):
    probe = {"skills": ["arithmetic"]}
    seen, result = told(store, stop=stop, train_beyond_target=beyond, uses=[USE], probe=probe)
    ended = stop and not beyond
    assert (list(seen)[-1] == "advise") == ended
    assert ("train" in seen, "probe base" in seen) == (not ended, not ended)
    assert (result.outcome == "prompt_is_enough") == ended
    assert (result.adapter is None) == (result.verdict is None) == (result.package is None) == ended
    assert result.measured.keys() >= {"base test", "prompt_baseline test", "prompt_baseline golden"}


def test_base_and_candidate_are_asked_the_tasks_that_the_recipe_names(store):
    seen, result = told(store)
    assert not any(label.startswith("examine") for label in seen)
    assert result.probes.keys() == {"base suites", "candidate suites"}
    examine = {"names": ["sums"], "folder": "tasks"}
    sources = SOURCES.model_copy(update={"tasks": SOURCES.examples})
    runner = Told(store)
    result = retrain(recipe(examine=examine, probe=None), sources, CHAMPION, runner)
    seen = runner.seen
    tasks = sources.tasks.digest
    assert digests(seen, "examine base") == ["base", None, tasks]
    assert digests(seen, "examine candidate") == ["base", "train", tasks]
    assert list(seen).index("examine base") < list(seen).index("train")
    assert {name: ref.digest for name, ref in seen["gate"][3].items()} == {
        "base tasks": "examine base",
        "candidate tasks": "examine candidate",
    }


JUDGED = {
    "evaluate": {"metrics": ["grounding", "factual_consistency"], "primary": "grounding"},
    "judge": {"endpoint": {"base_url": "https://host/v1", "model": "large-1"}},
}


def test_one_judge_judges_everybody_and_the_gate_reads_what_it_said(store):
    seen, result = told(store, **JUDGED)
    labels = [label for label in seen if label.startswith("judge ")]
    everybody = {f"{who} {where}" for who in ("base", "prompt_baseline", "candidate", "champion")
                 for where in ("test", "golden")}  # fmt: skip
    assert set(labels) == {f"judge {name}" for name in everybody}
    assert len({STAGE.key(seen[label][0]) for label in labels}) == 1
    assert {seen[label][0].asked for label in labels} == {("facts",)}
    assert digests(seen, "judge champion golden") == [
        "ingest golden", "predict champion golden", "evaluate champion golden",
    ]  # fmt: skip
    assert {name: ref.digest for name, ref in seen["gate"][1].items()} == {
        name: f"judge {name}" for name in everybody
    }
    assert result.measured["base test"].scores.digest == "judge base test"


@pytest.mark.parametrize("primary", ["grounding", "factual_consistency"])
def test_a_judge_is_asked_about_variants_of_the_prompt_only_if_it_chooses(store, primary):
    fields = {**JUDGED, "evaluate": {**JUDGED["evaluate"], "primary": primary}}
    seen, _ = told(store, "own 0 shots plain", prompt_baseline={"shots": [0, 1]}, **fields)
    by = "evaluate" if primary == "grounding" else "judge"
    assert seen["choose"][1]["own 1 shots plain"].digest == f"{by} own 1 shots plain validation"
    assert ("judge own 1 shots plain validation" in seen) == (by == "judge")


@pytest.mark.parametrize("name", ["some/model", "tickets", "m"])
def test_a_judge_that_is_judged_is_refused_before_anything_is_asked(store, name):
    endpoint = {**JUDGED["judge"]["endpoint"], "model": name}
    with pytest.raises(RecipeError, match="a model prefers its own answers"):
        told(store, **{**JUDGED, "judge": {"endpoint": endpoint}})


@pytest.mark.parametrize(("adapter", "told"), [("train", "version 4 had it"), ("another", "")])
def test_an_adapter_that_was_rolled_back_is_told_to_the_gate(store, adapter, told):
    sources = SOURCES.model_copy(update={"withdrawn": {adapter: "version 4 had it"}})
    runner = Told(store)
    retrain(recipe(), sources, CHAMPION, runner)
    assert runner.seen["gate"][0].withdrawn == told


def test_without_documents_nothing_is_looked_up(store):
    seen, result = told(store)
    assert not any("retrieve" in name for name in (*seen, *result.measured))
