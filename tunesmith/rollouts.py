"""One tick of a rollout: look, decide, act. Whoever calls it, however often, and wherever it dies.

A look imports what the gateways have recorded and reads the evidence; the decision is that of the
state machine; to act is one move in the ledger, or none. A tick that finds that another has moved
meanwhile does nothing: the next one looks anew.
"""

import datetime
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tunesmith.gateway.importing import Imported, import_all
from tunesmith.rollout import ledger
from tunesmith.rollout.decision import Evidence, Move, decide
from tunesmith.rollout.evidence import collect
from tunesmith.rollout.ledger import Rollout, TooLate

logger = logging.getLogger(__name__)

TICK = "tick"
"""Who moves, where no person does."""


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
    database: str, segments: Path, recipe: str, now: datetime.datetime, by: str = TICK
) -> Ticked | None:
    """Look at the newest rollout of a recipe, decide and act; None where none is open.

    Raises:
        Transient: the database cannot be reached; the next tick goes on.
    """
    imported = import_all(segments, database)
    rollout = ledger.latest(database, recipe)
    if rollout is None or not rollout.open:
        return None
    evidence = collect(database, rollout, now)
    found = decide(rollout.params, rollout.position, evidence, now)
    if found.kind == "stay":
        return Ticked(rollout, imported, evidence, found, False)
    try:
        moved = ledger.move(
            database, rollout, found.kind, by, found.why, now, as_document(evidence)
        )
    except TooLate:
        logger.info("rollout %s: somebody else has moved it; the next tick looks anew", rollout.id)
        return Ticked(rollout, imported, evidence, found, False)
    logger.info("rollout %s: %s, %s", moved.id, found.kind, found.why)
    return Ticked(moved, imported, evidence, found, True)


def as_document(evidence: Evidence) -> Mapping[str, Any]:
    """Return the evidence as it stands in the ledger; what is not finite is left out."""
    document = asdict(evidence)
    document["readings"] = [
        {
            name: value
            for name, value in reading.items()
            if not (isinstance(value, float) and (value != value or abs(value) == float("inf")))
        }
        for reading in document["readings"]
    ]
    return document
