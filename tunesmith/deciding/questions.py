"""What is asked of the candidate, given who was measured where.

| question | against | on | needed to promote |
|---|---|---|---|
| better | the baselines | test | yes |
| not worse by the margin | the champion | test | yes |
| not worse by the use's margin | the champion, or the base before there is one | each use | yes |
| not worse by the margin | the champion, or the base before there is one | golden | no |

Each rejects when the opposite is credible. A golden set is too small to show that nothing was
lost, so that it is asked for no more than that.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from tunesmith.deciding.params import GateParams
from tunesmith.evaluation.metrics import Metric


class Question(NamedTuple):
    """A difference that is asked for.

    Attributes:
        metric: On which metric.
        against: Whom the candidate is compared with.
        where: On which examples.
        rule: In words.
        bound: A difference credibly above it passes.
        worse: A difference credibly below it rejects.
        needed: Whether nothing is promoted unless it passes.
    """

    metric: Metric
    against: str
    where: str
    rule: str
    bound: float
    worse: float
    needed: bool = True


def questions(params: GateParams, measured: Collection[str]) -> list[Question]:
    """List what is asked; `measured` holds "who where", as in "base test"."""
    return [*_better(params), *_not_worse(params, measured)]


def _better(params: GateParams) -> Iterator[Question]:
    for other in params.better_than:
        for metric in dict.fromkeys((params.primary, *params.better_on)):
            yield Question(metric, other, "test", "better", 0.0, 0.0)


def _not_worse(params: GateParams, measured: Collection[str]) -> Iterator[Question]:
    if params.not_worse_than == "champion" and "champion test" in measured:
        yield _kept(params.primary, "champion", "test", params.margin)
    for use, asked in params.uses.items():
        yield _kept(asked.metric, _deployed(use, params, measured), use, asked.margin)
    other = _deployed("golden", params, measured)
    if f"{other} golden" in measured:
        yield _kept(params.primary, other, "golden", params.margin)._replace(needed=False)


def _kept(metric: Metric, against: str, where: str, margin: float) -> Question:
    return Question(metric, against, where, f"not worse by {margin:g}", -margin, -margin)


def _deployed(where: str, params: GateParams, measured: Collection[str]) -> str:
    """Return what would be replaced."""
    asked = params.not_worse_than == "champion" and f"champion {where}" in measured
    return "champion" if asked else "base"
