"""Going back to a version that served before, and aliases that are not where they should be.

A rollback changes the champion, and keeps who did it, when and why: by the alias, or where the
recipe has had a rollout by its ledger, which gateways and alias follow. It may be called again
after a kill: what was begun is ended, what was done is not done twice.
"""

import datetime
from collections.abc import Iterator, Sequence

from tunesmith import champions, releases, retrains
from tunesmith.errors import InputError, Transient, Unready
from tunesmith.reporting.tracking import CHAMPION, Move, Registered, Tracker, Version
from tunesmith.reporting.verdict import minute
from tunesmith.rollout import ledger
from tunesmith.rollout.assignment import BUCKETS
from tunesmith.rollout.ledger import Rollout
from tunesmith.settings import Settings

UNTOLD = "no reason was given"
_LONGEST = 2000
"""Characters of a reason."""


def rollback(name: str, settings: Settings, to: str | None, why: str) -> str:
    """Let the version that served before serve again, and say what was done.

    While a candidate is being rolled out, and as long after 100 % as its recipe says, that ends
    the rollout: one write in the ledger, which gateways see within a second.

    Without `to`, a second call after a rollback goes no further back: whoever presses twice, or
    runs the command again because the first answer was lost, must not lose two versions.

    Args:
        name: The recipe's name, which is the model's.
        settings: Where the registry is.
        to: Number or name of the version to go to; None for the one before.
        why: A reason, kept with the move.

    Raises:
        InputError: when there is no such model or version.
        Unready: when nothing serves, nothing served before, or it was so long ago that it must be
            named.
    """
    reason = reason_of("--why", why)
    rollout = ledger.latest(settings.database, name)
    if rollout is not None and to is None and not _went_back(rollout):
        _refuse_late(settings, rollout)
        # Without MLflow, which may be away just now.
        return _back(settings, rollout, reason or UNTOLD)
    tracker = retrains.open_tracker(settings)
    versions = tracker.versions(name)
    if not versions:
        raise InputError(
            f"{name}: no version of a model of this name is registered in {tracker.url}; expected "
            "the `name` of a recipe that has promoted one"
        )
    champions.mirror(tracker, settings.database, name)
    if rollout is not None:
        wanted = None if to is None else version_named(versions, to, "--to").version
        return _by_ledger(settings, tracker, rollout, wanted, reason or UNTOLD)
    moves = tracker.moves(name)
    now = _ended(tracker, name, moves)
    target = (
        _before(name, moves, now) if to is None else version_named(versions, to, "--to").version
    )
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


def _by_ledger(
    settings: Settings, tracker: Tracker, rollout: Rollout, wanted: str | None, why: str
) -> str:
    """Go back where a ledger says who serves."""
    name, champion = rollout.recipe, rollout.champion
    lost = tracker.serving(name) != champion.version  # moved in MLflow, and not by the ledger
    if wanted in (None, champion.version):
        if lost:
            tracker.set_alias(Registered(name=name, version=champion.version), CHAMPION)
        if not rollout.open:
            told = f"{name}: {champion.model} serves, by rollout {rollout.id}; nothing was moved. "
            return told + _further(settings, rollout)
        if lost or wanted == rollout.treatment.version:
            return (
                f"{name}: {champion.model} serves, the alias champion is on it, and rollout "
                f"{rollout.id} goes on. To end that, too: tunesmith rollback {name}"
            )
    if wanted is None or wanted == rollout.control.version:
        return _back(settings, rollout, why)
    made = champions.serve(settings.database, tracker, name, wanted, retrains.person(), why)
    return (
        f"{name}: {made.treatment.model} serves everybody, by {retrains.person()}, instead of "
        f"{made.control.model}. To undo it: tunesmith rollback {name} --to {made.control.version}"
    )


def _back(settings: Settings, rollout: Rollout, why: str) -> str:
    """Go back to the control of a rollout, and let the alias follow where it can."""
    name, by = rollout.recipe, retrains.person()
    found = champions.roll_back(settings.database, rollout, by, why)
    version = found.treatment.version
    again = f"To undo it: tunesmith rollback {name} --to {version}"
    if rollout.weight < BUCKETS:  # nobody has shown that everybody may have it
        again = f"To begin anew: tunesmith rollout start {name} --version {version}"
    return (
        f"{name}: {found.control.model} serves everybody, by {by}: rollout {found.id} of "
        f"{found.treatment.model} is rolled back. {again}{mirrored(settings, rollout, found)}"
    )


def mirrored(settings: Settings, before: Rollout, now: Rollout) -> str:
    """Let the alias `champion` follow where the champion has changed, and say so."""
    if before.champion == now.champion:
        return ""
    try:
        champions.mirror(retrains.open_tracker(settings), settings.database, now.recipe)
    except Transient as error:
        return f"\nthe alias champion follows with the next tick: {error}"
    return f"\nthe alias champion is on version {now.champion.version}"


def _further(settings: Settings, rollout: Rollout) -> str:
    """Say how to go back from who serves now."""
    name, champion = rollout.recipe, rollout.champion
    for earlier in reversed(ledger.all_of(settings.database, name)):
        if earlier.position.status == "done" and earlier.treatment == champion:
            before = earlier.control
            return f"To go back to {before.model}: tunesmith rollback {name} --to {before.version}"
    return f"To go to another: tunesmith rollback {name} --to VERSION"


def _went_back(rollout: Rollout) -> bool:
    """Whether somebody or something has gone back already."""
    backwards = int(rollout.treatment.version) < int(rollout.control.version)
    return not rollout.open and (rollout.position.status == "rolled_back" or backwards)


def _refuse_late(settings: Settings, rollout: Rollout) -> None:
    """Refuse to go back to what is perhaps no longer loaded, unless it is named."""
    if rollout.open:
        return
    days, now = rollout.params.rollback_window_days, datetime.datetime.now(datetime.UTC)
    since = champions.since(settings.database, rollout)
    if now > since + datetime.timedelta(days=days):
        raise Unready(
            f"{rollout.recipe}: {rollout.treatment.model} has served everybody since "
            f"{since:%Y-%m-%d}, more than the {days:g} days for which the champion before stays "
            f"loaded. Look that {rollout.control.model} is served, then: tunesmith rollback "
            f"{rollout.recipe} --to {rollout.control.version}"
        )


def mended(settings: Settings) -> Iterator[str]:
    """Let every alias `champion` follow its ledger, and say where it lagged behind."""
    tracker = retrains.open_tracker(settings)
    for name in ledger.recipes(settings.database):
        for move in champions.mirror(tracker, settings.database, name):
            yield (
                f"{name}: the alias champion lagged behind the ledger; it is on version {move.to} "
                f"now, as of {minute(move.at)}: {move.why}"
            )


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


def version_named(versions: Sequence[Version], wanted: str, option: str) -> Version:
    """Return the version of a number or a release name, as an option gave it.

    Raises:
        InputError: there is none.
    """
    for version in versions:
        if wanted in (version.version, f"v{version.version}", version.tags.get("release")):
            return version
    known = ", ".join(item.tags.get("release") or item.version for item in versions)
    raise InputError(f"{option} {wanted}: there is no such version; expected one of {known}")


def reason_of(option: str, text: str) -> str:
    """Return a reason on one line.

    Raises:
        InputError: when it is too long to be kept whole, or is no text.
    """
    reason = " ".join(text.split())
    try:
        reason.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{option} {reason!r}: is not UTF-8; expected text in it") from error
    if len(reason) > _LONGEST:
        raise InputError(
            f"{option} has {len(reason):,} characters; expected at most {_LONGEST:,}, so that it "
            "is kept whole"
        )
    return reason
