"""How often a rollout is right: simulated users, the real analysis and the real state machine.

    python benchmarks/rollout.py [--quick] [--rollouts 2000] [--processes 2]

Peers, on the same users: a rule with fixed thresholds (roll back when the treatment's mean is more
than 3 points lower at a look, the usual way of progressive-delivery tools), and a z-test at every
look, as if each were the only one.

The outcome model: control 0.80, five requests a user, correlation of a user's outcomes 0.1,
feedback hours late and counted after a day, traffic that doubles, quality that drifts by 5 points
for both. Half of the answers get a rating (deviation 0.2); 1 % end in an error, 2 % in a refusal;
length, seconds, first token and tokens are log-normal (0.5), the seconds with the hour. A candidate
is equal, or completes 5 points fewer tasks and is the same in all else. All default guardrails are
watched, with a look every two hours. When the budget is spent and something is not settled, nobody
is asked: the recipe says `unsettled: roll_back`. `false_verdict` and `verdict_before_25` count only
what is called credibly worse, as where a person is asked. The peers begin with 100 requests of the
treatment whose feedback is due.
"""

import argparse
import datetime
import json
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from tunesmith.rollout.analysis import Requests, difference
from tunesmith.rollout.decision import Evidence, Position, decide
from tunesmith.rollout.params import RolloutParams
from tunesmith.rollout.readings import Reading, read

Floats = NDArray[np.float64]

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
PARAMS = RolloutParams(stages=(5, 10, 25, 50, 100), unsettled="roll_back")
A_DAY = 5_000
"""Requests on the first day."""
OF_A_USER = 5
CORRELATION = 0.1
LOOK_HOURS = 2.0
PEERS_BEGIN = 100
BLOCK_HOURS = 12.0
LONGEST_DAYS = 16
DOUBLED_DAYS = 25


@dataclass
class Traffic:
    """Requests in order of time, in hours, with what becomes of them.

    `treated`, `block` and what depends on them are filled in as the rollout goes on.
    """

    hour: Floats
    user: NDArray[np.int64]
    place: Floats
    values: dict[str, Floats]
    chance: Floats
    luck: Floats
    late: Floats
    treated: NDArray[np.bool_] = field(init=False)
    block: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.treated = np.zeros(len(self.hour), dtype=bool)
        self.block = np.zeros(len(self.hour), dtype=np.int64)


def traffic(rng: np.random.Generator) -> Traffic:
    """Draw the requests of a rollout."""
    # The density of the hours grows evenly: traffic doubles over the time.
    share = LONGEST_DAYS / DOUBLED_DAYS
    users = int(A_DAY * LONGEST_DAYS * (1 + share / 2) / OF_A_USER)
    first = (np.sqrt(1 + (2 * share + share**2) * rng.random(users)) - 1) / share
    first *= LONGEST_DAYS * 24
    hours = first[:, None] + np.cumsum(rng.exponential(12.0, (users, OF_A_USER)), axis=1)
    order = np.argsort(hours, axis=None)
    user = order // OF_A_USER
    hour = hours.ravel()[order]
    size = len(hour)
    concentration = (1 - CORRELATION) / CORRELATION
    taste = rng.beta(0.8 * concentration, 0.2 * concentration, users)
    drift = 0.05 * np.sin(hour / (24 * 4)) - 0.0001 * hour
    slow = 0.1 * np.sin(hour / 4)

    def lognormal() -> Floats:
        return np.exp(0.5 * rng.standard_normal(size))

    return Traffic(
        hour=hour,
        user=user,
        place=rng.random(users)[user],
        values={
            "errors": (rng.random(size) < 0.01).astype(float),
            "refusals": (rng.random(size) < 0.02).astype(float),
            "response length": lognormal(),
            "user rating": np.where(
                rng.random(size) < 0.5, 0.7 + drift + 0.2 * rng.standard_normal(size), math.nan
            ),
            "p95 latency": lognormal() * np.exp(slow),
            "p95 first token": lognormal() * np.exp(slow),
            "cost per request": lognormal(),
            "task completion": np.empty(size),
        },
        chance=taste[user] + drift,
        luck=rng.random(size),
        late=rng.exponential(6.0, size),
    )


WORSE, UNSETTLED = "credibly worse", "not settled"
"""Why a rollout was rolled back."""


class Outcome(NamedTuple):
    """How a rollout ended, at which percent, after how many requests."""

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
    completed = seen["task completion"]
    if completed.treated.sum() < PEERS_BEGIN:
        return [_reading(math.nan, False, False)]
    sides = completed.value[completed.treated], completed.value[~completed.treated]
    found = float(sides[0].mean() - sides[1].mean())
    return [_reading(found, found < -0.03, found > -0.03)]


def repeated(seen: dict[str, Requests]) -> list[Reading]:
    """Judge task completion by a z-test that knows of one look only."""
    completed = seen["task completion"]
    found = difference(
        Requests(completed.block * 0, completed.treated, completed.unit, completed.value)
    )
    if found.treated < PEERS_BEGIN:
        return [_reading(math.nan, False, False)]
    reach = 1.645 * found.deviation / math.sqrt(found.time)
    return [_reading(found.estimate, found.estimate + reach < 0, found.estimate - reach > -0.05)]


