"""Tasks that ready a model to be served, let models answer, score the answers and decide."""

from tasks.stage_task import stage_task
from tunesmith import settings
from tunesmith.artifacts import (
    Adapter,
    Advice,
    Base,
    Choice,
    Examples,
    Files,
    Latencies,
    Mixture,
    Package,
    Predictions,
    Probes,
    Scores,
    Split,
    Verdict,
)
from tunesmith.deciding.params import GateParams
from tunesmith.evaluation.judge import JudgingParams
from tunesmith.stages import advise as advise_stage
from tunesmith.stages import choose as choose_stage
from tunesmith.stages import clock as clock_stage
from tunesmith.stages import evaluate as evaluate_stage
from tunesmith.stages import examine as examine_stage
from tunesmith.stages import gate as gate_stage
from tunesmith.stages import judge as judge_stage
from tunesmith.stages import package as package_stage
from tunesmith.stages import predict as predict_stage
from tunesmith.stages import probe as probe_stage


@stage_task(hours=12, tags=("model",))
def predict(
    params: predict_stage.PredictParams,
    source: Examples,
    base: Base,
    adapter: Adapter | None,
    shots_from: Examples | None,
) -> Predictions:
    """Run `tunesmith.stages.predict`."""
    store = settings.load().store()
    return store.build(predict_stage.STAGE, params, source, base, adapter, shots_from)


@stage_task(hours=2, tags=("evaluation",))
def evaluate(
    params: evaluate_stage.EvaluateParams, source: Examples, predictions: Predictions
) -> Scores:
    """Run `tunesmith.stages.evaluate`."""
    return settings.load().store().build(evaluate_stage.STAGE, params, source, predictions)


@stage_task(hours=12, tags=("evaluation",))
def judge(
    params: JudgingParams, source: Examples, predictions: Predictions, scores: Scores | None
) -> Scores:
    """Run `tunesmith.stages.judge`."""
    store = settings.load().store()
    return store.build(judge_stage.STAGE, params, source, predictions, scores)


@stage_task(hours=1, tags=("evaluation",))
def choose(
    params: choose_stage.ChooseParams,
    scores: dict[str, Scores],
    predictions: dict[str, Predictions],
) -> Choice:
    """Run `tunesmith.stages.choose`."""
    return settings.load().store().build(choose_stage.STAGE, params, scores, predictions)


@stage_task(hours=1, tags=("evaluation",))
def advise(
    params: advise_stage.AdviseParams,
    mixture: Mixture,
    split: Split,
    predictions: Predictions,
    scores: Scores,
    retrieved: Scores | None,
) -> Advice:
    """Run `tunesmith.stages.advise`."""
    store = settings.load().store()
    return store.build(advise_stage.STAGE, params, mixture, split, predictions, scores, retrieved)


@stage_task(hours=12, tags=("model",))
def package(
    params: package_stage.PackageParams, base: Base, adapter: Adapter, examples: Examples
) -> Package:
    """Run `tunesmith.stages.package`."""
    return settings.load().store().build(package_stage.STAGE, params, base, adapter, examples)


@stage_task(hours=12, tags=("model",))
def clock(
    params: clock_stage.ClockParams,
    package: Package,
    base: Base,
    adapter: Adapter,
    examples: Examples,
) -> Latencies:
    """Run `tunesmith.stages.clock`."""
    store = settings.load().store()
    return store.build(clock_stage.STAGE, params, package, base, adapter, examples)


@stage_task(hours=12, tags=("model",))
def probe(
    params: probe_stage.ProbeParams,
    base: Base,
    adapter: Adapter | None,
    train: Examples,
    test: Examples,
) -> Probes:
    """Run `tunesmith.stages.probe`."""
    return settings.load().store().build(probe_stage.STAGE, params, base, adapter, train, test)


@stage_task(hours=12, tags=("model",))
def examine(
    params: examine_stage.ExamineParams, base: Base, adapter: Adapter | None, tasks: Files | None
) -> Probes:
    """Run `tunesmith.stages.examine`."""
    return settings.load().store().build(examine_stage.STAGE, params, base, adapter, tasks)


@stage_task(hours=1, tags=("evaluation",))
def gate(
    params: GateParams,
    measured: dict[str, Scores],
    package: Package,
    probes: dict[str, Probes],
    latencies: Latencies | None,
    predictions: Predictions | None,
) -> Verdict:
    """Run `tunesmith.stages.gate`."""
    store = settings.load().store()
    return store.build(gate_stage.STAGE, params, measured, package, probes, latencies, predictions)
