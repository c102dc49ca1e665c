"""What a person does with a rollout: begin it, and move it. Each is one write in the ledger.

Gateways follow the ledger within a second; the alias `champion` follows it here, and with every
tick. A move is written only if nobody has moved since the rollout was read.
"""

import datetime
import shlex
from dataclasses import replace

from tunesmith import champions, publishing, retrains
from tunesmith.commands.releasing import mirrored, reason_of, version_named
from tunesmith.commands.rollout import find, look
from tunesmith.errors import InputError, Unready
from tunesmith.recipe import Recipe
from tunesmith.reporting import rollout_words as words
from tunesmith.reporting.tracking import CANDIDATE, Tracker
from tunesmith.reporting.tracking import Version as Registered
from tunesmith.rollout import ledger
from tunesmith.rollout.decision import Evidence, Move, decide
from tunesmith.rollout.ledger import Action, Rollout, TooLate
from tunesmith.rollout.params import RolloutParams
from tunesmith.rollouts import TICK, as_document
from tunesmith.settings import Settings


def start(name: str, settings: Settings, wanted: str | None) -> str:
    """Begin to roll a version out against the champion, as the recipe that it was made by says.

    Args:
        name: The recipe's name, which is the model's.
        settings: Where registry and database are.
        wanted: Number or name of the version; None for the one with the alias `candidate`.

    Raises:
        InputError: there is no such model or version, or another candidate is on its way.
        Unready: it is the champion, or there is none.
    """
    tracker = retrains.open_tracker(settings)
    version = _version(tracker, name, wanted)
    params = _params(tracker, version)
    before = ledger.latest(settings.database, name)
    rollout = champions.roll_out(
        settings.database, tracker, name, version.version, params or RolloutParams(),
        retrains.person(),
    )  # fmt: skip
    if before is not None and before.id == rollout.id:
        told = f"{name}: {rollout.treatment.model} is on its way already; nothing was begun"
    else:
        told = f"{name}: {rollout.treatment.model} against {rollout.control.model} has begun"
        if params is None:
            told += "; its recipe has no `rollout`, and the defaults hold"
    follow = f"to follow it: tunesmith rollout status {name}"
    return f"{told} (rollout {rollout.id})\n{_effect(rollout)}\n{follow}"


def advance(name: str, settings: Settings, why: str, to: str | None = None) -> str:
    """Go on to the next stage, whatever is missing; after the last one it is promoted.

    Who answers a page twice, or with somebody else, must not give the candidate two stages more:
    after a person's push the next one names the stage that it leads to, until the stage has what
    it needs.

    Args:
        name: The recipe's name, or a rollout's id.
        settings: Where registry and database are.
        why: A reason, kept with the move.
        to: The stage that it leads to, or `done` after the last one; None for whichever follows.

    Raises:
        InputError: another stage follows than the one that is named.
        Unready: it is over, the next tick would take it back at once, or somebody has just pushed.
    """
    rollout = find(settings, name)
    if to == rollout.position.status == "done":
        return f"{rollout.recipe} is {words.title(rollout).lower()} already; nothing was moved"
    rollout = _open(settings, name, "advance")
    at, stages = rollout.position.stage, [str(stage) for stage in rollout.params.stages]
    following = [*stages, "done"][at + 1]
    if to == stages[at]:
        return f"{rollout.recipe} is {words.place(rollout)} already; nothing was moved"
    if to not in (None, following):
        raise InputError(f"--to {to}: after {stages[at]} comes {following}; expected that")
    kind: Action = "finish" if following == "done" else "advance"
    return _go_on(settings, rollout, "advance", kind, why, named=to is not None)


def resume(name: str, settings: Settings, why: str) -> str:
    """Let a rollout go on that is held or asks; its budget begins anew.

    Raises:
        Unready: it is over or running, or the next tick would take it back at once.
    """
    rollout = _open(settings, name, "resume")
    if rollout.position.status == "running":
        raise Unready(f"{name} is {words.place(rollout)} and running; there is nothing to resume")
    return _go_on(settings, rollout, "resume", "resume", why)


def hold(name: str, settings: Settings, why: str) -> str:
    """Keep a rollout where it is until a person lets it go on; a guardrail can still end it.

    Raises:
        Unready: it is over, or held already.
    """
    rollout = _open(settings, name, "hold")
    if rollout.position.status == "held":
        last = ledger.history(settings.database, rollout.id)[-1]
        raise Unready(
            f"{name} is held already, by {last.by} on {words.moment(last.at)}: {last.why}"
        )
    return _move(settings, rollout, "hold", "hold", why)


def rollback(name: str, settings: Settings, why: str) -> str:
    """Send everybody to control again.

    Nothing is read first that would take time.

    Raises:
        Unready: it is over.
    """
    return _move(settings, _open(settings, name, "rollback"), "rollback", "roll_back", why)


