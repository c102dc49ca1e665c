"""Tasks of a rollout's tick: look and act, then let everything else follow the ledger."""

import datetime
from typing import Any, cast

from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
from prefect.variables import Variable

from tasks.logs import forward_logs
from tasks.release import effect_task
from tunesmith import retrains, rollouts, settings
from tunesmith.gateway.segments import FOLDER
from tunesmith.rollout.decision import Evidence


@effect_task
def tick(recipe: str) -> Evidence | None:
    """Look at the rollout, decide, and move it or not; returns what was seen, if it is open."""
    forward_logs()
    here = settings.load()
    done = rollouts.tick(
        here.database,
        here.home / FOLDER,
        recipe,
        _now(),
        metrics=lambda rollout: rollouts.metrics_of(retrains.open_tracker(here), rollout),
    )
    return None if done is None else done.evidence


@effect_task
def show(recipe: str, latest: Evidence | None) -> None:
    """Tell each move as an event, and show where the rollout stands."""
    name = f"rollout_{recipe.replace('-', '_')}"
    told = cast(dict[str, Any] | None, Variable.get(name))
    news = rollouts.news(settings.load().database, recipe, told, latest, _now())
    if news is None:
        return
    for event in news.events:
        emit_event(
            event.name,
            {"prefect.resource.id": f"tunesmith.model.{recipe}", "prefect.resource.name": recipe},
            occurred=event.at,
            payload=dict(event.facts),
            id=event.id,
        )
    create_markdown_artifact(news.markdown, key=f"rollout-{recipe}", description="The rollout")
    EventsWorker.instance().wait_until_empty()
    # Last: what dies before it is told again, and an event that was heard is heard once.
    Variable.set(name, news.told, overwrite=True)


@effect_task
def mirror(recipe: str) -> None:
    """Let MLflow follow: the alias `champion`, and the run of the version that is rolled out."""
    here = settings.load()
    rollouts.mirror(retrains.open_tracker(here), here.database, recipe, _now())


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
