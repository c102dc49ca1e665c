"""Which version is champion: what a promotion leads to, and the alias that follows the ledger.

While a recipe has had no rollout, the alias `champion` says who serves, and a promotion moves it.
From its first rollout on the ledger says so, for gateways know nothing else, and the alias follows
every change of champion that is written there, once. Whatever is killed half-way is done again.
"""

import contextlib
import datetime
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tunesmith import releases
from tunesmith.artifacts import Adapter
from tunesmith.errors import Unready
from tunesmith.releases import WHY, Promotion, Release
from tunesmith.reporting.tracking import CANDIDATE, CHAMPION, Move, Registered, Tracker
from tunesmith.reporting.verdict import minute
from tunesmith.rollout import ledger
from tunesmith.rollout.assignment import BUCKETS
from tunesmith.rollout.decision import Position, weight
from tunesmith.rollout.ledger import Entry, NotOver, Rollout, Version
from tunesmith.rollout.params import RolloutParams
from tunesmith.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Promoted:
    """What a promotion led to.

    Attributes:
        registered: The version.
        move: How it was promoted; where it is rolled out or waits, no alias has moved with it.
        rollout: How it reaches users; None where it serves at once, or waits.
        note: The same in a sentence; empty where it serves at once as its recipe says.
    """

    registered: Registered
    move: Move
    rollout: Rollout | None = None
    note: str = ""


def promote(
    database: str,
    store: Store,
    tracker: Tracker,
    release: Release,
    params: RolloutParams | None,
    how: Promotion,
    by: str,
    why: str,
) -> Promoted:
    """Register a candidate, and begin its rollout or let it serve at once, as its recipe says.

    Called again for the same decision it changes nothing. Without a champion there is nothing to
    compare with, and the first version serves at once. While another candidate is rolled out, one
    that the gate promoted waits for a person to begin.

    Raises:
        NotOver: a person promotes while another candidate is rolled out.
        Unready: a person promotes what serves already.
    """
    name = release.name
    registered = releases.version_of(store, tracker, release)
    mirror(tracker, database, name)
    moves, serving = tracker.moves(name), tracker.serving(name)
    alone = serving in (None, registered.version)
    led = ledger.latest(database, name) is not None
    done = releases.made_before(moves, registered.version, how)
    if done is not None or (not led and (params is None or alone)):
        releases.register(store, tracker, release, how, by, why)
        move = done or tracker.moves(name)[-1]
        told = f"{registered.release} serves at once: there was no champion to compare it with"
        return Promoted(registered, move, note=told if params and move.before is None else "")
    rollout, at, note = None, _created(tracker, registered), ""
    try:
        rollout = _led(database, tracker, registered, params, how, by, why, release.retrain)
        at = ledger.history(database, rollout.id)[0].at
        note = f"{registered.release} is rolled out: tunesmith rollout status {name}"
    except NotOver as error:
        if how == "override":
            raise
        note = f"{registered.release} waits, for {error}. Then: tunesmith rollout start {name}"
    move = Move(
        how=how, before=serving, to=registered.version, by=by, at=_iso(at), why=why[:WHY],
        retrain=release.retrain,
    )  # fmt: skip
    releases.present(tracker, release, registered, move)
    if int(tracker.serving(name, CANDIDATE) or 0) < int(registered.version) or how == "override":
        tracker.set_alias(registered, CANDIDATE)
    return Promoted(registered, move, rollout, note)


def _led(
    database: str,
    tracker: Tracker,
    registered: Registered,
    params: RolloutParams | None,
    how: Promotion,
    by: str,
    why: str,
    retrain: str,
) -> Rollout:
    """Write into the ledger what a promotion leads to; a gate's is written once."""
    name, version = registered.name, registered.version
    if how == "promote":
        by = f"retrain {retrain}"
        for found in reversed(ledger.all_of(database, name)):
            if found.treatment.version == version:
                return found
    if params is not None:
        return roll_out(database, tracker, name, version, params, by)
    return serve(database, tracker, name, version, by, why)


