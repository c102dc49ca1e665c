"""Tasks that let models answer, score the answers and decide."""

from tasks.stage_task import stage_task
from tunesmith import settings
from tunesmith.artifacts import Adapter, Base, Examples, Predictions, Scores, Verdict
from tunesmith.stages import evaluate as evaluate_stage
from tunesmith.stages import gate as gate_stage
from tunesmith.stages import predict as predict_stage


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
def gate(params: gate_stage.GateParams, measured: dict[str, Scores]) -> Verdict:
    """Run `tunesmith.stages.gate`."""
    return settings.load().store().build(gate_stage.STAGE, params, measured)
