"""The state machine of a rollout: where it stands, what was seen, and what follows. Pure.

| what was seen, in this order | what follows |
|---|---|
| it has ended, or a person holds it | stay |
| the circuit breaker tripped | roll back |
| a guardrail is credibly worse | roll back |
| users do not fall to the sides as they should | hold |
| in shadow it has not answered once | stay; after the first stage's least time, ask |
| too few requests or too little time in this stage | stay |
| all that the next stage asks for is shown | advance |
| something is not settled, and the budget is not spent | stay |
| something is not settled, and the budget is spent | what the recipe says: hold, roll back, ask |
| all is settled but what nobody tells anything about | ask, or hold where the recipe says so |

No data is never a pass and never a fail. Task completion and the users' rating are watched by
default, and come with feedback that not everybody sends. A rollout waits for them no longer than
until enough requests are due of which none has a value: then it says so and asks, well before its
budget is spent. A recipe leaves such a guardrail out by `guardrails: {user rating: null}`; to take
silence for a pass would let through what nobody has looked at.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tunesmith.rollout.params import RolloutParams, StageName

if TYPE_CHECKING:  # a gateway knows positions and weights, and needs no numpy for it
    from tunesmith.rollout.readings import Reading

_SILENT = "it was asked in shadow and has not answered once; does its server have it?"

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
        in_stage: Requests of the treatment since the stage was entered that say something of it.
        spent: Requests of both sides below 100 % whose feedback is due; since a person last let
            the rollout go on, if it was held or asked about.
        ratio: What is wrong with how users fell to the sides; empty if nothing is.
        tripped: Why the circuit breaker tripped; empty if it did not.
        silent: Whether the treatment was asked in shadow, and has not answered once.
        paired: Requests that were asked of both models in shadow, and say something of both.
        shadow_worse: Why the treatment is credibly worse in shadow; empty if it is not.
        shadow: Readings of the pairs of which anything is known; only while it is in shadow.
        nameless: Requests without the id of a user or conversation: no part of the above.
    """

    readings: "Sequence[Reading]" = field(default=())
    in_stage: int = 0
    spent: int = 0
    ratio: str = ""
    tripped: str = ""
    silent: bool = False
    paired: int = 0
    shadow_worse: str = ""
    shadow: "Sequence[Reading]" = field(default=())
    nameless: int = 0


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
    patience = datetime.timedelta(hours=params.first_hours)
    if seen.silent and now > position.entered + patience:
        return Move("hold" if params.unsettled == "hold" else "ask", _SILENT)
    missing = _missing(params, position, seen, now)
    if missing:
        return Move("stay", missing)
    last = position.stage + 1 == len(params.stages)
    following = None if last else params.stages[position.stage + 1]
    open_ = [reading for reading in seen.readings if not reading.sure]
    if open_ and _must_be_sure(params, following):
        return _not_settled(params, seen, open_)
    if last:
        return Move("finish", "every stage is passed")
    return Move("advance", f"to {_said(following)}: {_passed(params, following)}")


def _missing(
    params: RolloutParams, position: Position, seen: Evidence, now: datetime.datetime
) -> str:
    """Say what of the least number of requests or time is missing; empty if nothing is."""
    stage = params.stages[position.stage]
    if seen.silent:
        return _SILENT
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


def _must_be_sure(params: RolloutParams, following: StageName | None) -> bool:
    return isinstance(following, int) and following >= params.sure_from


def _not_settled(params: RolloutParams, seen: Evidence, open_: "Sequence[Reading]") -> Move:
    """Say what follows where the next stage asks for more than is shown."""
    silent = [each for each in open_ if not each.requests and each.due >= params.minimum_requests]
    waiting = [each for each in open_ if each not in silent]
    why = []
    if waiting:
        why.append(f"not settled whether not worse: {', '.join(each.name for each in waiting)}")
    if silent:
        left_out = ", ".join(f"{each.name}: null" for each in silent)
        why.append(
            f"nothing is known of {', '.join(each.name for each in silent)}, though "
            f"{silent[0].due:,} requests are due; have it told, or leave it out: "
            f"rollout: {{guardrails: {{{left_out}}}}}"
        )
    if waiting and seen.spent < params.budget:
        return Move("stay", "; ".join(why))
    if waiting:
        why.append(f"{seen.spent:,} requests are spent of {params.budget:,}")
    # Without data it is no fail: rolling back takes something that was measured.
    measured = any(each.known for each in waiting)
    if params.unsettled == "roll_back" and measured:
        return Move("roll_back", "; ".join(why))
    return Move("hold" if params.unsettled == "hold" else "ask", "; ".join(why))


def _passed(params: RolloutParams, following: StageName | None) -> str:
    sure = _must_be_sure(params, following)
    return "every guardrail is shown not to be worse" if sure else "no guardrail is worse"


def _said(stage: StageName | None) -> str:
    return f"{stage} %" if isinstance(stage, int) else str(stage)
