"""Tasks that ready a model to be served, let models answer, score the answers and decide."""

from tasks.stage_task import stage_task
from tunesmith import settings
from tunesmith.artifacts import (
    Adapter,
    Base,
    Choice,
    Examples,
    Package,
    Predictions,
    Probes,
    Scores,
    Verdict,
)
from tunesmith.stages import choose as choose_stage
from tunesmith.stages import evaluate as evaluate_stage
from tunesmith.stages import gate as gate_stage
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


@stage_task(hours=1, tags=("evaluation",))
def choose(
    params: choose_stage.ChooseParams,
    scores: dict[str, Scores],
    predictions: dict[str, Predictions],
) -> Choice:
    """Run `tunesmith.stages.choose`."""
    return settings.load().store().build(choose_stage.STAGE, params, scores, predictions)


@stage_task(hours=12, tags=("model",))
def package(
    params: package_stage.PackageParams, base: Base, adapter: Adapter, examples: Examples
) -> Package:
    """Run `tunesmith.stages.package`."""
    return settings.load().store().build(package_stage.STAGE, params, base, adapter, examples)


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


@stage_task(hours=1, tags=("evaluation",))
def gate(
    params: gate_stage.GateParams,
    measured: dict[str, Scores],
    package: Package,
    probes: dict[str, Probes],
) -> Verdict:
    """Run `tunesmith.stages.gate`."""
    return settings.load().store().build(gate_stage.STAGE, params, measured, package, probes)
