"""Train one adapter, on the pool of GPU workers."""

from prefect import flow

from tasks import training
from tunesmith import retrains, settings
from tunesmith.artifacts import Adapter, Base, Examples
from tunesmith.stages.train import TrainParams


@flow(name="train", flow_run_name="train on {rows.short}", persist_result=False)
def train(
    params: TrainParams, rows: Examples, validation: Examples, base: Base, run: str
) -> Adapter:
    """Train on references; `run` is the MLflow run that gets the curves."""
    with retrains.logging_to(settings.load(), run):
        return training.train(params, rows, validation, base)
