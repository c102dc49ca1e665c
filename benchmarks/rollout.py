"""How often a rollout is right: simulated users, the real analysis and the real state machine.

    python benchmarks/rollout.py [--quick] [--rollouts 2000]

Peers, on the same users: a rule with fixed thresholds (roll back when the treatment's mean is more
than 3 points lower at a look, the usual way of progressive-delivery tools), and a z-test at every
look, as if each were the only one.

The outcome model: control 0.80, five requests a user, correlation of a user's outcomes 0.1,
feedback hours late, traffic that doubles, quality that drifts by 5 points for both. A candidate is
equal, or 5 points worse; a look every two hours; the budget is the recipe's default.
"""

import argparse
import datetime
import json
import math
import multiprocessing
import os
import statistics
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from tunesmith.rollout.analysis import Cells, Difference, difference
from tunesmith.rollout.decision import Evidence, Position, decide
from tunesmith.rollout.params import GUARDRAILS, RolloutParams
from tunesmith.rollout.readings import Reading, Requests, read

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
WATCHED = ("task completion", "errors", "refusals", "response length", "p95 latency")
PARAMS = RolloutParams(
    stages=(5, 10, 25, 50, 100), guardrails={name: GUARDRAILS[name] for name in WATCHED}
)
A_DAY = 5_000
"""Requests on the first day."""
OF_A_USER = 5
CORRELATION = 0.1
LOOK_HOURS = 2.0
BLOCK_HOURS = 12.0
LONGEST_DAYS = 25


class Traffic(NamedTuple):
    """Requests in order of time, in hours; `user` counts from 0, `place` is a user's bucket."""

    hour: NDArray[np.float64]
    user: NDArray[np.int64]
    place: NDArray[np.float64]
    taste: NDArray[np.float64]
    luck: NDArray[np.float64]
    noise: NDArray[np.float64]
    known: NDArray[np.float64]


def traffic(rng: np.random.Generator) -> Traffic:
    """Draw the requests of a rollout."""
    # Traffic doubles over the time: the density of the hours grows evenly.
    days = LONGEST_DAYS
    users = int(A_DAY * 1.5 * days / OF_A_USER)
    spread = rng.random(users)
    first = (np.sqrt(1 + 3 * spread) - 1) * days * 24
    hours = first[:, None] + np.cumsum(rng.exponential(12.0, (users, OF_A_USER)), axis=1)
    size = (users, OF_A_USER)
    user = np.broadcast_to(np.arange(users)[:, None], size)
    order = np.argsort(hours, axis=None)

    def flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.broadcast_to(values, size).ravel()[order]

    concentration = (1 - CORRELATION) / CORRELATION
    taste = rng.beta(0.8 * concentration, 0.2 * concentration, (users, 1)) - 0.8
    at = hours.ravel()[order]
    return Traffic(
        hour=at,
        user=user.ravel()[order],
        place=flat(rng.random((users, 1))),
        taste=flat(taste),
        luck=rng.random(len(at)),
        noise=rng.normal(size=len(at)),
        known=at + rng.exponential(6.0, len(at)),
    )


class Outcome(NamedTuple):
    """How a rollout ended: at 100 %, rolled back (at which percent), or neither in time."""

    end: str
    percent: int
    requests: int


Rule = Callable[[dict[str, Requests]], list[Reading]]
"""What a rule reads of the guardrails' requests at one look."""


def ours(seen: dict[str, Requests]) -> list[Reading]:
    """Judge as a rollout does."""
    share = PARAMS.alpha / len(seen)
    return [
        read(name, PARAMS.guardrails[name], requests, share, PARAMS.alpha)
        for name, requests in seen.items()
    ]


def fixed(seen: dict[str, Requests]) -> list[Reading]:
    """Judge task completion by the difference of all requests' means, as it stands."""
    found = _pooled(seen["task completion"])
    return [_reading(found.estimate, found.estimate < -0.03, found.estimate > -0.03)]


def repeated(seen: dict[str, Requests]) -> list[Reading]:
    """Judge task completion by a z-test that knows of one look only."""
    found = _pooled(seen["task completion"])
    if not found.time:
        return [_reading(math.nan, False, False)]
    reach = 1.645 * found.deviation / math.sqrt(found.time)
    return [_reading(found.estimate, found.estimate + reach < 0, found.estimate - reach > -0.05)]


RULES: dict[str, Rule] = {"ours": ours, "fixed": fixed, "repeated_z": repeated}


def _pooled(seen: Requests) -> Difference:
    zeros, ones = np.zeros(len(seen.value), dtype=np.int64), np.ones(len(seen.value))
    return difference(Cells(zeros, seen.treated, np.arange(len(ones)), ones, seen.value))


