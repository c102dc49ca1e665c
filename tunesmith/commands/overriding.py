"""Promoting what the gate did not: a person's decision, kept with who made it, when and why.

The version then goes the way of any other: it serves at once, or is rolled out where its recipe
says so. To do it again after a kill ends what was begun, and does nothing twice.
"""

import json

from sqlalchemy import select

from tunesmith import champions, publishing, releases, retrains
from tunesmith.commands.releasing import reason_of
from tunesmith.database.session import session
from tunesmith.database.tables import Retrain
from tunesmith.errors import InputError, MissingArtifact, Unready
from tunesmith.pipeline import Result, Started
from tunesmith.recipe import Recipe
from tunesmith.reporting.verdict import minute, override_document
from tunesmith.settings import Settings
from tunesmith.store import Store

_SHOWN = 5
"""Retrains that a refusal names."""


def override(retrain: str, settings: Settings, reason: str) -> str:
    """Promote what the gate did not, because a person says so, and say what was done.

    The verdict stays what it was. Who, when and why stand first in the report, in the version's
    tags and card, in the run's tags and its verdict.json, and with the move of the alias.

    Args:
        retrain: Id of a retrain that was rejected or inconclusive.
        settings: Where database, store and registry are.
        reason: Why it should serve all the same.

    Raises:
        InputError: when the reason is empty, or there is no such retrain.
        Unready: when the retrain has not ended, has nothing to promote, or what it made is not fit
            to be served.
        MissingArtifact: when its run or its adapter is gone.
    """
    why = reason_of("--reason", reason)
    if not why:
        raise InputError(
            "--reason is empty; expected why the model should serve although the gate did not "
            "promote it: whoever asks later finds nothing else"
        )
    row = _overridable(settings, retrain)
    store, tracker = settings.store(), retrains.open_tracker(settings)
    document = tracker.document(row.mlflow_run or "", releases.RELEASE)
    release = releases.Release.model_validate(document)
    recipe = Recipe.model_validate(tracker.document(release.run, publishing.RECIPE))
    account = tracker.document(release.run, publishing.RETRAIN)
    started = Started.model_validate(account["started"])
    result = Result.model_validate(account["result"])
    _refuse_unfit(store, release)
    by = retrains.person()
    promoted = champions.promote(
        settings.database, store, tracker, release, recipe.rollout, "override", by, why
    )
    registered, move = promoted.registered, promoted.move
    publishing.publish(recipe, settings, tracker, started, result, registered, move)
    tracker.tag(release.run, {"override": json.dumps(override_document(move))})
    rolled = "is rolled out" if promoted.rollout and promoted.rollout.open else "serves"
    return (
        f"{registered.release}: version {registered.version} of {registered.name} {rolled}, "
        f"against the verdict {release.decision}, by {move.by} on {minute(move.at)}: {move.why}\n"
        f"To go back: tunesmith rollback {registered.name}"
    )


def _overridable(settings: Settings, retrain: str) -> Retrain:
    with session(settings.database) as database:
        row = database.get(Retrain, retrain)
        newest = database.scalars(
            select(Retrain.id)
            .where(Retrain.outcome.in_(("reject", "inconclusive")))
            .order_by(Retrain.started.desc())
            .limit(_SHOWN)
        ).all()
    if row is None:
        known = f"the newest that were not promoted: {', '.join(newest)}" if newest else "none yet"
        raise InputError(
            f"{retrain}: there is no such retrain; expected the id of one ({known}). It stands in "
            "the report, and is the name of the MLflow run"
        )
    if row.outcome is None:
        raise Unready(
            f"{retrain} has not ended; run its recipe again, and it is taken up where it stopped"
        )
    if row.outcome == "promote":
        raise Unready(
            f"{retrain} was promoted by the gate; if its version no longer serves: tunesmith "
            f"rollback {row.recipe} --to VERSION"
        )
    if row.outcome not in ("reject", "inconclusive"):
        raise Unready(
            f"{retrain} ended as {row.outcome}: it has no candidate that was judged, so there is "
            "nothing to promote"
        )
    return row


def _refuse_unfit(store: Store, release: releases.Release) -> None:
    """Refuse what could not be served; a person may overrule evidence, not a broken model."""
    if release.package is None or release.package.passed:
        return
    try:
        checks = store.json(release.package, "package.json")["checks"]
        found = "; ".join(
            f"{item['check']}: {item['found']}" for item in checks if not item["passed"]
        )
    except MissingArtifact as error:
        found = str(error)
    raise Unready(
        f"{release.retrain}: its package is not fit to be served, which no reason overrules: "
        f"{found}"
    )
