"""What a person decides about versions: to promote against the verdict, and to go back.

Both move the alias `champion`, and keep who did it, when and why with the registered model. Each
may be called again after a kill: what was begun is ended, what was done is not done twice.
"""

import json
from collections.abc import Sequence

from sqlalchemy import select

from tunesmith import publishing, releases, retrains
from tunesmith.database.session import session
from tunesmith.database.tables import Retrain
from tunesmith.errors import InputError, MissingArtifact, Unready
from tunesmith.pipeline import Result
from tunesmith.recipe import Recipe
from tunesmith.reporting.tracking import CHAMPION, Move, Registered, Tracker, Version
from tunesmith.reporting.verdict import minute, override_document
from tunesmith.settings import Settings
from tunesmith.store import Store

_LONGEST = 2000
"""Characters of a reason."""
_SHOWN = 5
"""Retrains that a refusal names."""


def rollback(name: str, settings: Settings, to: str | None, why: str) -> str:
    """Move the alias `champion` back to the version that served before, and say what was done.

    Without `to`, a second call after a rollback goes no further back: whoever presses twice, or
    runs the command again because the first answer was lost, must not lose two versions.

    Args:
        name: The recipe's name, which is the model's.
        settings: Where the registry is.
        to: Number or name of the version to go to; None for the one before.
        why: A reason, kept with the move.

    Raises:
        InputError: when there is no such model or version.
        Unready: when nothing serves, or nothing served before.
    """
    tracker = retrains.open_tracker(settings)
    versions = tracker.versions(name)
    if not versions:
        raise InputError(
            f"{name}: no version of a model of this name is registered in {tracker.url}; expected "
            "the `name` of a recipe that has promoted one"
        )
    reason = _reason("--why", why)
    moves = tracker.moves(name)
    now = _ended(tracker, name, moves)
    target = _before(name, moves, now) if to is None else _version(versions, to).version
    if target == now:
        return _stayed(name, moves, now)
    move = Move(
        how="rollback",
        before=now,
        to=target,
        by=retrains.person(),
        at=releases.now(),
        why=reason,
    )
    tracker.move(name, move)
    told = f"{name}: version {target} serves, by {move.by}"
    if now is None:
        return told
    return f"{told}, instead of version {now}. To undo it: tunesmith rollback {name} --to {now}"


def lagging(tracker: Tracker, name: str) -> str:
    """Say that the alias `champion` is not where its last move put it; empty if it is there."""
    moves, now = tracker.moves(name), tracker.serving(name)
    if not moves or moves[-1].to == now:
        return ""
    last = moves[-1]
    return (
        f"{name}: the last {last.how} put the alias champion on version {last.to}, but it points "
        f"at {now or 'nothing'}. Unless somebody moved it in MLflow on purpose: tunesmith rollback "
        f"{name} --to {last.to}"
    )


def _ended(tracker: Tracker, name: str, moves: Sequence[Move]) -> str | None:
    """Return the version that serves; a rollback that was killed halfway is ended first."""
    now = tracker.serving(name)
    last = moves[-1] if moves else None
    if last is not None and last.how == "rollback" and now == last.before != last.to:
        tracker.set_alias(Registered(name=name, version=last.to), CHAMPION)
        return last.to
    return now


def _before(name: str, moves: Sequence[Move], now: str | None) -> str:
    """Return where a rollback without a target leads; the version that serves if it was done."""
    if now is None:
        raise Unready(
            f"{name}: no version has the alias champion, so there is nothing to go back from; name "
            f"the version that should serve: tunesmith rollback {name} --to VERSION"
        )
    if moves and moves[-1].how == "rollback" and moves[-1].to == now:
        return now
    found = [move for move in moves if move.to == now]
    before = found[-1].before if found else None
    if before is None:
        raise Unready(
            f"{name}: version {now} serves, and no version served before it"
            + ("" if found else ", as far as is recorded")
            + f"; `tunesmith history {name}` lists the versions, and --to VERSION names one"
        )
    return before


def _stayed(name: str, moves: Sequence[Move], now: str) -> str:
    last = moves[-1] if moves and moves[-1].to == now else None
    since = ""
    if last is not None:
        what = "the rollback from version" if last.how == "rollback" else "it replaced version"
        from_ = f"{what} {last.before} " if last.before else ""
        since = f" since {from_}on {minute(last.at)}, {last.by}"
    return (
        f"{name}: version {now} serves{since}; nothing was moved. To go to another: tunesmith "
        f"rollback {name} --to VERSION"
    )


def _version(versions: Sequence[Version], wanted: str) -> Version:
    for version in versions:
        if wanted in (version.version, f"v{version.version}", version.tags.get("release")):
            return version
    known = ", ".join(item.tags.get("release") or item.version for item in versions)
    raise InputError(f"--to {wanted}: there is no such version; expected one of {known}")


def _reason(option: str, text: str) -> str:
    """Return a reason on one line.

    Raises:
        InputError: when it is too long to be kept whole.
    """
    reason = " ".join(text.split())
    if len(reason) > _LONGEST:
        raise InputError(
            f"{option} has {len(reason):,} characters; expected at most {_LONGEST:,}, so that it "
            "is kept whole"
        )
    return reason


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
    why = _reason("--reason", reason)
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
    started = retrains.Started.model_validate(account["started"])
    result = Result.model_validate(account["result"])
    _refuse_unfit(store, release)
    by = retrains.person()
    registered = releases.register(store, tracker, release, "override", by, why)
    move = tracker.moves(release.name)[-1]
    publishing.publish(recipe, settings, tracker, started, result, registered, move)
    tracker.tag(release.run, {"override": json.dumps(override_document(move))})
    return (
        f"{registered.release}: version {registered.version} of {registered.name} serves, against "
        f"the verdict {release.decision}, by {move.by} on {minute(move.at)}: {move.why}\n"
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