def _reading(estimate: float, worse: bool, sure: bool) -> Reading:
    return Reading("task completion", estimate, math.nan, math.nan, 0.0, 0.0, 0, 0, worse, sure)


def simulate(seen: Traffic, drop: float, rule: Rule, params: RolloutParams) -> Outcome:
    """Run one rollout: each look assigns what came since the last, and decides."""
    size = len(seen.hour)
    treated, block = np.zeros(size, dtype=bool), np.zeros(size, dtype=np.int64)
    position, done, look = Position(0, START), 0, 0.0
    while look < LONGEST_DAYS * 24:
        look += LOOK_HOURS
        percent = int(params.stages[position.stage])
        upto = int(np.searchsorted(seen.hour, look))
        new = slice(done, upto)
        treated[new] = seen.place[new] < percent / 100
        block[new] = position.stage * 1000 + (seen.hour[new] // BLOCK_HOURS).astype(np.int64)
        done = upto
        now = START + datetime.timedelta(hours=look)
        since = (position.entered - START).total_seconds() / 3600
        entered = int(np.searchsorted(seen.hour, since))
        late = params.guardrails["task completion"].window_hours
        evidence = Evidence(
            readings=rule(_values(seen, drop, treated, block, done, look)),
            in_stage=int(treated[entered:done].sum()),
            spent=int(np.searchsorted(seen.hour, look - late)),
        )
        move = decide(params, position, evidence, now)
        if move.kind == "roll_back":
            return Outcome("rolled back", percent, done)
        if move.kind == "advance":
            position = Position(position.stage + 1, now)
            if params.stages[position.stage] == 100:
                return Outcome("at 100 %", 100, done)
        elif move.kind != "stay":
            return Outcome(move.kind, percent, done)
    return Outcome("not settled", percent, done)


def _values(
    seen: Traffic,
    drop: float,
    treated: NDArray[np.bool_],
    block: NDArray[np.int64],
    done: int,
    look: float,
) -> dict[str, Requests]:
    """Return what is known of each guardrail at a look."""
    hour, luck, side = seen.hour[:done], seen.luck[:done], treated[:done]
    drift = 0.05 * np.sin(hour / (24 * 4)) - 0.0001 * hour
    chance = 0.8 + drift + seen.taste[:done] - drop * side
    late = PARAMS.guardrails["task completion"].window_hours
    told = (hour <= look - late) & (seen.known[:done] <= hour + late)
    values = {
        "errors": (luck * 97 % 1 < 0.01).astype(float),
        "refusals": (luck * 89 % 1 < 0.02).astype(float),
        "response length": np.exp(0.5 * seen.noise[:done]),
        "p95 latency": np.exp(0.5 * seen.noise[:done] + 0.1 * np.sin(hour / 4)),
    }
    found = {
        name: Requests(block[:done], side, seen.user[:done], value)
        for name, value in values.items()
    }
    completed = (luck < chance).astype(float)[told]
    own = Requests(block[:done][told], side[told], seen.user[:done][told], completed)
    return {"task completion": own, **found}


def one(task: tuple[int, float, str]) -> Outcome:
    """Run one rollout of a scenario, from its seed."""
    seed, drop, rule = task
    return simulate(traffic(np.random.default_rng(seed)), drop, RULES[rule], PARAMS)


def main() -> None:
    """Print the table and, last, the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rollouts")
    parser.add_argument("--rollouts", type=int, default=2000, help="of each scenario")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    count = 12 if given.quick else given.rollouts
    figures = {}
    with multiprocessing.Pool(given.processes) as pool:
        for rule in RULES:
            for name, drop in (("equal", 0.0), ("worse_by_5", 0.05)):
                tasks = [(seed, drop, rule) for seed in range(count)]
                ended = list(pool.imap_unordered(one, tasks, chunksize=4))
                figures[f"{rule}.{name}"] = _figures(ended)
                print(f"{rule:<12}{name:<12}{json.dumps(figures[f'{rule}.{name}'])}", flush=True)
    print(json.dumps({"name": "rollout", "figures": figures}))


def _figures(ended: list[Outcome]) -> dict[str, float]:
    back = [item for item in ended if item.end == "rolled back"]
    return {
        "rolled_back": len(back) / len(ended),
        "caught_before_25": sum(item.percent < 25 for item in back) / len(ended),
        "reached_100": sum(item.end == "at 100 %" for item in ended) / len(ended),
        "open": sum(item.end not in ("rolled back", "at 100 %") for item in ended) / len(ended),
        "requests_median": statistics.median(item.requests for item in ended),
    }


if __name__ == "__main__":
    main()
