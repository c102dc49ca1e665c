"""What the database knows of a rollout, as its guardrails read it.

Only requests of an assigned unit count, by the variant that was assigned. A treatment's failure
that control covered up is the treatment's. Where an answer's worth comes from feedback, a request
counts when its window is over, whether or not somebody has said something by then: those who are
quick to say so are not like the others.
"""

import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tunesmith.database.session import session
from tunesmith.database.tables import Feedback, Interaction
from tunesmith.rollout.decision import Evidence
from tunesmith.rollout.endings import CLIENTS, FAILURES
from tunesmith.rollout.ledger import Rollout, history
from tunesmith.rollout.params import Guardrail
from tunesmith.rollout.readings import Reading, Requests, read
from tunesmith.statistics.sequences import ratio_evidence

BLOCK = datetime.timedelta(hours=12)
"""Of the time within a stage; quality drifts by days, and a block needs both sides."""
_STAGE = 1_000_000
RATIO_ALPHA = 0.001
"""Error of calling the sides uneven, over all looks."""
AT_ONCE = 50_000


def collect(database: str, rollout: Rollout, now: datetime.datetime) -> Evidence:
    """Return all that was seen of a rollout up to a time.

    Raises:
        Transient: the database cannot be reached.
    """
    began = history(database, rollout.id)[0].at
    with session(database) as opened:
        rows = list(_rows(opened, rollout, now))
        said = dict(_said(opened, rollout, now))
    units = _numbered(row.unit for row in rows)
    table = _Table(rows, said, units, began, now)
    live = [stage for stage in rollout.params.stages if isinstance(stage, int)]
    entered = _milliseconds(rollout.position.entered)
    first = rollout.params.stages.index(live[0])
    return Evidence(
        readings=readings(rollout, table),
        in_stage=sum(row.assigned == "treatment" and row.at >= entered for row in rows),
        spent=sum(row.stage >= first for row in rows),
        ratio=_uneven(rollout, rows),
        tripped=_tripped(rollout, rows),
    )


class _Table:
    """The requests of a rollout, column by column."""

    def __init__(
        self,
        rows: Sequence[Any],
        said: Mapping[str, Mapping[str, Any]],
        unit: NDArray[np.int64],
        began: datetime.datetime,
        now: datetime.datetime,
    ) -> None:
        start = _milliseconds(began)
        block = BLOCK // datetime.timedelta(milliseconds=1)
        self.rows, self.said, self.unit = rows, said, unit
        self.at = np.array([row.at for row in rows], dtype=np.int64)
        stage = np.array([row.stage for row in rows], dtype=np.int64)
        self.block = stage * _STAGE + (self.at - start) // block
        self.treated = np.array([row.assigned == "treatment" for row in rows], dtype=bool)
        self.now = _milliseconds(now)

    def requests(self, guardrail: Guardrail) -> Requests:
        """Return those that have a value, and whose window is over."""
        value = np.array(
            [_value(guardrail, row, self.said.get(row.id, {})) for row in self.rows], dtype=float
        )
        window = int(guardrail.window_hours * 3_600_000)
        known = ~np.isnan(value) & (self.at <= self.now - window)
        return Requests(self.block[known], self.treated[known], self.unit[known], value[known])


def readings(rollout: Rollout, table: _Table) -> list[Reading]:
    """Read every guardrail; any of them can roll back, so that the error is shared out."""
    guardrails = rollout.params.guardrails
    share = rollout.params.alpha / len(guardrails)
    return [
        read(name, guardrail, table.requests(guardrail), share, rollout.params.alpha)
        for name, guardrail in guardrails.items()
    ]


def _value(guardrail: Guardrail, row: Any, said: Mapping[str, Any]) -> float:
    """Return a request's value; NaN where it has none."""
    direct = _DIRECT.get(guardrail.value)
    found = said.get(guardrail.value) if direct is None else direct(row)
    if found is None:
        found = guardrail.absent
    return math.nan if found is None else float(found)


