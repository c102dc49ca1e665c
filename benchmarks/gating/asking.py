"""What the gate is asked, and what `decide` says to it."""

from typing import NamedTuple

from tunesmith.deciding.params import GateParams
from tunesmith.records import Score
from tunesmith.stages.gate import decide

ALPHA, MARGIN, EFFECT = 0.05, 0.05, 0.05
MOST = 0.20
"""Largest share of differing answers that is asked about."""


class Question(NamedTuple):
    """What is true, and the bound that the gate must see it above."""

    true: float
    bound: float


FALSE = {"worse": Question(-MARGIN, -MARGIN), "equal": Question(0.0, 0.0)}
POWER = {"not_worse": Question(0.0, -MARGIN), "better": Question(EFFECT, 0.0)}


def promoted(
    metric: str,
    ours: list[float],
    theirs: list[float],
    poor: list[float],
    bound: float,
    groups: list[str] | None = None,
) -> bool:
    """Whether `decide` promotes, where all depends on one criterion; `poor` is easily beaten."""
    rows = {
        "candidate test": ours,
        "base test": theirs if bound == 0 else poor,
        "champion test": theirs,
    }
    of = groups or [str(at) for at in range(len(ours))]
    scores = {
        who: {
            str(at): Score(row_id=str(at), group_id=of[at], values={metric: value})
            for at, value in enumerate(values)
        }
        for who, values in rows.items()
    }
    params = GateParams(
        primary=metric,
        better_than=("base",),
        not_worse_than=None if bound == 0 else "champion",
        margin=MARGIN,
        alpha=ALPHA,
    )
    return decide(params, scores)[0] == "promote"
