"""Tasks of a learning curve, and the runner that makes each of its stages a task."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from prefect.artifacts import create_markdown_artifact

from tasks import release, training
from tasks.logs import forward_logs
from tasks.stage_task import StageTask, stage_task
from tunesmith import learning_curve, settings
from tunesmith import recipe as recipes
from tunesmith.artifacts import Examples
from tunesmith.learning_curve import Curve, Ended
from tunesmith.looking import look
from tunesmith.observe import labelled
from tunesmith.stage import Ins, Out, P, Stage
from tunesmith.stages import subset as subset_stage


@stage_task(hours=1, tags=("data",))
def subset(params: subset_stage.SubsetParams, source: Examples) -> Examples:
    """Run `tunesmith.stages.subset`."""
    return settings.load().store().build(subset_stage.STAGE, params, source)


TASKS: dict[str, StageTask[Any, Any]] = {**release.TASKS, "subset": subset}


@release.effect_task
def start(recipe: str) -> str:
    """Begin a learning curve, or take up the unfinished one."""
    forward_logs()
    return learning_curve.start(recipes.load(Path(recipe)), settings.load())


@release.effect_task
def finish(recipe: str, run: str, curve: Curve) -> Ended:
    """Draw the curve, and show it in the UI."""
    ended = learning_curve.finish(recipes.load(Path(recipe)), settings.load(), run, curve)
    create_markdown_artifact(ended.markdown, key="learning-curve", description="Learning curve")
    return ended


class CurveRunner:
    """Runs each stage as a Prefect task, and training where the settings say."""

    def __init__(self, recipe: recipes.Recipe, run: str, accept: list[str]) -> None:
        self._recipe, self._run, self._accept = recipe, run, tuple(accept)

    def __call__(self, stage: Stage[P, Out, *Ins], label: str, params: P, *inputs: *Ins) -> Out:
        """Run the stage's task."""
        hand_over: Any = training.hand_over
        if stage.name == "train":
            hand_over(params, *inputs, run=self._run)
        with labelled(label):
            return cast(Out, TASKS[stage.name](params, *inputs))

    def look(self, examples: Mapping[str, Examples]) -> None:
        """See what the data stages dropped."""
        look(self._recipe, settings.load().store(), examples, self._accept)
