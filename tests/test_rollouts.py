"""What a tick needs of MLflow; what it does stands in tests/rollout/test_tick.py."""

import datetime
import json
from dataclasses import replace

import pytest

from tests.made_release import World
from tests.made_rollout import database, latest, promote
from tunesmith import publishing
from tunesmith.errors import MissingArtifact
from tunesmith.rollout import ledger
from tunesmith.rollout.params import RolloutParams
from tunesmith.rollouts import metrics_of, mirror

NOW = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)


def test_metrics_are_as_the_treatments_recipe_has_them(world: World) -> None:
    release = world.ended("shadowed", "shadowed-1", "promote")
    world.register(release)
    document = world.tracker.document(release.run, publishing.RECIPE)
    document["evaluate"]["format"] = "^Hello"
    world.tracker.documents(release.run, {publishing.RECIPE: json.dumps(document)})
    control, treatment = (ledger.Version(version=n, model=f"m-{n}") for n in "01")
    params = RolloutParams(shadow_metrics=("format",))
    begun = ledger.start(database(world), "shadowed", control, treatment, params, "ann", NOW)
    found = metrics_of(world.tracker, begun)["format"]
    asked = json.dumps({"messages": [{"role": "user", "content": "Order 4711 has not come."}]})
    assert (found.measure(asked, "Hello there"), found.measure(asked, "Subject: x")) == (1.0, 0.0)
    gone = replace(begun, treatment=ledger.Version(version="9", model="m-9"))
    with pytest.raises(MissingArtifact, match="version 9 of shadowed is not registered"):
        metrics_of(world.tracker, gone)
    assert metrics_of(world.tracker, replace(gone, params=RolloutParams())) == {}


def test_a_treatment_that_nobody_registered_is_told(world: World) -> None:
    control, treatment = (ledger.Version(version=n, model=f"m-{n}") for n in "12")
    ledger.start(database(world), "nobody", control, treatment, RolloutParams(), "ann", NOW)
    with pytest.raises(MissingArtifact, match="version 2 of nobody is not registered"):
        mirror(world.tracker, database(world), "nobody", NOW)


def test_the_plain_base_may_be_rolled_out_and_has_no_run(world: World) -> None:
    control = ledger.Version(version="1", model="m-1")
    plain = ledger.Version(version=ledger.PLAIN, model="base")
    ledger.start(database(world), "plain", control, plain, RolloutParams(), "ann", NOW)
    mirror(world.tracker, database(world), "plain", NOW)
    assert world.tracker.moves("plain") == []


def test_a_rollout_that_another_followed_before_a_tick_is_told_too(world: World) -> None:
    name = "superseded"
    promote(world, name, 1)
    promote(world, name, 2)
    mirror(world.tracker, database(world), name, NOW)
    ledger.move(database(world), latest(world, name), "roll_back", "ann", "no", NOW)
    promote(world, name, 3)
    mirror(world.tracker, database(world), name, NOW)
    runs = {item.version: item.run for item in world.tracker.versions(name)}
    told = [world.tracker.tags(runs[version])["rollout.status"] for version in ("2", "3")]
    assert told == ["rolled_back", "running"]
