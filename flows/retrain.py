"""Make a better model, or say why not: `python -m flows.retrain recipes/support_email.yaml`."""

import json
from pathlib import Path
from typing import Any

from prefect import flow

from tasks import release
from tunesmith import pipeline, retrains, settings
from tunesmith import recipe as recipes
from tunesmith.retrains import Ended, Trigger


@flow(name="retrain", flow_run_name="{trigger} {recipe}", persist_result=False)
def retrain(
    recipe: str,
    trigger: Trigger = "manual",
    why: str = "",
    event: dict[str, Any] | None = None,
    accept_drops: list[str] | None = None,
) -> Ended:
    """Run a recipe from its sources to a verdict.

    Args:
        recipe: Path of the recipe.
        trigger: What started it.
        why: A person's reason.
        event: Payload of the event that started it; recorded as the reason.
        accept_drops: Reasons whose dropped rows were looked at; `all` accepts any.
    """
    reason = why or (json.dumps(event, sort_keys=True) if event else "")
    started = release.start(recipe, trigger, reason)
    loaded = recipes.load(Path(recipe))
    with retrains.following(settings.load(), started):
        runner = release.TaskRunner(loaded, started, accept_drops or [])
        result = pipeline.retrain(loaded, started.sources, started.champion, runner)
        return release.finish(recipe, started, result)
