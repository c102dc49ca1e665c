"""The ledger: the single truth about who gets which answer, and how that came about.

A move is written together with the position that it leads to, and only if nobody has moved since
the position was read: two ticks, or a tick and a person, cannot both act. Whoever is too late
reads anew and decides anew.
"""

import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import CursorResult, select, update

from tunesmith.database.session import session
from tunesmith.database.tables import Move as MoveRow
from tunesmith.database.tables import Rollout as Row
from tunesmith.errors import InputError
from tunesmith.rollout.decision import Kind, Position, Status, weight
from tunesmith.rollout.params import RolloutParams
from tunesmith.stage import Params

OPEN = ("running", "held", "asking")
Action = Kind | Literal["start", "resume"]


class Version(Params):
    """One side of a rollout.

    Attributes:
        version: Of the registered model.
        model: By which name its server knows it.
    """

    version: str
    model: str


@dataclass(frozen=True)
class Rollout:
    """A rollout as it stood when it was read."""

    id: str
    recipe: str
    control: Version
    treatment: Version
    params: RolloutParams
    salt: str
    position: Position
    moves: int

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.position.status in OPEN

    @property
    def weight(self) -> int:
        """The treatment's buckets of 10,000."""
        return weight(self.params, self.position)


@dataclass(frozen=True)
class Entry:
    """A move in the ledger."""

    number: int
    kind: Action
    stage: int
    status: Status
    by: str
    why: str
    at: datetime.datetime
    evidence: Mapping[str, Any]


class TooLate(Exception):
    """Somebody else moved the rollout since it was read."""


def start(
    database: str,
    recipe: str,
    control: Version,
    treatment: Version,
    params: RolloutParams,
    by: str,
    now: datetime.datetime,
) -> Rollout:
    """Begin a rollout, or return the open one of the same treatment.

    Raises:
        InputError: another candidate of the recipe is being rolled out.
    """
    with session(database) as opened:
        rows = opened.scalars(select(Row).where(Row.recipe == recipe, Row.status.in_(OPEN))).all()
        for row in rows:
            if row.treatment == treatment.model_dump():
                return _read(row)
            raise InputError(
                f"rollout {row.id} of {recipe} is not over; end it first: tunesmith rollout "
                f"rollback {recipe} --why …"
            )
        row = Row(
            id=f"{recipe[:24]}-{now:%Y%m%d}-{secrets.token_hex(3)}",
            recipe=recipe,
            control=control.model_dump(),
            treatment=treatment.model_dump(),
            params=params.model_dump(mode="json"),
            # A new one each time: nobody is treated first twice.
            salt=secrets.token_hex(16),
            stage=0,
            status="running",
            entered=now,
            moves=1,
        )
        opened.add(row)
        opened.flush()
        opened.add(_entry(row, 0, "start", by, f"{treatment.model} against {control.model}", now))
        return _read(row)


def move(
    database: str,
    seen: Rollout,
    kind: Action,
    by: str,
    why: str,
    now: datetime.datetime,
    evidence: Mapping[str, Any] | None = None,
) -> Rollout:
    """Write a move, and the position it leads to.

    Raises:
        TooLate: the rollout has moved since it was read.
    """
    position = after(seen, kind, now)
    with session(database) as opened:
        changed = cast(
            CursorResult[Any],
            opened.execute(
                update(Row)
                .where(Row.id == seen.id, Row.moves == seen.moves)
                .values(
                    stage=position.stage,
                    status=position.status,
                    entered=position.entered,
                    moves=seen.moves + 1,
                )
            ),
        )
        if changed.rowcount != 1:
            raise TooLate(seen.id)
        row = opened.get_one(Row, seen.id, populate_existing=True)
        opened.add(_entry(row, seen.moves, kind, by, why, now, evidence))
        return _read(row)


def after(seen: Rollout, kind: Action, now: datetime.datetime) -> Position:
    """Return where a move leads to."""
    at = seen.position
    if kind == "advance":
        return Position(at.stage + 1, now)
    becomes: dict[Action, Status] = {
        "hold": "held",
        "ask": "asking",
        "roll_back": "rolled_back",
        "finish": "done",
        "resume": "running",
    }
    return Position(at.stage, at.entered, becomes[kind])


def latest(database: str, recipe: str) -> Rollout | None:
    """Return the newest rollout of a recipe, over or not."""
    with session(database) as opened:
        row = opened.scalars(
            select(Row)
            .join(MoveRow, (MoveRow.rollout == Row.id) & (MoveRow.number == 0))
            .where(Row.recipe == recipe)
            .order_by(MoveRow.at.desc(), Row.id)
            .limit(1)
        ).first()
        return None if row is None else _read(row)


def history(database: str, rollout: str) -> list[Entry]:
    """Return the moves of a rollout, the first first."""
    with session(database) as opened:
        rows = opened.scalars(
            select(MoveRow).where(MoveRow.rollout == rollout).order_by(MoveRow.number)
        )
        return [
            Entry(
                row.number,
                cast(Action, row.kind),
                row.stage,
                cast(Status, row.status),
                row.by,
                row.why,
                _aware(row.at),
                row.evidence,
            )
            for row in rows
        ]


def _entry(
    row: Row,
    number: int,
    kind: Action,
    by: str,
    why: str,
    now: datetime.datetime,
    evidence: Mapping[str, Any] | None = None,
) -> MoveRow:
    return MoveRow(
        rollout=row.id,
        number=number,
        kind=kind,
        stage=row.stage,
        status=row.status,
        by=by[:200],
        why=why[:2000],
        at=now,
        evidence=dict(evidence or {}),
    )


def _read(row: Row) -> Rollout:
    return Rollout(
        id=row.id,
        recipe=row.recipe,
        control=Version.model_validate(row.control),
        treatment=Version.model_validate(row.treatment),
        params=RolloutParams.model_validate(row.params),
        salt=row.salt,
        position=Position(row.stage, _aware(row.entered), cast(Status, row.status)),
        moves=row.moves,
    )


def _aware(at: datetime.datetime) -> datetime.datetime:
    """Return a time with its zone, which SQLite does not keep."""
    return at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