RULES: dict[str, Rule] = {"ours": ours, "fixed": fixed, "repeated_z": repeated}


def _reading(estimate: float, worse: bool, sure: bool) -> Reading:
    return Reading("task completion", estimate, math.nan, math.nan, 0.0, 0.0, 0, 0, worse, sure)


def simulate(seen: Traffic, drop: float, rule: Rule, params: RolloutParams) -> Outcome:
    """Run one rollout: each look assigns what came since the last, and decides."""
    names = list(params.guardrails) if rule is ours else ["task completion"]
    told = {name: _told(seen, name, params) for name in names}
    position, done, look = Position(0, START), 0, 0.0
    while look < LONGEST_DAYS * 24:
        look += LOOK_HOURS
        percent = int(params.stages[position.stage])
        upto = int(np.searchsorted(seen.hour, look))
        _pass(seen, slice(done, upto), position.stage, percent, drop)
        done = upto
        now = START + datetime.timedelta(hours=look)
        since = (position.entered - START).total_seconds() / 3600
        entered = int(np.searchsorted(seen.hour, since))
        evidence = Evidence(
            readings=rule({name: _known(seen, name, told[name], look, params) for name in names}),
            in_stage=int(seen.treated[entered:done].sum()),
            spent=int(np.searchsorted(seen.hour, look - params.longest_window)),
        )
        move = decide(params, position, evidence, now)
        if move.kind == "roll_back":
            why = WORSE if move.why.startswith("credibly worse") else UNSETTLED
            return Outcome(why, percent, done)
        if move.kind == "advance":
            position = Position(position.stage + 1, now)
            if params.stages[position.stage] == 100:
                return Outcome("at 100 %", 100, done)
        elif move.kind != "stay":
            return Outcome(move.kind, percent, done)
    return Outcome("not over in time", percent, done)


def _pass(seen: Traffic, new: slice, stage: int, percent: int, drop: float) -> None:
    """Let requests through: who answers, and how it turns out."""
    seen.treated[new] = seen.place[new] < percent / 100
    seen.block[new] = 100 * stage + (seen.hour[new] // BLOCK_HOURS).astype(np.int64)
    chance = seen.chance[new] - drop * seen.treated[new]
    seen.values["task completion"][new] = seen.luck[new] < chance


def _told(seen: Traffic, name: str, params: RolloutParams) -> NDArray[np.int64]:
    """Return which requests ever get a value."""
    if name == "task completion":
        return np.flatnonzero(seen.late <= params.guardrails[name].window_hours)
    return np.flatnonzero(~np.isnan(seen.values[name]))


def _known(
    seen: Traffic, name: str, told: NDArray[np.int64], look: float, params: RolloutParams
) -> Requests:
    """Return what is known of a guardrail at a look."""
    due = int(np.searchsorted(seen.hour, look - params.guardrails[name].window_hours))
    count = int(np.searchsorted(told, due))
    # Where each has a value, a view does.
    known = slice(count) if count == due else told[:count]
    return Requests(
        seen.block[known], seen.treated[known], seen.user[known], seen.values[name][known]
    )


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
    figures: dict[str, float | list[float]] = {}
    with multiprocessing.Pool(given.processes) as pool:
        for rule in RULES:
            for name, drop in (("equal", 0.0), ("worse", 0.05)):
                began = time.monotonic()
                tasks = [(seed, drop, rule) for seed in range(count)]
                ended = list(pool.imap_unordered(one, tasks, chunksize=4))
                took = (time.monotonic() - began) / count
                print(f"{rule}, {name}: {count} rollouts, {took:.2f} s each", flush=True)
                for figure, value in _figures(ended, name).items():
                    print(f"    {figure:<24}{value}", flush=True)
                    figures[figure if rule == "ours" else f"{figure}.{rule}"] = value
    print(json.dumps({"name": "rollout", "figures": figures}))


def _figures(ended: list[Outcome], name: str) -> dict[str, float | list[float]]:
    """Return shares, each followed by its exact 95 % interval, and the median of the requests."""
    back = [item for item in ended if item.end in (WORSE, UNSETTLED)]
    verdicts = [item for item in back if item.end == WORSE]
    if name == "equal":
        counts = {
            "false_rollback": len(back),
            "false_verdict": len(verdicts),
            "reached_100": sum(item.end == "at 100 %" for item in ended),
        }
    else:
        counts = {
            "caught_before_25": sum(item.percent < 25 for item in back),
            "verdict_before_25": sum(item.percent < 25 for item in verdicts),
        }
    figures: dict[str, float | list[float]] = {}
    for figure, hits in counts.items():
        figures[figure] = hits / len(ended)
        figures[f"{figure}_interval"] = _interval(hits, len(ended))
    figures["requests_median" if name == "equal" else "requests_median_worse"] = statistics.median(
        item.requests for item in ended
    )
    return figures


def _interval(hits: int, n: int) -> list[float]:
    """Return the exact 95 % interval of a share (Clopper and Pearson 1934)."""
    low = float(beta.ppf(0.025, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0
    return [round(low, 4), round(high, 4)]


if __name__ == "__main__":
    main()
