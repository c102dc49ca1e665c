"""One tick of a rollout: look, decide, act, and let all that follows the ledger follow it.

A look imports what the gateways have recorded and reads the evidence; the decision is that of the
state machine; to act is one move in the ledger, or none. A tick that finds that another has moved
meanwhile does nothing: the next one looks anew.

What follows is written after the ledger and from it alone: the alias `champion`, the run in MLflow,
events and pages. So it follows a person's move too, and one of a tick that died before it got here.
"""

import datetime
import logging
import math
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tunesmith import champions, publishing
from tunesmith.errors import MissingArtifact
from tunesmith.gateway.importing import Imported, import_all
from tunesmith.reporting import rollout_page
from tunesmith.reporting.rollout_words import aftermath
from tunesmith.reporting.tracking import Tracker
from tunesmith.rollout import ledger, past
from tunesmith.rollout.answers import shadow_metrics
from tunesmith.rollout.decision import Evidence, Move, decide
from tunesmith.rollout.evidence import collect
from tunesmith.rollout.ledger import Action, Entry, Rollout, TooLate
from tunesmith.rollout.shadowing import ShadowMetric
from tunesmith.stages.evaluate import EvaluateParams, settings_of

logger = logging.getLogger(__name__)

TICK = "tick"
"""Who moves, where no person does."""
PAGE = "rollout.html"
"""The document of a treatment's run that tells its rollout."""
_EVENTS: Mapping[Action, str] = {
    "start": "started",
    "advance": "advanced",
    "hold": "held",
    "ask": "asked",
    "resume": "resumed",
    "roll_back": "rolled_back",
    "finish": "finished",
}


@dataclass(frozen=True)
class Ticked:
    """What a tick saw and did.

    Attributes:
        rollout: As it stands now.
        imported: What was new from the gateways.
        evidence: What was seen.
        move: What followed; `stay` where nothing did.
        acted: Whether the move was written; not where another came first.
    """

    rollout: Rollout
    imported: Imported
    evidence: Evidence
    move: Move
    acted: bool


def tick(
    database: str,
    segments: Path,
    recipe: str,
    now: datetime.datetime,
    by: str = TICK,
    metrics: Callable[[Rollout], Mapping[str, ShadowMetric]] | None = None,
) -> Ticked | None:
    """Look at the newest rollout of a recipe, decide and act; None where none is open.

    Args:
        database: Its URL.
        segments: Where gateways of this machine leave their interactions.
        recipe: Its name.
        now: This moment.
        by: Who moves.
        metrics: Returns what compares captured answers; it is asked in shadow alone, so that what
            it needs is not needed to take a candidate back from users.

    Raises:
        Transient: the database cannot be reached; the next tick goes on.
    """
    began = time.monotonic()
    imported = import_all(segments, database)
    rollout = ledger.latest(database, recipe)
    if rollout is None or not rollout.open:
        return None
    answers = metrics(rollout) if metrics is not None and _in_shadow(rollout) else None
    evidence = collect(database, rollout, now, answers)
    found = decide(rollout.params, rollout.position, evidence, now)
    if found.kind == "stay":
        return Ticked(rollout, imported, evidence, found, False)
    # The move is of now; what was seen, of when the look began.
    at = now + datetime.timedelta(seconds=time.monotonic() - began)
    try:
        moved = ledger.move(database, rollout, found.kind, by, found.why, at, as_document(evidence))
    except TooLate:
        logger.info("rollout %s: somebody else has moved it; the next tick looks anew", rollout.id)
        return Ticked(rollout, imported, evidence, found, False)
    logger.info("rollout %s: %s, %s", moved.id, found.kind, found.why)
    return Ticked(moved, imported, evidence, found, True)


def _in_shadow(rollout: Rollout) -> bool:
    return rollout.params.stages[rollout.position.stage] == "shadow"


def metrics_of(tracker: Tracker, rollout: Rollout) -> Mapping[str, ShadowMetric]:
    """Return what compares captured answers in shadow, as the recipe of the treatment has it.

    Raises:
        MissingArtifact: the treatment's run is gone, or has no recipe.
        RecipeError: a metric can no longer be had.
        Transient: MLflow cannot be reached.
    """
    if not rollout.params.shadow_metrics:
        return {}
    recipe = tracker.document(_run(tracker, rollout), publishing.RECIPE)
    evaluate = EvaluateParams.model_validate(recipe["evaluate"])
    return shadow_metrics(rollout.params.shadow_metrics, settings_of(evaluate, ()))


def _run(tracker: Tracker, rollout: Rollout) -> str:
    """Return the run that made the treatment."""
    number, name = rollout.treatment.version, rollout.recipe
    run = next((item.run for item in tracker.versions(name) if item.version == number), "")
    if not run:
        raise MissingArtifact(
            f"version {number} of {name} is not registered in {tracker.url}, although rollout "
            f"{rollout.id} gives it to users; has the registry changed?"
        )
    return run


