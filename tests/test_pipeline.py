"""What follows what: which prompt is asked, and who sees passages."""

from typing import Any

import pytest

from tunesmith.artifacts import Adapter, Base, Choice, Examples, Files, Split, Verdict
from tunesmith.commands.preview import UNKNOWN, Preview
from tunesmith.evaluation.prompting import PromptBaselineParams, Prompting
from tunesmith.evaluation.retrieval import ContextParams
from tunesmith.pipeline import Sources, retrain
from tunesmith.recipe import Recipe
from tunesmith.reporting.tracking import Champion

FILES = Files(digest="f" * 64, names=("a.jsonl",), sha256=("a" * 64,), root="")
SOURCES = Sources(base=FILES, examples=FILES, golden=FILES, documents=FILES)
CHAMPION = Champion(
    version="3", adapter=Adapter(digest="a" * 64, base="b" * 64), base=Base(digest="b", model="m")
)


def examples(name):
    return Examples(digest=name, rows=1, dropped=0)


class Told(Preview):
    """Runs nothing; every artifact is called by the label of what would have made it."""

    def __init__(self, store: Any, variant: str = "") -> None:
        super().__init__(store)
        self.variant = variant
        self.seen: dict[str, tuple[Any, ...]] = {}

    def __call__(self, stage, label, params, *inputs):
        self.seen[label] = (params, *inputs)
        if stage.produces is Split:
            sides = {side: examples(side) for side in ("train", "validation", "test")}
            return Split(digest=label, **sides)
        if stage.produces is Choice:
            return Choice(digest=label, variant=self.variant)
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


def told(store, variant="", **fields):
    runner = Told(store, variant)
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


def test_without_documents_nothing_is_looked_up(store):
    seen, result = told(store)
    assert not any("retrieve" in name for name in (*seen, *result.measured))
