"""Training, here or handed to a pool of GPU workers."""

from typing import cast

from prefect import runtime
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from tasks.stage_task import stage_task
from tunesmith import settings
from tunesmith.artifacts import Adapter, Base, Examples
from tunesmith.errors import Transient, TunesmithError
from tunesmith.stages import train as train_stage


@stage_task(hours=48, tags=("model",))
def train(
    params: train_stage.TrainParams, rows: Examples, validation: Examples, base: Base
) -> Adapter:
    """Run `tunesmith.stages.train`."""
    return settings.load().store().build(train_stage.STAGE, params, rows, validation, base)


def hand_over(
    params: train_stage.TrainParams,
    rows: Examples,
    validation: Examples,
    base: Base,
    run: str,
) -> None:
    """Have the deployment that the settings name train, if there is one and it is needed.

    Only references travel. Afterwards the adapter is in the store, where the task `train` of
    the waiting flow finds it.

    Raises:
        TunesmithError: when the run on the other pool failed.
        Transient: when it was killed or cancelled.
    """
    here = settings.load()
    wanted = here.store().find(train_stage.STAGE, params, rows, validation, base)
    if not here.train_deployment or wanted is not None:
        return
    handed = run_deployment(
        here.train_deployment,
        parameters={
            "params": params.model_dump(mode="json"),
            "rows": rows.model_dump(mode="json"),
            "validation": validation.model_dump(mode="json"),
            "base": base.model_dump(mode="json"),
            "run": run,
        },
        poll_interval=2,
        idempotency_key=f"{runtime.flow_run.id}-{runtime.flow_run.run_count}",
    )
    child = cast(FlowRun, handed)  # awaitable only where the caller is async
    if child.state is not None and child.state.is_completed():
        return
    state = "unknown" if child.state is None else f"{child.state.name}: {child.state.message}"
    message = f"training in {here.train_deployment} ended as {state}. See flow run {child.name}"
    if child.state is not None and child.state.is_failed():
        raise TunesmithError(message)
    # A worker that was killed or stopped says nothing against the data: another run of the recipe
    # goes on from the last checkpoint.
    raise Transient(f"{message}, then run the recipe again")
