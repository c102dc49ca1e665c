"""What would run, and why: without running anything."""

import hashlib
from pathlib import Path

import pytest

from tests.made_rows import line
from tests.toy_stages import CUT, DRAW, JUDGE, MAKE, MakeParams, NoParams
from tunesmith.artifacts import Adapter, Base, Files, Split
from tunesmith.commands.checking import _lines
from tunesmith.commands.preview import UNKNOWN, Preview, preview
from tunesmith.evaluation.retrieval import ContextParams
from tunesmith.pipeline import Sources, golden_params, retrain
from tunesmith.recipe import load
from tunesmith.reporting.tracking import Champion
from tunesmith.stage import Stage
from tunesmith.stages import ingest
from tunesmith.store import Store


def looked(store, stage, params, *inputs):
    """The one step of looking at this stage."""
    runner = Preview(store)
    runner(stage, "label", params, *inputs)
    (step,) = runner.steps
    return step


def test_what_is_there_is_shown_and_needs_no_reason(store):
    ref = store.build(MAKE, MakeParams())
    step = looked(store, MAKE, MakeParams())
    assert (step.label, step.ref, step.differences) == ("label", ref, ())


def test_what_was_never_built_says_so(store):
    assert looked(store, MAKE, MakeParams()).differences == ("never built in this store",)
    store.build(MAKE, MakeParams())
    assert looked(store, CUT, NoParams(), None).differences == ("never built in this store",)


def test_a_changed_parameter_version_or_input_is_named_with_both_values(store):
    source = store.build(MAKE, MakeParams())
    other = store.build(MAKE, MakeParams(rows=9))
    store.build(JUDGE, MakeParams(), {"test": source})
    assert looked(store, JUDGE, MakeParams(rows=5), {"test": source}).differences == (
        "params.rows: 4 → 5",
    )
    assert looked(store, JUDGE, MakeParams(rows=5, word="w"), {"test": other}).differences == (
        f"inputs[0].test.digest: {source.short}… → {other.short}…",
        "params.rows: 4 → 5",
        "params.word: word → w",
    )
    later = Stage("judge", 2, JUDGE.produces, JUDGE.body)
    assert looked(store, later, MakeParams(), {"test": source}).differences == ("version: 1 → 2",)
    assert looked(store, JUDGE, MakeParams(), {"golden": source}).differences == (
        f"inputs[0].golden.digest: nothing → {source.short}…",
        "inputs[0].golden.kind: nothing → examples",
        f"inputs[0].test.digest: {source.short}… → nothing",
        "inputs[0].test.kind: examples → nothing",
    )


def test_the_build_that_differs_least_is_compared_and_of_those_the_newest(store):
    for params in (MakeParams(rows=1, word="a"), MakeParams(rows=2, word="b"), MakeParams(rows=3, word="c")):  # fmt: skip
        store.build(MAKE, params)
    assert looked(store, MAKE, MakeParams(rows=9, word="b")).differences == ("params.rows: 2 → 9",)
    assert looked(store, MAKE, MakeParams(rows=9, word="z")).differences == (
        "params.rows: 3 → 9", "params.word: c → z",
    )  # fmt: skip


def test_a_lost_artifact_and_a_wish_are_told_apart(store):
    source = store.build(MAKE, MakeParams())
    again = Store(store.url, rebuild=frozenset({"make"}))
    assert looked(again, MAKE, MakeParams()).differences == ("--rebuild asks for it",)
    store.storage.delete(f"examples/{source.digest}/manifest.json")
    assert looked(store, MAKE, MakeParams()).differences == (
        f"its artifact {source.short} is missing or damaged",
    )


def test_what_hangs_on_what_is_not_built_is_unknown(store):
    source = store.build(MAKE, MakeParams())
    store.build(CUT, NoParams(), source)
    runner = Preview(store)
    made = runner(MAKE, "make", MakeParams(rows=5))
    split = runner(CUT, "cut", NoParams(), made)
    runner(DRAW, "train", NoParams(), split.train)
    assert isinstance(split, Split)
    assert [step.differences for step in runner.steps] == [
        ("params.rows: 4 → 5",),
        (f"inputs[0].digest: {source.short}… → {UNKNOWN}",),
        ("never built in this store",),
    ]


