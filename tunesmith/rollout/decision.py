"""The state machine of a rollout: where it stands, what was seen, and what follows. Pure.

| what was seen, in this order | what follows |
|---|---|
| it has ended, or a person holds it | stay |
| the circuit breaker tripped | roll back |
| a guardrail is credibly worse | roll back |
| users do not fall to the sides as they should | hold |
| too few requests or too little time in this stage | stay |
| all that the next stage asks for is shown | advance |
| something is not settled, and the budget is not spent | stay |
| something is not settled, and the budget is spent | what the recipe says: hold, roll back, ask |

No data is never a pass and never a fail.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tunesmith.rollout.params import RolloutParams, StageName
from tunesmith.rollout.readings import Reading

Status = Literal["running", "held", "asking", "rolled_back", "done"]
Kind = Literal["stay", "advance", "hold", "ask", "roll_back", "finish"]


@dataclass(frozen=True)
class Position:
    """Where a rollout stands.

    Attributes:
        stage: Number of the stage, from 0.
        entered: When it was entered.
        status: Whether it runs.
    """

    stage: int
    entered: datetime.datetime
    status: Status = "running"


@dataclass(frozen=True)
class Evidence:
    """What was seen of a rollout.

    Attributes:
        readings: Of each guardrail.
        in_stage: Requests of the treatment since the stage was entered.
        spent: Requests of both sides since the first live stage was entered.
        ratio: What is wrong with how users fell to the sides; empty if nothing is.
        tripped: Why the circuit breaker tripped; empty if it did not.
        paired: Requests that were asked of both models in shadow.
        shadow_worse: Why the treatment is credibly worse in shadow; empty if it is not.
    """

    readings: Sequence[Reading] = field(default=())
    in_stage: int = 0
    spent: int = 0
    ratio: str = ""
    tripped: str = ""
    paired: int = 0
    shadow_worse: str = ""


@dataclass(frozen=True)
class Move:
    """What follows, and why, in a sentence."""

    kind: Kind
    why: str


def weight(params: RolloutParams, position: Position) -> int:
    """Return the treatment's buckets of 10,000."""
    if position.status == "rolled_back":
        return 0
    if position.status == "done":
        return 10_000
    stage = params.stages[position.stage]
    return 100 * stage if isinstance(stage, int) else {"shadow": 0, "bake": 10_000}[stage]


def decide(
    params: RolloutParams, position: Position, seen: Evidence, now: datetime.datetime
) -> Move:
    """Say what follows from what was seen."""
    if position.status in ("rolled_back", "done"):
        return Move("stay", "it has ended")
    if seen.tripped:
        return Move("roll_back", seen.tripped)
    worse = [reading.name for reading in seen.readings if reading.worse]
    if worse or seen.shadow_worse:
        return Move("roll_back", seen.shadow_worse or f"credibly worse: {', '.join(worse)}")
    if position.status != "running":
        return Move("stay", "a person holds it" if position.status == "held" else "it is asked")
    if seen.ratio:
        return Move("hold", seen.ratio)
    missing = _missing(params, position, seen, now)
    if missing:
        return Move("stay", missing)
    last = position.stage + 1 == len(params.stages)
    following = None if last else params.stages[position.stage + 1]
    open_ = _not_settled(params, following, seen)
    if open_ is None:
        if last:
            return Move("finish", "every stage is passed")
        return Move("advance", f"to {_said(following)}: {_passed(params, following)}")
    if seen.spent < params.budget:
        return Move("stay", open_)
    spent = f"{open_}, and {seen.spent:,} requests are spent of {params.budget:,}"
    if params.unsettled == "roll_back":
        return Move("roll_back", spent)
    return Move("ask" if params.unsettled == "ask" else "hold", spent)


def _missing(
    params: RolloutParams, position: Position, seen: Evidence, now: datetime.datetime
) -> str:
    """Say what of the least number of requests or time is missing; empty if nothing is."""
    stage = params.stages[position.stage]
    if stage == "shadow":
        left = params.shadow_requests - seen.paired
        return f"{left:,} more prompts are to be asked in shadow" if left > 0 else ""
    first = next(at for at, name in enumerate(params.stages) if name != "shadow")
    hours = params.first_hours if position.stage == first else params.hours
    until = position.entered + datetime.timedelta(hours=hours)
    if stage == "bake":
        until = position.entered + datetime.timedelta(days=params.rollback_window_days)
    elif seen.in_stage < params.minimum_requests:
        left = params.minimum_requests - seen.in_stage
        return f"{left:,} more requests are needed at {stage} %"
    return f"not before {until:%Y-%m-%d %H:%M} UTC" if now < until else ""


def _not_settled(params: RolloutParams, following: StageName | None, seen: Evidence) -> str | None:
    """Say what the next stage asks for and is not shown; None if all is."""
    if not isinstance(following, int) or following < params.sure_from:
        return None
    open_ = [reading.name for reading in seen.readings if not reading.sure]
    return f"not settled whether not worse: {', '.join(open_)}" if open_ else None


def _passed(params: RolloutParams, following: StageName | None) -> str:
    sure = isinstance(following, int) and following >= params.sure_from
    return "every guardrail is shown not to be worse" if sure else "no guardrail is worse"


def _said(stage: StageName | None) -> str:
    return f"{stage} %" if isinstance(stage, int) else str(stage)
