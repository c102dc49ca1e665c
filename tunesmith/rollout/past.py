"""A rollout as it was: what had been seen at points in time, and how many were asked what.

The ledger keeps the evidence of its moves alone. What was seen between them is read again from the
interactions and feedback up to each time, so that nothing has to be stored for it.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from tunesmith.database.session import session
from tunesmith.database.tables import Interaction
from tunesmith.rollout import evidence
from tunesmith.rollout.assignment import BUCKETS
from tunesmith.rollout.columns import read_live
from tunesmith.rollout.decision import Position, weight
from tunesmith.rollout.ledger import Entry, Rollout
from tunesmith.rollout.readings import Reading

POINTS = 20


@dataclass(frozen=True)
class Look:
    """What the guardrails said at a time; each reading has a name of its own."""

    at: datetime.datetime
    readings: Sequence[Reading]


@dataclass(frozen=True)
class Asked:
    """How many requests of one side came in a stage; only of those with an id.

    Attributes:
        stage: Its number.
        treated: Whether they were assigned to the treatment.
        requests: How many.
        units: Users, or conversations, that they came from.
        covered: Requests in which control had to step in for the treatment.
    """

    stage: int
    treated: bool
    requests: int
    units: int
    covered: int


def recorded(entries: Sequence[Entry]) -> list[Look]:
    """Return the looks that the ledger holds: those on which somebody moved."""
    looks = [Look(entry.at, readings_of(entry.evidence)) for entry in entries]
    return [look for look in looks if look.readings]


def readings_of(
    document: Mapping[str, Any], which: Literal["readings", "shadow"] = "readings"
) -> list[Reading]:
    """Return the readings of an entry's evidence; numbers that were not finite are so again."""
    names = {field.name for field in fields(Reading)}
    unknown = {
        "estimate": math.nan, "control": math.nan, "treatment": math.nan,
        "low": -math.inf, "high": math.inf,
    }  # fmt: skip
    return [
        Reading(**{name: value for name, value in (unknown | kept).items() if name in names})
        for kept in document.get(which, ())
    ]


def looks(
    database: str, rollout: Rollout, entries: Sequence[Entry], now: datetime.datetime
) -> list[Look]:
    """Return what was seen at points from the first live stage on; the ledger's own among them.

    Raises:
        Transient: the database cannot be reached.
    """
    begun, end = _compared(rollout, entries, now)
    if begun is None:
        return []
    times = [begun + (end - begun) * point / POINTS for point in range(1, POINTS + 1)]
    known = [look for look in recorded(entries) if begun < look.at <= end]
    missing = [at for at in times if at not in {look.at for look in known}]
    return sorted((*known, *_read(database, rollout, entries, missing)), key=lambda look: look.at)


def _read(
    database: str, rollout: Rollout, entries: Sequence[Entry], times: Sequence[datetime.datetime]
) -> list[Look]:
    """Return what looks at these times would have said.

    The requests are read once: each counts when its window is over, and not what is said later.
    """
    params, until = rollout.params, [int(at.timestamp() * 1000) for at in times]
    stages = evidence.comparable(params)
    columns = read_live(database, rollout.id, stages, params.guardrails, max(until, default=0))
    block = evidence.blocks(columns, int(entries[0].at.timestamp() * 1000))
    return [
        Look(at, evidence.readings(params, columns, block, last))
        for at, last in zip(times, until, strict=True)
    ]


def _compared(
    rollout: Rollout, entries: Sequence[Entry], now: datetime.datetime
) -> tuple[datetime.datetime | None, datetime.datetime]:
    """Return when the first user was treated, and when there was no more news of both sides."""
    weights = [(entry.at, weight_after(rollout, entry)) for entry in entries]
    begun = next((at for at, share in weights if share), None)
    # Where everybody is treated nobody is left to compare with, but feedback may still come.
    alone = next((at for at, share in weights if share == BUCKETS), now)
    end = min(now, alone + datetime.timedelta(hours=rollout.params.longest_window))
    if entries[-1].status == "rolled_back":
        end = min(end, entries[-1].at)
    return begun, end


def weight_after(rollout: Rollout, entry: Entry) -> int:
    """Return the treatment's buckets of 10,000 after a move."""
    return weight(rollout.params, Position(entry.stage, entry.at, entry.status))


def asked(database: str, rollout: Rollout) -> list[Asked]:
    """Count the requests by stage and side, as far as they are imported.

    Raises:
        Transient: the database cannot be reached.
    """
    covered = func.sum(case((Interaction.treatment_ending.is_not(None), 1), else_=0))
    query = (
        select(
            Interaction.stage,
            Interaction.assigned,
            func.count(),
            func.count(Interaction.unit.distinct()),
            covered,
        )
        .where(
            Interaction.rollout == rollout.id, Interaction.unit != "", Interaction.shadow_of == ""
        )
        .group_by(Interaction.stage, Interaction.assigned)
        .order_by(Interaction.stage, Interaction.assigned)
    )
    with session(database) as opened:
        return [
            Asked(stage, side == "treatment", requests, units, int(stepped_in))
            for stage, side, requests, units, stepped_in in opened.execute(query)
        ]


def newest(database: str, rollout: Rollout) -> datetime.datetime | None:
    """Return when the newest request came that is imported; None without any."""
    return _latest(database, Interaction.rollout == rollout.id)


def treated_after(database: str, rollout: Rollout, entries: Sequence[Entry]) -> float | None:
    """Return how long after its rollback the treatment was last given a user's request.

    In seconds, by the clocks of the gateways and as far as it is imported; 0 where none came, None
    where it was not rolled back.

    Raises:
        Transient: the database cannot be reached.
    """
    if entries[-1].status != "rolled_back":
        return None
    since = int(entries[-1].at.timestamp() * 1000)
    given = or_(Interaction.served == "treatment", Interaction.treatment_ending.is_not(None))
    last = _latest(
        database,
        and_(
            Interaction.rollout == rollout.id,
            Interaction.at > since,
            Interaction.shadow_of == "",
            given,
        ),
    )
    return (last - entries[-1].at).total_seconds() if last is not None else 0.0


def _latest(database: str, which: ColumnElement[bool]) -> datetime.datetime | None:
    with session(database) as opened:
        found = opened.scalar(select(func.max(Interaction.at)).where(which))
    return None if found is None else datetime.datetime.fromtimestamp(found / 1000, datetime.UTC)
