"""What a rollout will take: days and requests of each stage, and what could be seen by its end.

Told before it begins, from the traffic that is expected. What can be seen is the fall that is
called worse in eight cases of ten, of a rate such as task completion; and whether an equal
candidate can be shown to be not worse by the margin.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from scipy.special import ndtri

from tunesmith.rollout.analysis import TIGHTEST_AT
from tunesmith.rollout.params import RolloutParams, StageName
from tunesmith.statistics.sequences import boundary, precision_for

POWER = 0.8


@dataclass(frozen=True)
class Traffic:
    """What is expected.

    Attributes:
        requests: A day, with an id to assign by.
        per_user: Requests of a user over a stage.
        correlation: Of one user's outcomes, 0 to 1.
        rate: Of the outcome with control, 0 to 1.
    """

    requests: float
    per_user: float = 5.0
    correlation: float = 0.1
    rate: float = 0.8

    @property
    def deviation(self) -> float:
        """Standard deviation that a request counts with, given its user's others."""
        inflated = 1.0 + (self.per_user - 1.0) * self.correlation
        return math.sqrt(self.rate * (1.0 - self.rate) * inflated)


@dataclass(frozen=True)
class Planned:
    """A stage as it is expected.

    Attributes:
        stage: Its name or percent.
        days: How long it takes at least; infinite without traffic.
        requests: Of both sides in it.
        treated: Of the treatment in it.
        seen: The fall that would be called worse by its end; infinite while nothing would.
        sure: Chance to show by its end that an equal candidate is not worse by the margin.
    """

    stage: StageName
    days: float
    requests: float
    treated: float
    seen: float
    sure: float


def plan(params: RolloutParams, traffic: Traffic, margin: float) -> Iterator[Planned]:
    """Yield every stage; `margin` is that of the guardrail on the rate.

    A stage that cannot be left before its guardrails are sure takes as long as an equal candidate
    needs in half of the cases, within the budget.
    """
    time = spent = 0.0
    stages = params.stages
    first = next(at for at, stage in enumerate(stages) if isinstance(stage, int))
    for at, stage in enumerate(stages):
        if stage == "shadow":
            days = params.shadow_requests / traffic.requests if traffic.requests else math.inf
            yield Planned(stage, days, params.shadow_requests, 0.0, math.inf, 0.0)
            continue
        if stage == "bake":
            yield Planned(stage, params.rollback_window_days, 0.0, 0.0, math.inf, 1.0)
            continue
        weight = stage / 100.0
        hours = params.first_hours if at == first else params.hours
        days = hours / 24.0
        if traffic.requests:
            days = max(days, params.minimum_requests / (traffic.requests * weight))
            following = stages[at + 1] if at + 1 < len(stages) else None
            if isinstance(following, int) and following >= params.sure_from and weight < 1.0:
                need = max(_time_needed(params, traffic, margin) - time, 0.0)
                left = max(params.budget - spent, 0.0) / traffic.requests
                days = max(days, min(need / (traffic.requests * weight * (1.0 - weight)), left))
        else:
            days = math.inf
        requests = days * traffic.requests if traffic.requests else 0.0
        spent += requests
        time += requests * weight * (1.0 - weight)
        yield Planned(
            stage,
            days,
            requests,
            requests * weight,
            _seen(params, traffic, time),
            _sure(params, traffic, time, margin),
        )


def _reach(traffic: Traffic, time: float, alpha: float) -> float:
    return traffic.deviation * boundary(time, alpha, precision_for(TIGHTEST_AT, alpha)) / time


def _seen(params: RolloutParams, traffic: Traffic, time: float) -> float:
    if time <= 0.0:
        return math.inf
    error = traffic.deviation / math.sqrt(time)
    share = params.alpha / len(params.guardrails)
    return _reach(traffic, time, share) + float(ndtri(POWER)) * error


def _sure(params: RolloutParams, traffic: Traffic, time: float, margin: float) -> float:
    if time <= 0.0:
        return 0.0
    error = traffic.deviation / math.sqrt(time)
    room = (margin - _reach(traffic, time, params.alpha)) / error
    return 0.5 * math.erfc(-room / math.sqrt(2.0))


def _time_needed(params: RolloutParams, traffic: Traffic, margin: float) -> float:
    """Return the intrinsic time at which an equal candidate is shown in half of the cases."""
    low, high = 1.0, 1e12
    for _ in range(100):
        middle = math.sqrt(low * high)
        if _reach(traffic, middle, params.alpha) > margin:
            low = middle
        else:
            high = middle
    return high