@pytest.fixture
def project(tmp_path):
    """A recipe with its files, and what stands for a base model."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "rows.jsonl").write_text("".join(f"{line(f'question {n}')}\n" for n in range(5)))
    (root / "golden.jsonl").write_text(f"{line('golden')}\n")
    sha256 = hashlib.sha256((root / "golden.jsonl").read_bytes()).hexdigest()
    (root / "recipe.yaml").write_text(
        "name: tickets\n"
        "task: Write a short answer that says only what the ticket says.\n"
        "reference_examples: rows.jsonl\n"
        "base: {model: some/model}\n"
        "ingest: {sources: [{path: rows.jsonl, origin: human}]}\n"
        f"golden: {{path: golden.jsonl, sha256: {sha256}}}\n"
        "evaluate: {metrics: [grounding], primary: grounding}\n"
        "train: {method: sft}\n"
    )
    from tunesmith.data.source_files import gather

    return load(root / "recipe.yaml"), Sources(
        base=Files(digest="b" * 64, names=(), sha256=(), root=str(root)),
        examples=gather(["rows.jsonl"], root),
        golden=gather(["golden.jsonl"], root),
    )


PLAN = [
    "base", "ingest", "validate", "score", "ingest golden", "dedup", "split", "mix",
    "predict own 0 shots plain validation", "evaluate own 0 shots plain validation",
    "predict own 5 shots plain validation", "evaluate own 5 shots plain validation",
    "choose",
    "predict base test", "evaluate base test",
    "predict prompt_baseline test", "evaluate prompt_baseline test",
    "predict base golden", "evaluate base golden",
    "predict prompt_baseline golden", "evaluate prompt_baseline golden",
    "advise",
    "probe base", "train", "package",
    "predict candidate test", "evaluate candidate test",
    "predict candidate golden", "evaluate candidate golden",
    "probe candidate", "gate",
]  # fmt: skip


def test_a_whole_recipe_is_looked_through_in_order_and_nothing_is_built(store, project):
    recipe, sources = project
    steps = preview(recipe, sources, None, store)
    assert [step.label for step in steps] == PLAN
    assert all(step.ref is None for step in steps)
    assert list(store.all_records()) == []
    assert not Path(store.url).exists()


def test_what_is_asked_with_a_prompt_that_is_not_chosen_yet_is_unknown(store, project):
    recipe, sources = project
    seen = []

    class Looking(Preview):
        def __call__(self, stage, label, params, *inputs):
            seen.append((label, getattr(params, "prompting", None)))
            return super().__call__(stage, label, params, *inputs)

    retrain(recipe, sources, None, Looking(store))
    asked = dict(seen)
    assert asked["predict prompt_baseline test"].system == UNKNOWN
    assert asked["predict base test"].system is None
    assert asked["predict own 5 shots plain validation"].shots == 5


def test_what_was_built_before_is_cached(store, project):
    recipe, sources = project
    store.build(ingest.STAGE, recipe.ingest, sources.examples)
    golden = store.build(ingest.STAGE, golden_params(recipe), sources.golden)
    steps = {step.label: step for step in preview(recipe, sources, None, store)}
    assert [label for label, step in steps.items() if step.ref] == ["ingest", "ingest golden"]
    assert steps["ingest golden"].ref == golden
    assert len(list(store.all_records())) == 2


@pytest.mark.parametrize("training", [False, True])
def test_passages_go_to_the_base_and_where_training_sees_them_to_the_candidate_too(
    store, project, training
):
    recipe, sources = project
    context = ContextParams(documents="*.md", training=training)
    recipe = recipe.model_copy(update={"context": context})
    documents = Files(digest="d" * 64, names=("a.md",), sha256=("e" * 64,), root="")
    sources = sources.model_copy(update={"documents": documents})
    steps = [step.label for step in preview(recipe, sources, None, store)]
    added = [label for label in steps if label not in PLAN]
    assert added == [
        "retrieve test", "retrieve golden",
        "predict retrieved test", "evaluate retrieved test",
        "predict retrieved golden", "evaluate retrieved golden",
        *(["retrieve train", "retrieve validation"] if training else []),
    ]  # fmt: skip
    assert [label for label in steps if label in PLAN] == PLAN


@pytest.mark.parametrize(
    ("target", "beyond", "note"),
    [
        (0.9, False, "if a baseline turns out to reach the target, the run stops here"),
        (0.9, True, ""),
        (None, False, ""),
    ],
)
def test_whether_the_run_stops_is_not_known_yet_and_said(store, project, target, beyond, note):
    recipe, sources = project
    recipe = recipe.model_copy(update={"target": target, "train_beyond_target": beyond})
    steps = preview(recipe, sources, None, store)
    assert [step.label for step in steps] == PLAN
    assert {step.label: step.note for step in steps if step.note} == (
        {"advise": note} if note else {}
    )
    shown = "\n".join(_lines(steps))
    assert shown.count("the run stops here") == bool(note)


def test_a_champion_is_measured_beside_the_candidate(store, project):
    recipe, sources = project
    champion = Champion(
        version="3",
        adapter=Adapter(digest="a" * 64, base="b" * 64),
        base=Base(digest="b" * 64, model="some/model"),
    )
    labels = [step.label for step in preview(recipe, sources, champion, store)]
    assert [label for label in labels if label not in PLAN] == [
        "predict champion test", "evaluate champion test",
        "predict champion golden", "evaluate champion golden",
    ]  # fmt: skip
