"""Tasks around a retrain's stages, and the runner that makes each stage a task."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from prefect import task
from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from tasks import data, evaluation, training
from tasks.logs import forward_logs
from tasks.stage_task import OPTIONS, StageTask
from tunesmith import recipe as recipes
from tunesmith import retrains, settings
from tunesmith.artifacts import Examples
from tunesmith.looking import look
from tunesmith.observe import labelled
from tunesmith.pipeline import Result, Started
from tunesmith.reporting.stage_page import retrain_pages
from tunesmith.retrains import Ended, Trigger
from tunesmith.stage import Ins, Out, Stage
from tunesmith.stage import P as StageParams

P = ParamSpec("P")
R = TypeVar("R")

TASKS: dict[str, StageTask[Any, Any]] = {
    "base": data.base,
    "ingest": data.ingest,
    "validate": data.validate,
    "score": data.score,
    "dedup": data.dedup,
    "split": data.split,
    "mix": data.mix,
    "retrieve": data.retrieve,
    "predict": evaluation.predict,
    "train": training.train,
    "evaluate": evaluation.evaluate,
    "judge": evaluation.judge,
    "choose": evaluation.choose,
    "advise": evaluation.advise,
    "package": evaluation.package,
    "clock": evaluation.clock,
    "probe": evaluation.probe,
    "examine": evaluation.examine,
    "gate": evaluation.gate,
}
"""The task of each stage, by the stage's name."""


def effect_task(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function with effects outside the store a task; it must be idempotent."""
    made = task(task_run_name=function.__name__, tags=["release"], **OPTIONS)(function)
    return cast(Callable[P, R], made)


@effect_task
def start(recipe: str, trigger: Trigger, why: str) -> Started:
    """Begin a retrain, or take up the unfinished one."""
    forward_logs()
    return retrains.start(recipes.load(Path(recipe)), settings.load(), trigger, why)


@effect_task
def finish(recipe: str, started: Started, result: Result) -> Ended:
    """Register what was promoted, write the report, and show it in the UI."""
    loaded = recipes.load(Path(recipe))
    ended = retrains.finish(loaded, settings.load(), started, result)
    pages = retrain_pages(loaded, settings.load().store(), started, result, ended.registered)
    create_markdown_artifact(pages.verdict, key="verdict", description="The verdict")
    create_markdown_artifact(pages.advice, key="advice", description="Is fine-tuning the answer?")
    create_table_artifact(pages.before_after, key="before-after", description="Before and after")
    create_table_artifact(pages.funnel, key="funnel", description="Rows by stage and reason")
    for name, image in pages.images.items():
        create_image_artifact(image, key=f"{name}-plot", description=name.replace("-", " "))
    if started.run_url.startswith("http"):
        create_link_artifact(started.run_url, key="mlflow-run", link_text="The run in MLflow")
    return ended


class TaskRunner:
    """Runs each stage as a Prefect task, and training where the settings say."""

    def __init__(self, recipe: recipes.Recipe, started: Started, accept: list[str]) -> None:
        self._recipe, self._started, self._accept = recipe, started, tuple(accept)

    def __call__(
        self, stage: Stage[StageParams, Out, *Ins], label: str, params: StageParams, *inputs: *Ins
    ) -> Out:
        """Run the stage's task."""
        hand_over: Callable[..., None] = training.hand_over
        if stage.name == "train":
            hand_over(params, *inputs, run=self._started.run)
        with labelled(label):
            return cast(Out, TASKS[stage.name](params, *inputs))

    def look(self, examples: Mapping[str, Examples]) -> None:
        """See what the data stages dropped."""
        look(self._recipe, settings.load().store(), examples, self._accept)
