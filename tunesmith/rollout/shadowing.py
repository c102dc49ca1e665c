"""Before any user meets the candidate: its answers in pairs with those of control.

A shadow interaction repeats a live one's prompt. Both are requests of one unit, so that comparing
them as any others, by unit, compares within pairs. Whatever a guardrail measures of an interaction
alone is compared, and where the content of both is captured, what metrics say of the answers.

A verdict that it is worse rolls back; nothing here lets a candidate past a guardrail, since what
users do with its answers is not known yet.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from tunesmith.database.session import session
from tunesmith.database.tables import Interaction
from tunesmith.rollout.analysis import Requests
from tunesmith.rollout.columns import AT_ONCE, Floats, answering_since, measured
from tunesmith.rollout.params import Guardrail, RolloutParams
from tunesmith.rollout.readings import Reading, read

Units = NDArray[np.int64]
Span = tuple[int, int]
"""From when to when, in milliseconds since 1970."""

_SHADOW, _LIVE = aliased(Interaction), aliased(Interaction)

MOST_MEASURED = 2000
"""Pairs whose answers metrics look at: each look measures them anew."""


class ShadowMetric(NamedTuple):
    """A metric of one answer that needs no reference answer.

    Attributes:
        measure: Takes a request's body and the answer to it; None where it does not apply, which
            must not depend on the answer.
        better: Which way is better.
    """

    measure: Callable[[str, str], float | None]
    better: Literal["higher", "lower"]

    def guardrail(self, name: str) -> Guardrail:
        """Return what it asks: only whether it is worse, whatever the margin."""
        return Guardrail(value=name, better=self.better, margin=0.05)


@dataclass(frozen=True)
class Shadows:
    """What the pairs show.

    Attributes:
        pairs: How many there are that say something of both models.
        readings: Of each guardrail and metric of which anything is known.
        worse: Why the treatment is credibly worse; empty if it is not.
    """

    pairs: int = 0
    readings: tuple[Reading, ...] = ()
    worse: str = ""


def compare(
    database: str,
    rollout: str,
    params: RolloutParams,
    alpha: float,
    until: int,
    metrics: Mapping[str, ShadowMetric],
) -> Shadows:
    """Compare the pairs of a rollout.

    Args:
        database: Its URL.
        rollout: Its id.
        params: What it guards.
        alpha: Error of calling the treatment worse, over all that is compared and all looks.
        until: Pairs that came later, in milliseconds since 1970, are left out.
        metrics: What compares captured answers, by name.

    Raises:
        Transient: the database cannot be reached.
    """
    guardrails = {
        name: guardrail
        for name, guardrail in params.guardrails.items()
        if not guardrail.from_feedback
    }
    share = alpha / max(len(guardrails) + len(metrics), 1)
    since = answering_since(database, rollout, until)
    if since is None:
        return Shadows()
    span = (since, until)

    def look(name: str, guardrail: Guardrail, unit: Units, values: Floats) -> Reading:
        requests, tightest = _both(unit, values), params.shadow_requests / 2
        return read(name, guardrail, requests, share, params.alpha, tightest=tightest)

    unit, values, pairs = _pairs(database, rollout, guardrails, span)
    found = [look(name, each, unit, values[name]) for name, each in guardrails.items()]
    if metrics:
        answered, values = _answers(database, rollout, metrics, span)
        found += [
            look(name, each.guardrail(name), answered, values[name])
            for name, each in metrics.items()
        ]
    worse = ", ".join(reading.name for reading in found if reading.worse)
    return Shadows(
        pairs=pairs,
        readings=tuple(reading for reading in found if reading.known),
        worse=f"credibly worse in shadow: {worse}" if worse else "",
    )


def _pairs(
    database: str, rollout: str, guardrails: Mapping[str, Guardrail], span: Span
) -> tuple[Units, dict[str, Floats], int]:
    """Return each pair's unit, by guardrail the values of shadow and live one, and how many tell.

    A pair tells if both have an end that says something.
    """
    names = ["error", *(guardrail.value for guardrail in guardrails.values())]
    columns = [measured(side)[name] for name in names for side in (_SHADOW, _LIVE)]
    rows = [row[2:] for row in _rows(database, rollout, span, columns)]
    values = np.array([row[1:] for row in rows], dtype=float).reshape(len(rows), len(names), 2)
    tell = int((~np.isnan(values[:, 0])).all(axis=1).sum())
    by_name = {name: values[:, at].T for at, name in enumerate(guardrails, start=1)}
    return _numbered([row[0] for row in rows]), by_name, tell


def _answers(
    database: str, rollout: str, metrics: Mapping[str, ShadowMetric], span: Span
) -> tuple[Units, dict[str, Floats]]:
    """Return the same by metric, of the first pairs whose content is captured."""
    columns = [_LIVE.request, _SHADOW.answer, _LIVE.answer]
    captured = and_(*(column.is_not(None) for column in columns))
    rows = _rows(database, rollout, span, columns, captured)
    units, values = [], []
    for _, _, unit, asked, theirs, ours in itertools.islice(rows, MOST_MEASURED):
        units.append(unit)
        values.append(
            [[metric.measure(asked, answer) for answer in (theirs, ours)]
             for metric in metrics.values()]
        )  # fmt: skip
    found = np.array(values, dtype=float).reshape(len(units), len(metrics), 2)
    return _numbered(units), {name: found[:, at].T for at, name in enumerate(metrics)}


def _rows(
    database: str,
    rollout: str,
    span: Span,
    columns: Sequence[Any],
    which: ColumnElement[bool] | None = None,
) -> Iterator[Sequence[Any]]:
    """Yield time, id and unit of each shadow, and the columns, in order of time."""
    (at, until), last = span, ""
    asked = (
        select(_SHADOW.at, _SHADOW.id, _SHADOW.unit, *columns)
        .join(_LIVE, _LIVE.id == _SHADOW.shadow_of)
        .where(_SHADOW.rollout == rollout, _SHADOW.shadow_of != "", _SHADOW.unit != "")
        .order_by(_SHADOW.at, _SHADOW.id)
        .limit(AT_ONCE)
    )
    if which is not None:
        asked = asked.where(which)
    while True:
        with session(database) as opened:
            found = opened.execute(
                asked.where(_SHADOW.at.between(at, until), or_(_SHADOW.at > at, _SHADOW.id > last))
            ).all()
        yield from found
        if not found:
            return
        at, last = found[-1][:2]


def _numbered(units: Sequence[str]) -> Units:
    _, number = np.unique(np.array(units, dtype=str), return_inverse=True)
    return number.astype(np.int64)


def _both(unit: Units, values: Floats) -> Requests:
    """Return the requests of the pairs in which both have a value."""
    known = ~np.isnan(values).any(axis=0)
    count = int(known.sum())
    return Requests(
        block=np.zeros(2 * count, dtype=np.int64),
        treated=np.repeat((True, False), count),
        unit=np.tile(unit[known], 2),
        value=values[:, known].ravel(),
    )
