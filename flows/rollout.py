"""One tick of a rollout; it may die anywhere, and the next one goes on."""

from prefect import flow

from tasks import rollout as tasks

LONGEST = 900.0
"""Seconds of a tick: one that hangs must not keep the next from its turn."""


@flow(
    name="rollout",
    flow_run_name="rollout {recipe}",
    persist_result=False,
    timeout_seconds=LONGEST,
)
def rollout(recipe: str) -> None:
    """Look at a recipe's newest rollout, move it once or not at all, and show where it stands.

    Args:
        recipe: Its name. What its file says was pinned when the rollout began.
    """
    seen = tasks.tick(recipe)
    tasks.show(recipe, seen)
    tasks.mirror(recipe)
