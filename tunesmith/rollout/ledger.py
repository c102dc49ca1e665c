"""The ledger: the single truth about who gets which answer, and how that came about.

A move is written together with the position that it leads to, and only if nobody has moved since
the position was read: two ticks, or a tick and a person, cannot both act. Whoever is too late
reads anew and decides anew. A rollout begins against who serves as it is written, and no move of a
recipe is dated before the last one, whatever the clock says of the machine that it is made on.
"""

import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import CursorResult, Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tunesmith.database.session import reading, session
from tunesmith.database.tables import Move as MoveRow
from tunesmith.database.tables import Rollout as Row
from tunesmith.errors import InputError
from tunesmith.rollout.assignment import BUCKETS
from tunesmith.rollout.decision import Kind, Position, Status, weight
from tunesmith.rollout.params import RolloutParams
from tunesmith.stage import Params

OPEN = ("running", "held", "asking")
PLAIN = "0"
"""Stands for a version where the plain base answers, which is registered nowhere."""
AT_ONCE = RolloutParams(stages=(1, 100))
"""Of what was never rolled out in stages."""
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

    @property
    def champion(self) -> Version:
        """Who answers outside of the experiment: the treatment from 100 % on, before it control."""
        return self.treatment if self.weight == BUCKETS else self.control


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
    """Somebody else moved the rollout since it was read, or let another version serve."""


class NotOver(InputError):
    """Another candidate of the recipe is being rolled out."""


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
        NotOver: another candidate of the recipe is being rolled out.
        TooLate: control is no longer who serves.
    """

    def begin() -> Rollout:
        with session(database) as opened:
            newest = _locked(opened, recipe)
            if newest and newest.open:
                if newest.treatment != treatment:
                    raise _not_over(newest)
                return newest
            at = _follows(opened, newest, control, now)
            row = _row(recipe, control, treatment, params, "running", now)
            return _insert(opened, row, by, f"{treatment.model} against {control.model}", at)

    try:
        return begin()
    except IntegrityError:  # somebody else was faster, and theirs is seen now
        return begin()


def settle(
    database: str,
    recipe: str,
    control: Version,
    treatment: Version,
    by: str,
    why: str,
    now: datetime.datetime,
) -> Rollout:
    """Let a version serve everybody at once: a rollout that is over as it begins, for gateways.

    Raises:
        NotOver: a candidate of the recipe is being rolled out.
        TooLate: control is no longer who serves.
    """
    with session(database) as opened:
        newest = _locked(opened, recipe)
        if newest and newest.open:
            raise _not_over(newest)
        at = _follows(opened, newest, control, now)
        row = _row(recipe, control, treatment, AT_ONCE, "done", now)
        row.stage = 1
        return _insert(opened, row, by, why, at)


def _locked(opened: Session, recipe: str) -> Rollout | None:
    """Return the newest rollout of a recipe; none is moved by others until the transaction ends."""
    # SQLite has locked the whole file by now. What others wrote meanwhile, the second query sees.
    opened.execute(select(Row.id).where(Row.recipe == recipe).order_by(Row.id).with_for_update())
    row = opened.scalars(_newest(recipe)).first()
    return None if row is None else _read(row)


def _newest(recipe: str) -> Select[tuple[Row]]:
    return (
        select(Row)
        .join(MoveRow, (MoveRow.rollout == Row.id) & (MoveRow.number == 0))
        .where(Row.recipe == recipe)
        .order_by(MoveRow.at.desc(), Row.id)
        .limit(1)
    )


def _follows(
    opened: Session, newest: Rollout | None, control: Version, now: datetime.datetime
) -> datetime.datetime:
    """Return when a rollout begins that follows the newest one."""
    if newest is None:
        return now
    if newest.champion.version != control.version:
        raise TooLate(newest.id)
    return _later(opened, newest, now)


def _later(opened: Session, seen: Rollout, now: datetime.datetime) -> datetime.datetime:
    """Return a time after a rollout's last move: now, unless this machine's clock is behind.

    It orders moves. How long a stage has lasted goes by the clock of who entered it: one that was
    ahead would keep all that follows waiting.
    """
    last = opened.scalars(select(func.max(MoveRow.at)).where(MoveRow.rollout == seen.id)).one()
    return max(now, _aware(last) + datetime.timedelta(microseconds=1))


def _not_over(found: Rollout) -> NotOver:
    return NotOver(
        f"rollout {found.id}, of {found.treatment.model}, is not over; end it first: tunesmith "
        f"rollout rollback {found.recipe} --why …"
    )


def _row(
    recipe: str,
    control: Version,
    treatment: Version,
    params: RolloutParams,
    status: Status,
    now: datetime.datetime,
) -> Row:
    return Row(
        id=f"{recipe[:24]}-{now:%Y%m%d}-{secrets.token_hex(3)}",
        recipe=recipe,
        control=control.model_dump(),
        treatment=treatment.model_dump(),
        params=params.model_dump(mode="json"),
        # A new one each time: nobody is treated first twice.
        salt=secrets.token_hex(16),
        stage=0,
        status=status,
        entered=now,
        moves=1,
    )


def _insert(opened: Session, row: Row, by: str, why: str, now: datetime.datetime) -> Rollout:
    opened.add(row)
    opened.flush()
    opened.add(_entry(row, 0, "start", by, why, now))
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
        TooLate: the rollout has moved since it was read, or another has followed it.
    """
    with session(database) as opened:
        newest = _locked(opened, seen.recipe)
        if newest is None or newest.id != seen.id:
            raise TooLate(seen.id)
        position, at = after(seen, kind, now), _later(opened, seen, now)
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
        opened.add(_entry(row, seen.moves, kind, by, why, at, evidence))
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
    with reading(database) as opened:
        row = opened.scalars(_newest(recipe)).first()
        return None if row is None else _read(row)


def recipes(database: str) -> list[str]:
    """Return every recipe that has had a rollout."""
    with reading(database) as opened:
        return list(opened.scalars(select(Row.recipe).distinct().order_by(Row.recipe)))


def one(database: str, rollout: str) -> Rollout:
    """Return a rollout as it stands now."""
    with reading(database) as opened:
        return _read(opened.get_one(Row, rollout))


def all_of(database: str, recipe: str) -> list[Rollout]:
    """Return every rollout of a recipe, the oldest first."""
    with reading(database) as opened:
        rows = opened.scalars(
            select(Row)
            .join(MoveRow, (MoveRow.rollout == Row.id) & (MoveRow.number == 0))
            .where(Row.recipe == recipe)
            .order_by(MoveRow.at, Row.id.desc())
        )
        return [_read(row) for row in rows]


def named(database: str, name: str) -> Rollout | None:
    """Return the newest rollout of a recipe, or else the one with this id."""
    found = latest(database, name)
    if found is not None:
        return found
    with reading(database) as opened:
        row = opened.get(Row, name)
        return None if row is None else _read(row)


def history(database: str, rollout: str) -> list[Entry]:
    """Return the moves of a rollout, the first first."""
    with reading(database) as opened:
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
    """Return a time in UTC: SQLite keeps no zone, and PostgreSQL answers in the server's own."""
    return at.astimezone(datetime.UTC) if at.tzinfo else at.replace(tzinfo=datetime.UTC)
