"""What the database knows of a rollout, as its guardrails read it.

Only requests of an assigned unit count, by the variant that was assigned. A treatment's failure
that control covered up is the treatment's. Where an answer's worth comes from feedback, a request
counts when its window is over, whether or not somebody has said something by then: those who are
quick to say so are not like the others. Of the stages at 100 % nothing can be compared, and in
shadow only pairs (`tunesmith.rollout.shadowing`).

When a person lets a rollout go on that was held or asked about, its budget and the count of users
by side begin anew: they were looked at.
"""

import datetime
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from tunesmith.database.session import session
from tunesmith.database.tables import Interaction
from tunesmith.rollout.analysis import Requests
from tunesmith.rollout.columns import Columns, answering_since, measured, read_live
from tunesmith.rollout.decision import Evidence
from tunesmith.rollout.ledger import Entry, Rollout, history
from tunesmith.rollout.params import RolloutParams
from tunesmith.rollout.readings import Reading, read
from tunesmith.rollout.shadowing import ShadowMetric, Shadows, compare
from tunesmith.statistics.sequences import ratio_evidence

BLOCK = datetime.timedelta(hours=12)
"""Of the time within a stage; quality drifts by days, and a block needs both sides."""
_STAGE = 1_000_000
_HOUR = 3_600_000
RATIO_ALPHA = 0.001
"""Error of calling the sides uneven, over all looks."""
IN_SHADOW = 0.1
"""Share of the error of calling it worse that a stage of pairs may spend."""


def collect(
    database: str,
    rollout: Rollout,
    now: datetime.datetime,
    metrics: Mapping[str, ShadowMetric] | None = None,
) -> Evidence:
    """Return all that was seen of a rollout up to a time.

    Args:
        database: Its URL.
        rollout: As it stands in the ledger.
        now: Up to when; requests that came later are left out.
        metrics: What compares captured answers in shadow, by name.

    Raises:
        Transient: the database cannot be reached.
    """
    params, until = rollout.params, _milliseconds(now)
    moves = history(database, rollout.id)
    stages = comparable(params)
    columns = read_live(database, rollout.id, stages, params.guardrails, until)
    block = blocks(columns, _milliseconds(moves[0].at))
    anew = columns.at >= _milliseconds(_looked_at([move for move in moves if move.at <= now]))
    due = columns.ended <= until - params.longest_window * _HOUR
    since, shadows = answering_since(database, rollout.id, until), Shadows()
    if params.stages[rollout.position.stage] == "shadow":
        error = params.alpha * IN_SHADOW
        shadows = compare(database, rollout.id, params, error, until, metrics or {})
    return Evidence(
        readings=readings(params, columns, block, until),
        in_stage=_in_stage(database, rollout, until),
        spent=int((anew & due).sum()),
        ratio=_uneven(params, columns, anew),
        tripped="" if since is None else _tripped(database, rollout, since, until),
        silent=since is None,
        paired=shadows.pairs,
        shadow_worse=shadows.worse,
        shadow=shadows.readings,
        nameless=_nameless(database, rollout, until),
    )


def readings(
    params: RolloutParams, columns: Columns, block: NDArray[np.int64], until: int
) -> list[Reading]:
    """Read every guardrail; any of them can roll back, so that the error is shared out."""
    alpha = params.alpha * (1 - IN_SHADOW if "shadow" in params.stages else 1)
    found = []
    for name, guardrail in params.guardrails.items():
        due = columns.ended <= until - guardrail.window_hours * _HOUR
        value = columns.values[name]
        known = due & ~np.isnan(value)
        requests = Requests(block[known], columns.treated[known], columns.unit[known], value[known])
        share = alpha / len(params.guardrails)
        count = int((due & columns.treated).sum())
        found.append(read(name, guardrail, requests, share, params.alpha, due=count))
    return found


def blocks(columns: Columns, began: int) -> NDArray[np.int64]:
    """Number the blocks of stage and time."""
    length = BLOCK // datetime.timedelta(milliseconds=1)
    number = columns.stage * _STAGE + (columns.at - began) // length
    _, block = np.unique(number, return_inverse=True)
    return np.asarray(block, dtype=np.int64)


def comparable(params: RolloutParams) -> range:
    """Return the stages in which both sides answer."""
    first = next(at for at, stage in enumerate(params.stages) if isinstance(stage, int))
    return range(first, params.stages.index(100))


def _looked_at(moves: Sequence[Entry]) -> datetime.datetime:
    """Return when a person last let it go on, if one had to."""
    since = datetime.datetime.fromtimestamp(0, datetime.UTC)
    for before, move in itertools.pairwise(moves):
        if before.status in ("held", "asking") and move.status == "running":
            since = move.at
    return since


def _in_stage(database: str, rollout: Rollout, until: int) -> int:
    entered = _milliseconds(rollout.position.entered)
    asked = select(func.count()).where(
        Interaction.rollout == rollout.id,
        Interaction.at.between(entered, until),
        Interaction.assigned == "treatment",
        Interaction.unit != "",
        Interaction.shadow_of == "",
        measured(Interaction)["error"].is_not(None),
    )
    with session(database) as opened:
        return opened.execute(asked).scalar_one()


def _nameless(database: str, rollout: Rollout, until: int) -> int:
    asked = select(func.count()).where(
        Interaction.rollout == rollout.id,
        Interaction.at <= until,
        Interaction.unit == "",
        Interaction.shadow_of == "",
    )
    with session(database) as opened:
        return opened.execute(asked).scalar_one()


def _uneven(params: RolloutParams, columns: Columns, anew: NDArray[np.bool_]) -> str:
    """Say whether units do not fall to the sides by the weight; each counts where it came first."""
    stage, treated = columns.stage[anew], columns.treated[anew]
    first = np.unique(columns.unit[anew], return_index=True)[1]
    asked = []
    for at, weight in enumerate(params.stages):
        here = first[stage[first] == at]
        if isinstance(weight, int) and len(here):
            asked.append((weight / 100, len(here), int(treated[here].sum())))
    if ratio_evidence(asked) < math.log(1 / RATIO_ALPHA):
        return ""
    told = ", ".join(
        f"{hits:,} of {units:,} at {share:.0%} ({hits / units:.1%})" for share, units, hits in asked
    )
    return (
        f"users do not fall to the two sides as they should: {told} got the treatment. The "
        "comparison cannot be trusted; look at what sends ids, and at what is lost on one side"
    )


def _tripped(database: str, rollout: Rollout, since: int, until: int) -> str:
    """Say whether the treatment's last requests failed; in shadow, too, one that died is seen."""
    breaker = rollout.params.breaker
    error = measured(Interaction)["error"]
    asked = (
        select(error)
        .where(
            Interaction.rollout == rollout.id,
            Interaction.at.between(since, until),
            Interaction.assigned == "treatment",
            error.is_not(None),
        )
        .order_by(Interaction.at.desc(), Interaction.id.desc())
        .limit(breaker.of)
    )
    with session(database) as opened:
        last = opened.scalars(asked).all()
    failed = int(sum(last))
    if len(last) < breaker.of or failed <= breaker.errors * breaker.of:
        return ""
    return f"{failed} of the treatment's last {breaker.of} requests failed"


def _milliseconds(at: datetime.datetime) -> int:
    return int(at.timestamp() * 1000)