def _error(row: Any) -> float | None:
    if row.ending in CLIENTS:
        return None
    return float(row.treatment_ending is not None or row.ending in FAILURES)


def _answered(field: str) -> Callable[[Any], float | None]:
    def of(row: Any) -> float | None:
        found: float | None = getattr(row, field)
        return found if row.ending == "answered" and row.treatment_ending is None else None

    return of


def _tokens(row: Any) -> float | None:
    if None in (row.prompt_tokens, row.completion_tokens):
        return None
    return float(row.prompt_tokens + row.completion_tokens)


_DIRECT: Mapping[str, Callable[[Any], float | None]] = {
    "error": _error,
    "length": _answered("length"),
    "seconds": _answered("seconds"),
    "first_token_seconds": _answered("first_token_seconds"),
    "tokens": _tokens,
    "refusal": _answered("refusal"),
}


def _rows(opened: Session, rollout: Rollout, now: datetime.datetime) -> Iterator[Any]:
    asked: Select[Any] = (
        select(
            Interaction.id,
            Interaction.at,
            Interaction.stage,
            Interaction.assigned,
            Interaction.unit,
            Interaction.ending,
            Interaction.treatment_ending,
            Interaction.length,
            Interaction.seconds,
            Interaction.first_token_seconds,
            Interaction.prompt_tokens,
            Interaction.completion_tokens,
            Interaction.refusal,
        )
        .where(
            Interaction.rollout == rollout.id,
            Interaction.unit != "",
            Interaction.at <= _milliseconds(now),
        )
        .order_by(Interaction.at, Interaction.id)
        .execution_options(yield_per=AT_ONCE)
    )
    yield from opened.execute(asked)


def _said(
    opened: Session, rollout: Rollout, now: datetime.datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the outcomes of each interaction; what was said later replaces what was said before."""
    asked = (
        select(Feedback.interaction, Feedback.outcomes)
        .join(Interaction, Interaction.id == Feedback.interaction)
        .where(Interaction.rollout == rollout.id, Feedback.at <= _milliseconds(now))
        .order_by(Feedback.at, Feedback.id)
    )
    found: dict[str, dict[str, Any]] = {}
    for interaction, outcomes in opened.execute(asked):
        found.setdefault(interaction, {}).update(outcomes)
    yield from found.items()


def _uneven(rollout: Rollout, rows: Iterable[Any]) -> str:
    """Say whether units do not fall to the sides by the weight; each counts where it came first."""
    seen: set[str] = set()
    counts: dict[int, list[int]] = {}
    for row in rows:
        if row.unit not in seen:
            seen.add(row.unit)
            count = counts.setdefault(row.stage, [0, 0])
            count[0] += 1
            count[1] += row.assigned == "treatment"
    stages = rollout.params.stages
    asked = [
        (stage / 100, counts[at][0], counts[at][1])
        for at, stage in enumerate(stages)
        if at in counts and isinstance(stage, int) and stage < 100
    ]
    if ratio_evidence(asked) < math.log(1 / RATIO_ALPHA):
        return ""
    told = ", ".join(
        f"{hits:,} of {units:,} at {share:.0%} ({hits / units:.1%})" for share, units, hits in asked
    )
    return (
        f"users do not fall to the two sides as they should: {told} got the treatment. The "
        "comparison cannot be trusted; look at what sends ids, and at what is lost on one side"
    )


def _tripped(rollout: Rollout, rows: Sequence[Any]) -> str:
    breaker = rollout.params.breaker
    treated = [row for row in rows if row.assigned == "treatment"][-breaker.of :]
    failed = sum(_error(row) == 1.0 for row in treated)
    if len(treated) < breaker.of or failed <= breaker.errors * breaker.of:
        return ""
    return f"{failed} of the treatment's last {breaker.of} requests failed"


def _numbered(units: Iterable[str]) -> NDArray[np.int64]:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int64)


def _milliseconds(at: datetime.datetime) -> int:
    return int(at.timestamp() * 1000)
