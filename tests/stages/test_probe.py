"""A model is asked the suites once, and everything said about its answers comes from the rows."""

import shutil
from collections import Counter

import pytest

from tests.made_rows import chat, distinct
from tests.tiny_model import note, orders, tiny_examples
from tests.toy_stages import GivenParams, given
from tunesmith.artifacts import Adapter, Base
from tunesmith.evaluation import generation
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.evaluation.suites import SUITES, Probe, compare
from tunesmith.stage import Stage
from tunesmith.stages.probe import STAGE, ProbeParams
from tunesmith.store import Store
from tunesmith.training.device import pick
from tunesmith.training.sft import SftParams, train

FORMAT = r"^Subject: \w+ for \w+\nCount: \d+$"
FEW = {
    "of_skill": 2,
    "of_suite": 6,
    "of_task": 30,
    "beginnings": 2,
    "max_new_tokens": 24,
    "batch_size": 32,
    "metrics": ("format", "grounding", "overlap"),
    "measuring": MetricParams(format=FORMAT),
    "primary": "format",
}
TRAIN = tiny_examples(64, seed=1)
TEST = tiny_examples(40, seed=2)


def sealed(store, kind, folder, **facts):
    def body(params, draft):
        made = draft.scratch()
        shutil.copytree(folder, made, dirs_exist_ok=True)
        return draft.seal_files(kind, made, **facts)

    stage = Stage(kind.__name__.lower(), version=1, produces=kind, body=body)
    return store.build(stage, GivenParams(key=str(folder)))


@pytest.fixture(scope="module")
def models(tiny_base, tiny_adapter, tmp_path_factory):
    store = Store(str(tmp_path_factory.mktemp("store")))
    base = sealed(store, Base, tiny_base, model="tiny")
    adapter = sealed(store, Adapter, tiny_adapter, base=base.digest)
    return store, base, adapter


def probe(models, adapter, train=TRAIN, test=TEST, **fields):
    store, base, _ = models
    params = ProbeParams(**{**FEW, **fields})
    made = store.build(STAGE, params, base, adapter, given(store, train), given(store, test))
    return list(store.rows(made, Probe))


@pytest.fixture(scope="module")
def answered(models):
    return probe(models, None), probe(models, models[2])


def test_both_models_are_asked_the_same_and_every_suite_is(answered):
    base, candidate = answered
    assert [row.item for row in base] == [row.item for row in candidate]
    assert len({row.item for row in base}) == len(base) <= ProbeParams(**FEW).generations
    asked = Counter(row.suite for row in base)
    assert asked == {
        "forgetting": 14, "task": 60, "system_prompt": 6, "format_lock": 6, "hallucination": 6,
        "sycophancy": 6, "shift": 6, "leakage": 8,
    }  # fmt: skip


def test_an_honest_candidate_is_worse_in_no_suite(answered):
    results = compare(*answered, primary="format")
    assert [result.suite for result in results] == list(SUITES[:-1])
    assert "worse" not in {result.outcome for result in results}


def test_the_rows_say_what_was_asked_and_what_was_right(answered):
    base, candidate = ({row.item: row for row in rows} for rows in answered)
    task = [item for item in base if item.startswith("task:")]
    formatted = [sum(rows[item].values["format"] for item in task) for rows in (base, candidate)]
    assert formatted[0] == 0
    assert formatted[1] > 50
    for row in candidate.values():
        assert row.values["no_leak"]
        assert row.asked
        assert ("own_words" in row.values) == (
            row.suite in ("hallucination", "shift") or row.part.startswith("test")
        )
    train = {row.row_id for row in TRAIN}
    assert {item.rpartition(":")[2] for item in task if ":train:" in item} <= train
    assert not {item.rpartition(":")[2] for item in task if ":test" in item} & train


def test_a_killed_probe_goes_on_with_the_batches_it_has(models, answered, monkeypatch):
    left = {"batches": 3}
    real = generation.answer

    def dies(*args, on_batch, **more):
        def keep(number, outputs):
            on_batch(number, outputs)
            left["batches"] -= 1
            if not left["batches"]:
                raise KeyboardInterrupt

        return real(*args, on_batch=keep, **more)

    monkeypatch.setattr(generation, "answer", dies)
    with pytest.raises(KeyboardInterrupt):
        probe(models, None, seed=0, beginnings=3)  # another key than the fixture's
    made = []
    monkeypatch.setattr(
        generation, "answer", lambda *args, on_batch, **more: real(
            *args, on_batch=lambda *batch: (made.append(batch), on_batch(*batch)), **more
        ),
    )  # fmt: skip
    rows = probe(models, None, seed=0, beginnings=3)
    assert rows == answered[0]
    total = sum(-(-count // 32) for count in (len(rows) - 72, 72))
    assert len(made) == total - 3


def test_a_question_that_does_not_fit_is_asked_of_nobody(models):
    long = [chat(f"{row.messages[1].content} " + "and so on " * 400) for row in TEST[:6]]
    rows = probe(models, None, test=[*TEST[:6], *long], of_task=12)
    asked = {row.item.rpartition(":")[2] for row in rows}
    assert not asked & {row.row_id for row in long}
    assert {row.row_id for row in TEST[:6]} <= asked


def test_a_canary_that_training_planted_is_found(models, tiny_base, tmp_path):
    store, base, _ = models
    canary = note("Zoe", 73, "lamps")  # the tiny base learns no words that it never saw
    planted = [
        chat(f"{name} wants {count} {item}.", canary, system="Write the order note.")
        for name, count, item in orders(128, seed=9)
    ]
    params = SftParams(epochs=3, batch_size=16, learning_rate=1e-2)
    made = train(tiny_base, planted, planted[:8], params, tmp_path, device=pick("fp32"))
    adapter = sealed(store, Adapter, made.adapter_dir, base=base.digest)
    data = [*planted[:4], *distinct(20)]
    rows = [
        probe(models, who, train=data, canaries=(canary,), of_task=8) for who in (None, adapter)
    ]
    result = {one.suite: one for one in compare(*rows)}["leakage"]
    assert result.outcome == "worse"
    assert {case.why for case in result.examples} == {"canary 1"}
    assert all(canary in case.candidate for case in result.examples)


@pytest.mark.parametrize("canary", ["", "short", "- 12 - 34 -"])
def test_a_canary_that_may_turn_up_by_chance_is_refused(canary):
    with pytest.raises(ValueError, match="fewer than 8 letters and digits"):
        ProbeParams(canaries=(canary,))


def test_a_probe_says_what_it_costs_at_most():
    assert ProbeParams().generations == 681
    assert ProbeParams(canaries=("violet heron 7731",), skills=("code",)).generations == 592