def roll_out(
    database: str, tracker: Tracker, name: str, version: str, params: RolloutParams, by: str
) -> Rollout:
    """Begin to roll out a version against the champion, or return its rollout that is under way.

    Raises:
        NotOver: another candidate is being rolled out.
        Unready: it is the champion, or there is none.
    """
    mirror(tracker, database, name)
    new = known(tracker, name, version)
    while True:
        found = ledger.latest(database, name)
        if found is not None and found.open and found.treatment.version == version:
            return found
        champion = _champion(tracker, name, found)
        if champion is None:
            raise Unready(
                f"{name}: no version has the alias champion, so there is nothing to compare "
                f"version {version} with; to let it serve at once: tunesmith rollback {name} --to "
                f"{version}"
            )
        if champion.version == version:
            raise Unready(f"{name}: version {version} is the champion already")
        with contextlib.suppress(ledger.TooLate):  # another serves now, and is read anew
            return ledger.start(database, name, champion, new, params, by, _now())


def serve(database: str, tracker: Tracker, name: str, version: str, by: str, why: str) -> Rollout:
    """Let a version of a recipe that the ledger leads serve at once, for gateways and alias.

    Raises:
        NotOver: a candidate is being rolled out.
    """
    mirror(tracker, database, name)
    new = known(tracker, name, version)
    while True:
        found = ledger.latest(database, name)
        if found is not None and not found.open and found.champion.version == version:
            return found  # asked twice; another row would leave nobody to go back to
        before = _champion(tracker, name, found) or new
        with contextlib.suppress(ledger.TooLate):
            made = ledger.settle(database, name, before, new, by, why, _now())
            mirror(tracker, database, name)
            return made


def _champion(tracker: Tracker, name: str, found: Rollout | None) -> Version | None:
    """Return who serves: by the ledger, which gateways follow; without one by the alias.

    An alias that somebody has moved by hand sends no user to a version that was never rolled out.
    """
    if found is not None:
        return found.champion
    serving = tracker.serving(name)
    return None if serving is None else known(tracker, name, serving)


def roll_back(database: str, rollout: Rollout, by: str, why: str) -> Rollout:
    """Let control serve everybody, whatever else has moved the rollout meanwhile.

    Raises:
        Unready: another rollout of the recipe has followed, and says who serves.
    """
    while rollout.position.status != "rolled_back":
        with contextlib.suppress(ledger.TooLate):
            return ledger.move(database, rollout, "roll_back", by, why, _now())
        newest = ledger.latest(database, rollout.recipe)
        if newest is None or newest.id != rollout.id:
            raise Unready(
                f"{rollout.recipe}: nothing was moved, since another rollout has begun meanwhile; "
                f"look again with tunesmith rollout status {rollout.recipe}"
            )
        rollout = newest
    return rollout


def since(database: str, rollout: Rollout) -> datetime.datetime:
    """Return when the treatment of a rollout became the champion."""
    return next(_changes(rollout, ledger.history(database, rollout.id))).at


def known(tracker: Tracker, name: str, version: str) -> Version:
    """Return a version with the name by which servers know it."""
    tags = next((v.tags for v in tracker.versions(name) if v.version == version), {})
    return Version(version=version, model=tags.get("release") or f"{name}-v{version}")


def mirror(tracker: Tracker, database: str, name: str) -> list[Move]:
    """Move the alias `champion` where the newest rollout says, unless that was done.

    Before 100 % nothing is moved, nor by a rollback from there. Somebody who has moved the alias
    by hand since is left alone.

    Returns:
        The moves that were missing.
    """
    found = ledger.latest(database, name)
    if found is None:
        return []
    moves = tracker.moves(name)
    have = {(move.rollout, move.at) for move in moves}
    changes = _changes(found, ledger.history(database, found.id))
    made = [_followed(found, entry) for entry in changes if (found.id, _iso(entry.at)) not in have]
    if made and made[-1].to not in {item.version for item in tracker.versions(name)}:
        logger.warning(
            "%s: version %s is champion by rollout %s, but is not registered in %s; the alias "
            "cannot follow", name, made[-1].to, found.id, tracker.url,
        )  # fmt: skip
        return []
    for move in made:
        tracker.move(name, move)
    last = moves[-1] if moves else None
    # Killed between the account of a move and the move.
    if not made and last and last.rollout and tracker.serving(name) == last.before != last.to:
        tracker.set_alias(Registered(name=name, version=last.to), CHAMPION)
        return [last]
    return made


