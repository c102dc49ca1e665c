"""Where a recipe has bounds, the pipeline measures what they need and hands it to the gate."""

import pytest

from tests import toy_stages
from tests.deciding.test_bounds import MACHINE, answers, seconds
from tests.stages.test_gate import against
from tests.test_pipeline import examples, recipe, told
from tunesmith.artifacts import Examples, Latencies, Package, Predictions, Scores, Split
from tunesmith.commands.checking import power
from tunesmith.commands.preview import Step
from tunesmith.deciding.params import GateParams
from tunesmith.stage import Stage
from tunesmith.stages.gate import STAGE

LATENCY = {"latency": {"seconds": 2.0, "prompts": 80}}
COST = {"cost": {"per_thousand": 0.1, "prices": {"input": 0.15, "output": 0.6}}}


def test_nothing_is_measured_where_nothing_is_bounded(store):
    seen, result = told(store)
    assert "clock" not in seen
    assert seen["gate"][-2:] == (None, None)
    assert result.latencies is None


def test_the_package_is_timed_on_test_prompts_and_the_gate_gets_the_seconds(store):
    seen, result = told(store, gate=LATENCY, predict={"max_new_tokens": 40})
    params, *inputs = seen["clock"]
    assert (params.prompts, params.max_new_tokens) == (80, 40)
    assert [ref.digest for ref in inputs] == ["package", "base", "train", "test"]
    assert seen["gate"][-2].digest == result.latencies.digest == "clock"
    assert seen["gate"][-1] is None
    assert list(seen).index("package") < list(seen).index("clock") < list(seen).index("gate")


def test_another_bound_measures_nothing_anew(store):
    seen, _ = told(store, gate={"latency": {"seconds": 9.0, "share": 0.9, "prompts": 80}})
    assert seen["clock"] == told(store, gate=LATENCY)[0]["clock"]


def test_the_gate_gets_the_candidate_s_answers_where_their_cost_is_bounded(store):
    seen, _ = told(store, gate=COST)
    assert seen["gate"][-1].digest == "predict candidate test"
    assert "clock" not in seen


@pytest.mark.parametrize(("rows", "warned"), [(58, True), (59, False)])
def test_a_test_set_too_small_for_the_bound_is_told_before_the_run(rows, warned):
    sides = {side: examples(side) for side in ("train", "validation")}
    test = Examples(digest="test", rows=rows, dropped=0)
    steps = [Step("split", Split(digest="split", test=test, **sides), ())]
    told_first = power(recipe(gate=LATENCY), steps)
    assert ("gate.latency: the test set is too small: 58 prompts" in told_first) is warned
    assert "gate.latency" not in power(recipe(), steps)


def timed(store, times):
    document = {"machine": MACHINE, "requests": [{"seconds": value} for value in times]}

    def body(params, draft):
        return draft.seal_json(Latencies, "latencies.json", document, requests=len(times))

    params = toy_stages.MakeParams(word=f"{sum(times)}")
    return store.build(Stage("clock", version=1, produces=Latencies, body=body), params)


def fit(store):
    def body(params, draft):
        facts = {"base": "b", "adapter": "a", "passed": True}
        return draft.seal_json(Package, "package.json", {"checks": []}, **facts)

    return store.build(
        Stage("package", version=1, produces=Package, body=body), toy_stages.NoParams()
    )


@pytest.mark.parametrize(("slow", "tokens", "decision", "said"), [
    (0, 80, "promote", ("2 s in 95% of requests", "within 0.1 USD")),
    (30, 80, "reject", ("credibly not within 2 s", "within 0.1 USD")),
    (0, 150, "reject", ("2 s in 95% of requests", "credibly not within 0.1 USD")),
    (3, 80, "inconclusive", ("not settled whether within 2 s", "within 0.1 USD")),
])  # fmt: skip
def test_the_stage_holds_both_to_their_bounds(store, slow, tokens, decision, said):
    params = GateParams(primary="format", **LATENCY, **COST)
    refs = {
        name: toy_stages.given(store, list(rows.values()), Scores)
        for name, rows in against(50, 20, 25).items()
    }
    predictions = toy_stages.given(store, answers(150, tokens), Predictions)
    latencies = timed(store, seconds(100, slow))
    ref = store.build(STAGE, params, refs, fit(store), {}, latencies, predictions)
    document = store.json(ref, "verdict.json")
    assert ref.decision == decision
    assert [item["metric"] for item in document["criteria"][-2:]] == ["latency", "cost"]
    for text, reason in zip(said, document["reasons"][-2:], strict=True):
        assert text in reason
    assert (
        "on build-7 (merged model in transformers 5.23.0 on znver4, bf16, 2 threads"
        in document["reasons"][-2]
    )