def _open(settings: Settings, name: str, command: str) -> Rollout:
    rollout = find(settings, name)
    if rollout.open:
        return rollout
    last = ledger.history(settings.database, rollout.id)[-1]
    ended = f"{words.title(rollout).lower()} on {words.moment(last.at)} by {last.by}: {last.why}"
    recipe = rollout.recipe
    if rollout.position.status == "rolled_back":
        do = (
            f"to begin anew: tunesmith rollout start {recipe} --version {rollout.treatment.version}"
        )
    else:
        back = rollout.control
        do = f"to go back to {back.model}: tunesmith rollback {recipe} --to {back.version} --why …"
    raise Unready(f"rollout {rollout.id} is over, and cannot {command}: {ended}; {do}")


def _go_on(
    settings: Settings, rollout: Rollout, command: str, kind: Action, why: str, named: bool = True
) -> str:
    """Make a move that lets more happen: what was seen is kept with it."""
    now = datetime.datetime.now(datetime.UTC)
    seen = look(settings, rollout, now)
    # What was held or asked gets its budget and its count of users anew.
    fresh = seen if rollout.position.status == "running" else replace(seen, spent=0, ratio="")
    found = decide(rollout.params, replace(rollout.position, status="running"), fresh, now)
    if found.kind == "roll_back":
        raise Unready(
            f"{rollout.recipe}: {found.why}. The next tick would roll it back wherever it stands, "
            f"so it cannot {command}"
        )
    last = ledger.history(settings.database, rollout.id)[-1]
    if not named and found.kind == "stay" and last.kind == "advance" and last.by != TICK:
        raise Unready(
            f"{rollout.recipe}: {last.by} has moved it on {words.moment(last.at)}, and since then "
            f"{found.why}. To go on nevertheless, name the stage: tunesmith rollout advance "
            f"{rollout.recipe} --to STAGE --why …"
        )
    told = _move(settings, rollout, command, kind, why, seen)
    return told + _against(kind, found)


def _against(kind: Action, found: Move) -> str:
    """Say what the evidence would have a rollout wait for."""
    if kind == "resume" or found.kind in ("advance", "finish"):
        return ""
    return f"\nwithout that push it would not have gone on yet: {found.why}"


def _move(
    settings: Settings,
    seen: Rollout,
    command: str,
    kind: Action,
    why: str,
    evidence: Evidence | None = None,
) -> str:
    """Write a move with its reason, and say what follows."""
    reason = reason_of("--why", why)
    if not reason:
        raise InputError("--why is empty; expected a reason: whoever asks later finds nothing else")
    by, now = retrains.person(), datetime.datetime.now(datetime.UTC)
    document = None if evidence is None else as_document(evidence)
    try:
        moved = ledger.move(settings.database, seen, kind, by, reason, now, document)
    except TooLate as error:
        raise Unready(_meanwhile(settings, seen, command, reason)) from error
    entries = ledger.history(settings.database, moved.id)[: moved.moves]
    what = words.moved(moved, entries, len(entries) - 1)
    told = f"{moved.recipe}: {what}, by {by}: {reason}\n{_effect(moved, seen)}"
    return told + mirrored(settings, seen, moved)


def _meanwhile(settings: Settings, seen: Rollout, command: str, reason: str) -> str:
    entries = ledger.history(settings.database, seen.id)
    told = (
        "another has begun, or serves at once"
        if len(entries) == seen.moves
        else "; ".join(
            f"{words.moved(seen, entries, at)}, by {entries[at].by}: {entries[at].why}"
            for at in range(seen.moves, len(entries))
        )
    )
    again = f"tunesmith rollout {command} {seen.recipe} --why {shlex.quote(reason)}"
    return (
        f"nothing was moved: somebody came first ({told}). Look again with tunesmith rollout "
        f"status {seen.recipe}, and if it still should be: {again}"
    )


def _effect(now: Rollout, before: Rollout | None = None) -> str:
    """Say what gateways do from now on."""
    if before is not None and before.weight == now.weight:
        share = f"{now.treatment.model} stays at {now.weight / 100:g} % of the users"
    elif now.weight == 0:
        shadow = now.open and now.params.stages[now.position.stage] == "shadow"
        also = f", and asks {now.treatment.model} in shadow" if shadow else ""
        return f"within a second every gateway sends everybody to {now.control.model}{also}"
    else:
        share = f"within a second every gateway sends {now.weight / 100:g} % of the users to "
        share += now.treatment.model
    return share


def _version(tracker: Tracker, name: str, wanted: str | None) -> Registered:
    """Return the version to roll out."""
    versions = tracker.versions(name)
    if not versions:
        raise InputError(
            f"{name}: no version of a model of this name is registered in {tracker.url}; expected "
            "the `name` of a recipe whose gate has promoted one"
        )
    number = wanted or tracker.serving(name, CANDIDATE)
    if number is None:
        known = ", ".join(item.tags.get("release") or item.version for item in versions)
        raise InputError(
            f"{name}: no version has the alias candidate; name one of {known}: --version"
        )
    return version_named(versions, number, "--version")


def _params(tracker: Tracker, version: Registered) -> RolloutParams | None:
    """Return what the recipe that made a version says of its rollout."""
    document = tracker.document(version.run, publishing.RECIPE)
    return Recipe.model_validate(document).rollout
