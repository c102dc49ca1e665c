"""The requests of a rollout as columns of numbers, read page by page.

What a guardrail measures is an expression of the database, or comes with feedback. A page is a
short transaction of its own: a gateway that wants to know its weight waits for none of this.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Float, and_, case, cast, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from tunesmith.database.session import reading, session
from tunesmith.database.tables import Feedback, Interaction
from tunesmith.rollout.endings import CLIENTS, FAILURES
from tunesmith.rollout.params import Guardrail

AT_ONCE = 20_000
PATIENCE_SECONDS = 10.0
"""After so long without a first word it is not the client's doing that it leaves."""
_HOUR = 3_600_000

Floats = NDArray[np.float64]


def measured(row: type[Interaction]) -> Mapping[str, ColumnElement[Any]]:
    """Return what each value of an interaction is; NULL where it has none.

    What control answered in the treatment's place says nothing of how the treatment answers, and
    what a client spoilt says nothing of either. A client that leaves is one that spoils, unless it
    had waited long for a first word.
    """
    asked = not_(lapsed(row))
    answered = and_(row.ending == "answered", row.treatment_ending.is_(None), asked)
    in_vain = and_(
        row.ending == "client_gone",
        row.first_token_seconds.is_(None),
        row.seconds >= PATIENCE_SECONDS,
    )

    def of(value: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[Any]:
        return case((answered, cast(value, Float)))

    return {
        "error": case(
            (row.treatment_ending.in_(FAILURES), 1.0),
            (and_(or_(row.ending.in_(FAILURES), in_vain), asked), 1.0),
            (and_(row.ending.not_in(CLIENTS), asked), 0.0),
        ),
        "refusal": of(case((row.refusal, 1.0), else_=0.0)),
        "length": of(row.length),
        "seconds": of(row.seconds),
        # Without a stream the first word comes with the last.
        "first_token_seconds": of(func.coalesce(row.first_token_seconds, row.seconds)),
        "tokens": case(
            (
                and_(row.treatment_ending.is_(None), asked),
                cast(row.prompt_tokens + row.completion_tokens, Float),
            )
        ),
    }


def lapsed(row: type[Interaction]) -> ColumnElement[bool]:
    """Whether the treatment was not asked although it was assigned: the gateway's lease was over.

    What control answered then is nobody's evidence.
    """
    return and_(
        row.assigned == "treatment", row.served == "control", row.treatment_ending.is_(None)
    )


def answering_since(database: str, rollout: str, until: int) -> int | None:
    """Return from when on requests tell of the treatment; None while it has only failed in shadow.

    One that its server has not loaded yet fails whatever it is asked. In shadow that hurts nobody,
    and is left out once it answers or is asked by a user, with what control answered meanwhile.

    Raises:
        Transient: the database cannot be reached.
    """
    row, error = Interaction, measured(Interaction)["error"]
    matters = or_(error == 0, row.shadow_of == "")
    tell = select(row.at, matters).where(
        row.rollout == rollout,
        row.at <= until,
        row.assigned == "treatment",
        error.is_not(None),
    )
    first = tell.order_by(row.at, row.id).limit(1)
    with reading(database) as opened:
        found = opened.execute(first).first()
        if found is None or found[1]:
            return 0
        later = opened.execute(first.where(matters)).first()
        return None if later is None else int(later[0])


@dataclass(frozen=True)
class Columns:
    """Requests in order of time; all arrays have one entry a request.

    Attributes:
        at: When it came, in milliseconds since 1970.
        ended: When its answer ended, from which windows of feedback count.
        stage: Number of the stage.
        treated: Whether its unit is assigned to the treatment.
        unit: Number of the unit, from 0.
        values: By guardrail; NaN where it has none.
    """

    at: NDArray[np.int64]
    ended: NDArray[np.int64]
    stage: NDArray[np.int64]
    treated: NDArray[np.bool_]
    unit: NDArray[np.int64]
    values: Mapping[str, Floats]


def read_live(
    database: str, rollout: str, stages: range, guardrails: Mapping[str, Guardrail], until: int
) -> Columns:
    """Read the requests of some stages that came up to a time; a shadow is none.

    Feedback counts within a guardrail's window, the last word first.

    Raises:
        Transient: the database cannot be reached.
    """
    recorded = {
        name: measured(Interaction)[guardrail.value]
        for name, guardrail in guardrails.items()
        if not guardrail.from_feedback
    }
    told = {name: each for name, each in guardrails.items() if each.from_feedback}
    since = answering_since(database, rollout, until) or 0
    page = _Pages(rollout, stages, since, until, tuple(recorded.values()), bool(told))
    columns = _Filling(tuple(recorded), told)
    while rows := page.next(database):
        columns.add(rows)
    return columns.filled()


@dataclass
class _Pages:
    """The live requests and what was said of them, in order of time, some at a time."""

    rollout: str
    stages: range
    since: int
    until: int
    values: Sequence[ColumnElement[Any]]
    feedback: bool
    _last: tuple[int, str] = (-1, "")

    def next(self, database: str) -> Sequence[Sequence[Any]]:
        """Return the next rows; one for each word on a request, or one."""
        at, last = self._last
        row = Interaction
        asked = select(
            row.id,
            row.at,
            row.seconds,
            row.stage,
            row.assigned == "treatment",
            row.unit,
            lapsed(row),
            *self.values,
        )
        asked = asked.where(
            row.rollout == self.rollout,
            row.at.between(max(at, self.since), self.until),
            or_(row.at > at, row.id > last),
            row.stage.between(self.stages.start, self.stages.stop - 1),
            row.unit != "",
            row.shadow_of == "",
        )
        asked = asked.order_by(row.at, row.id).limit(AT_ONCE)
        if self.feedback:
            page = asked.subquery()
            heard = and_(Feedback.interaction == page.c.id, Feedback.at <= self.until)
            asked = (
                select(page, Feedback.at, Feedback.outcomes)
                .outerjoin(Feedback, heard)
                .order_by(page.c.at, page.c.id, Feedback.at, Feedback.id)
            )
        with session(database) as opened:
            found = opened.connection().execute(asked).all()
        if found:
            self._last = (found[-1][1], found[-1][0])
        return found


_FIXED = 7
"""Columns of a page before the values."""


@dataclass
class _Filling:
    """Columns in the making."""

    recorded: Sequence[str]
    told: Mapping[str, Guardrail]
    _parts: list[tuple[NDArray[Any], ...]] = field(default_factory=list)
    _units: dict[str, int] = field(default_factory=dict)

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take a page."""
        ids = [row[0] for row in rows]
        first = [at for at, name in enumerate(ids) if at == 0 or name != ids[at - 1]]
        kept = list(zip(*(rows[at] for at in first), strict=True))
        units, numbers = self._units, kept[5]
        came = np.array(kept[1], dtype=np.int64)
        ended = came + (np.array(kept[2], dtype=float) * 1000).astype(np.int64)
        self._parts.append(
            (
                came,
                ended,
                np.array(kept[3], dtype=np.int64),
                np.array(kept[4], dtype=bool),
                np.array([units.setdefault(unit, len(units)) for unit in numbers], dtype=np.int64),
                *(np.array(kept[_FIXED + at], dtype=float) for at in range(len(self.recorded))),
                *self._said(rows, first, ended, np.array(kept[6], dtype=bool)),
            )
        )

    def _said(
        self,
        rows: Sequence[Sequence[Any]],
        first: Sequence[int],
        ended: NDArray[np.int64],
        unasked: NDArray[np.bool_],
    ) -> Iterator[Floats]:
        if not self.told:
            return
        number = np.zeros(len(rows), dtype=np.int64)
        number[first] = 1
        heard = [
            (at, when - int(ended[at]), outcomes)
            for at, row in zip((np.cumsum(number) - 1).tolist(), rows, strict=True)
            for when, outcomes in (row[-2:],)
            if outcomes is not None
        ]
        for guardrail in self.told.values():
            absent = np.nan if guardrail.absent is None else guardrail.absent
            values = np.full(len(first), absent)
            window, name = guardrail.window_hours * _HOUR, guardrail.value
            for at, after, outcomes in heard:
                if after <= window and name in outcomes:
                    values[at] = outcomes[name]
            values[unasked] = np.nan
            yield values

    def filled(self) -> Columns:
        """Return the whole."""
        names = (*self.recorded, *self.told)
        if not self._parts:
            none = np.zeros(0, dtype=np.int64)
            return Columns(none, none, none, none > 0, none, {name: np.zeros(0) for name in names})
        at, ended, stage, treated, unit, *values = map(
            np.concatenate, zip(*self._parts, strict=True)
        )
        return Columns(at, ended, stage, treated, unit, dict(zip(names, values, strict=True)))