def _changes(found: Rollout, entries: list[Entry]) -> Iterator[Entry]:
    """Yield the moves that change the champion: to 100 %, and back from there."""
    full = False
    for entry in entries:
        now = weight(found.params, Position(entry.stage, entry.at, entry.status))
        if full != (now == BUCKETS):
            full = not full
            yield entry


def _followed(found: Rollout, entry: Entry) -> Move:
    """Return the move of the alias that follows one of the ledger; the same one each time."""
    before, to = found.control.version, found.treatment.version
    if entry.status == "rolled_back":
        before, to = to, before
    readings = entry.evidence.get("readings", ())
    seen = "".join(f"; {_read(reading)}" for reading in readings)
    return Move(
        # A person who goes back further than one rollout does so in one of its own.
        how="rollback" if int(to) < int(before) else "rollout",
        before=before,
        to=to,
        by=entry.by,
        at=_iso(entry.at),
        why=f"{entry.why}; rollout {found.id}{seen}"[:WHY],
        rollout=found.id,
    )


def _read(reading: Mapping[str, Any]) -> str:
    low, high = (f"{reading[side]:+.3g}" if side in reading else "?" for side in ("low", "high"))
    return f"{reading['name']} {reading.get('estimate', 0.0):+.3g} [{low}, {high}]"


def withdrawn(tracker: Tracker, database: str, name: str) -> dict[str, str]:
    """Return the adapters that were taken out of service, each with who did it, when and why.

    Training that is cached gives the very same adapter again, and the evidence that promoted it
    once would do so again. Whoever went back to an earlier version, a person or a rollout's
    evidence, knew something that the gate's does not hold, so it takes a person to bring the
    adapter back: an override, another rollout, or a rollback to it. A move to a newer version
    withdraws nothing.

    Returns:
        By the digest of the adapter; a reason in one sentence.
    """
    adapters = {
        item.version: Adapter.model_validate_json(item.tags["adapter"]).digest
        for item in tracker.versions(name)
        if "adapter" in item.tags
    }
    found: dict[str, str] = {}
    for move in sorted([*tracker.moves(name), *_tried(database, name)], key=lambda move: move.at):
        before = move.before or ""
        if move.how == "rollback" and before in adapters and int(move.to) < int(before):
            why = f": {move.why}" if move.why else ", without a reason"
            found[adapters[before]] = (
                f"version {before} of {name} had this very adapter, and {move.by} rolled it "
                f"back on {minute(move.at)}{why}"
            )
        found.pop(adapters.get(move.to, ""), None)
    return found


def _tried(database: str, name: str) -> Iterator[Move]:
    """Yield the beginning of every rollout, and its rollback, as if they had moved the alias."""
    for rollout in ledger.all_of(database, name):
        control, treatment = rollout.control.version, rollout.treatment.version
        for entry in ledger.history(database, rollout.id):
            facts = {"by": entry.by, "at": _iso(entry.at), "why": entry.why}
            if entry.kind == "start":
                yield Move(how="rollout", before=control, to=treatment, **facts)
            elif entry.kind == "roll_back":
                yield Move(how="rollback", before=treatment, to=control, **facts)


def _created(tracker: Tracker, registered: Registered) -> datetime.datetime:
    versions = tracker.versions(registered.name)
    return next(item.created for item in versions if item.version == registered.version)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _iso(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat(timespec="microseconds")
