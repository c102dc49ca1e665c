"""Candidates that a gate promoted, with a rollout in their recipe, in a real MLflow and ledger."""

import datetime

from tests.made_release import World
from tunesmith import champions
from tunesmith.champions import Promoted
from tunesmith.releases import Release
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import Rollout
from tunesmith.rollout.params import RolloutParams

PARAMS = RolloutParams(stages=(5, 100, "bake"))
EVIDENCE = {"readings": [{"name": "errors", "estimate": 0.01, "low": -0.02, "high": 0.03}]}


def promote(
    world: World,
    name: str,
    number: int,
    params: RolloutParams | None = PARAMS,
    release: Release | None = None,
) -> Promoted:
    """The end of a retrain whose candidate the gate promoted."""
    release = release or world.ended(name, f"{name}-{number}", "promote")
    store = world.settings().store()
    return champions.promote(
        database(world), store, world.tracker, release, params, "promote", "ada", "better"
    )


def database(world: World) -> str:
    return world.settings().database


def latest(world: World, name: str) -> Rollout:
    found = ledger.latest(database(world), name)
    assert found is not None
    return found


def moved(world: World, name: str, *kinds: ledger.Action, by: str = "tick") -> Rollout:
    """The newest rollout after some moves."""
    for kind in kinds:
        now = datetime.datetime.now(datetime.UTC)
        ledger.move(database(world), latest(world, name), kind, by, f"to {kind}", now, EVIDENCE)
    return latest(world, name)


def follow(world: World, name: str) -> None:
    champions.mirror(world.tracker, database(world), name)