def as_document(evidence: Evidence) -> Mapping[str, Any]:
    """Return the evidence as it stands in the ledger; what is not finite is left out."""
    document = asdict(evidence)
    for part in ("readings", "shadow"):
        document[part] = [
            {
                name: value
                for name, value in reading.items()
                if not isinstance(value, float) or math.isfinite(value)
            }
            for reading in document[part]
        ]
    return document


def mirror(tracker: Tracker, database: str, recipe: str, now: datetime.datetime) -> None:
    """Let MLflow follow the rollouts: the alias `champion`, and the run of each treatment.

    A run gets the page and the tags of its newest rollout again after every move, and when a
    request is imported that the treatment was given after its rollback.

    Raises:
        MissingArtifact: the newest treatment is not registered.
        Transient: MLflow or the database cannot be reached.
    """
    champions.mirror(tracker, database, recipe)
    rollouts = ledger.all_of(database, recipe)[::-1]
    seen = {ledger.PLAIN}  # which has no run
    for rollout in rollouts:
        if rollout.treatment.version in seen:
            continue
        seen.add(rollout.treatment.version)
        try:
            news = _tell_run(tracker, database, rollout, now)
        except MissingArtifact:
            if rollout is rollouts[0]:
                raise
            continue  # gone from the registry since
        if not news and rollout is not rollouts[0]:
            return  # those before it were told, too


def _tell_run(tracker: Tracker, database: str, rollout: Rollout, now: datetime.datetime) -> bool:
    """Write a rollout into its treatment's run; returns whether there was anything new."""
    run = _run(tracker, rollout)
    entries = ledger.history(database, rollout.id)[: rollout.moves]
    treated_after = past.treated_after(database, rollout, entries)
    after = aftermath(treated_after)
    told = f"{rollout.moves} moves of {rollout.id}. {after}".strip()
    if tracker.tags(run).get("rollout.told") == told:
        return False
    looks = past.looks(database, rollout, entries, now)
    asked = past.asked(database, rollout)
    page = rollout_page.page(rollout, entries, None, looks, asked, now, treated_after)
    tracker.documents(run, {PAGE: page})
    tags = {
        "rollout": rollout.id,
        "rollout.status": rollout.position.status,
        "rollout.stage": str(rollout.params.stages[rollout.position.stage]),
        "rollout.why": entries[-1].why,
    }
    if treated_after is not None:
        tags["rollout.treated_after"] = f"{treated_after:.3f} s"
    tracker.tag(run, tags)
    tracker.tag(run, {"rollout.told": told})  # last: whoever dies before it does all again
    return True


@dataclass(frozen=True)
class Event:
    """A move, as whoever listens hears of it.

    Attributes:
        name: Such as tunesmith.rollout.rolled_back.
        id: The same whenever the same move is told.
        at: When it was made.
        facts: Who moved what, from where to where, and why.
    """

    name: str
    id: uuid.UUID
    at: datetime.datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class News:
    """What there is to show of a recipe's newest rollout.

    Attributes:
        markdown: Where it stands.
        events: Moves that were not told yet, of the rollouts before it too.
        told: What to give next time, when these were told.
    """

    markdown: str
    events: Sequence[Event]
    told: dict[str, Any]


def news(
    database: str,
    recipe: str,
    told: Mapping[str, Any] | None,
    latest: Evidence | None,
    now: datetime.datetime,
) -> News | None:
    """Return what is new of a recipe's rollouts; None where nothing is.

    Args:
        database: Its URL.
        recipe: Its name.
        told: Of the news that were told last; None begins with the newest rollout.
        latest: What a tick has just seen; None where no rollout is open.
        now: This moment.
    """
    rollouts = ledger.all_of(database, recipe)
    if not rollouts:
        return None
    begun = [rollout.id for rollout in rollouts]
    first = begun.index(told["rollout"]) if told and told["rollout"] in begun else len(begun) - 1
    fresh: list[tuple[Rollout, Entry]] = []
    for rollout in rollouts[first:]:
        known = told["moves"] if told and told["rollout"] == rollout.id else 0
        fresh += [(rollout, entry) for entry in ledger.history(database, rollout.id)[known:]]
    newest = rollouts[-1]
    entries = ledger.history(database, newest.id)[: newest.moves]
    treated_after = past.treated_after(database, newest, entries)
    after = aftermath(treated_after)
    if not fresh and latest is None and (told is None or told.get("after", "") == after):
        return None
    return News(
        markdown=rollout_page.markdown(newest, entries, latest, now, treated_after),
        events=[_event(rollout, entry) for rollout, entry in fresh],
        told={"rollout": newest.id, "moves": newest.moves, "after": after},
    )


def _event(rollout: Rollout, entry: Entry) -> Event:
    return Event(
        name=f"tunesmith.rollout.{_EVENTS[entry.kind]}",
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"tunesmith:{rollout.id}:{entry.number}"),
        at=entry.at,
        facts={
            "recipe": rollout.recipe,
            "rollout": rollout.id,
            "move": entry.number,
            "stage": rollout.params.stages[entry.stage],
            "status": entry.status,
            "by": entry.by,
            "why": entry.why,
            "control": rollout.control.model,
            "treatment": rollout.treatment.model,
        },
    )
