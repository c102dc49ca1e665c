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
from tunesmith.rollout.params import Guardrail, RolloutParams, StageName
from tunesmith.statistics.sequences import boundary, precision_for

POWER = 0.8


@dataclass(frozen=True)
class Traffic:
    """What is expected.

    Attributes:
        requests: A day, with an id to assign by.
        per_user: Requests of a user over a stage.
        correlation: Of one user's outcomes, 0 to 1.
        rate: Of the outcome with control, between 0 and 1.
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


@dataclass(frozen=True)
class Budget:
    """What the requests that a rollout may spend can settle.

    Attributes:
        chance: To show within them that an equal candidate is not worse by the margin.
        needed: Requests of both sides that show it in eight cases of ten.
        margin: The least that the budget shows in eight cases of ten.
    """

    chance: float
    needed: float
    margin: float


def plan(params: RolloutParams, traffic: Traffic, guardrail: Guardrail) -> Iterator[Planned]:
    """Yield every stage; `guardrail` is one on a rate.

    A stage that cannot be left before its guardrails are sure takes as long as an equal candidate
    needs in half of the cases, within the budget.
    """
    course = _Course(traffic, guardrail.window_hours / 24.0)
    waiting = _waiting(params)
    for stage in params.stages:
        if stage == "shadow":
            days = params.shadow_requests / traffic.requests if traffic.requests else math.inf
            yield Planned(stage, days, params.shadow_requests, 0.0, math.inf, 0.0)
            continue
        if stage == "bake":
            yield Planned(stage, params.rollback_window_days, 0.0, 0.0, math.inf, 1.0)
            continue
        days = _least_days(params, traffic, stage)
        if stage == waiting and traffic.requests:
            need = _time_needed(params, traffic, guardrail.margin, 0.5)
            left = _budget_days(params, traffic) - course.days
            days = max(days, min(course.days_until(need, stage), left))
        course.pass_(stage, days)
        requests = days * traffic.requests if traffic.requests else 0.0
        yield Planned(
            stage,
            days,
            requests,
            requests * stage / 100.0,
            _seen(params, traffic, course.time),
            _sure(params, traffic, course.time, guardrail.margin),
        )


def budget(params: RolloutParams, traffic: Traffic, guardrail: Guardrail) -> Budget | None:
    """Say what the budget settles; None without traffic, or where no stage waits for evidence."""
    waiting = _waiting(params)
    if waiting is None or not traffic.requests:
        return None
    course = _Course(traffic, guardrail.window_hours / 24.0)
    for weight in _live(params):
        if weight < waiting:
            course.pass_(weight, _least_days(params, traffic, weight))
    needed = _time_needed(params, traffic, guardrail.margin, POWER)
    more = course.days + course.days_until(needed, waiting) - _budget_days(params, traffic)
    course.pass_(waiting, max(_budget_days(params, traffic) - course.days, 0.0))
    return Budget(
        chance=_sure(params, traffic, course.time, guardrail.margin),
        needed=params.budget + more * traffic.requests,
        margin=_shown(params, traffic, course.time, POWER),
    )


def _budget_days(params: RolloutParams, traffic: Traffic) -> float:
    """Return when the budget is spent: requests count when their longest window is over."""
    return params.budget / traffic.requests + params.longest_window / 24.0


class _Course:
    """The stages so far, as days and intrinsic time.

    A request counts when its window is over, so that what is known lags behind.
    """

    def __init__(self, traffic: Traffic, lag: float) -> None:
        self._traffic, self._lag = traffic, lag
        self._passed: list[tuple[float, float]] = []

    @property
    def days(self) -> float:
        return sum(days for days, _ in self._passed)

    def pass_(self, weight: int, days: float) -> None:
        self._passed.append((days, self._gain(weight)))

    @property
    def time(self) -> float:
        """Return the intrinsic time of what is known."""
        left, found = self.days - self._lag, 0.0
        for days, gain in self._passed:
            if left <= 0.0:
                break
            found += gain * min(days, left) if gain else 0.0
            left -= days
        return found

    def days_until(self, time: float, weight: int) -> float:
        """Return the days at a weight until so much is known."""
        all_known = sum(gain * days for days, gain in self._passed if gain)
        return self._lag + max(time - all_known, 0.0) / self._gain(weight)

    def _gain(self, weight: int) -> float:
        share = weight / 100.0
        return self._traffic.requests * share * (1.0 - share)


def _live(params: RolloutParams) -> list[int]:
    return [stage for stage in params.stages if isinstance(stage, int)]


def _waiting(params: RolloutParams) -> int | None:
    """Return the percent that is not left before the guardrails are sure; None without any."""
    first, *more = _live(params)
    below = [weight for weight in (first, *more) if weight < params.sure_from]
    return max(below, default=first) if more else None


def _least_days(params: RolloutParams, traffic: Traffic, weight: int) -> float:
    """Return how long a live stage takes for its hours and its requests."""
    if not traffic.requests:
        return math.inf
    hours = params.first_hours if weight == _live(params)[0] else params.hours
    return max(hours / 24.0, params.minimum_requests / (traffic.requests * weight / 100.0))


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


def _shown(params: RolloutParams, traffic: Traffic, time: float, chance: float) -> float:
    """Return the margin that an equal candidate is shown to keep, with a chance."""
    if time <= 0.0:
        return math.inf
    error = traffic.deviation / math.sqrt(time)
    return _reach(traffic, time, params.alpha) + float(ndtri(chance)) * error


def _time_needed(params: RolloutParams, traffic: Traffic, margin: float, chance: float) -> float:
    """Return the intrinsic time at which an equal candidate is shown, with a chance."""
    low, high = 1.0, 1e12
    for _ in range(100):
        middle = math.sqrt(low * high)
        if _shown(params, traffic, middle, chance) > margin:
            low = middle
        else:
            high = middle
    return high
