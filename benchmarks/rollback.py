"""How long a treatment is still given requests after its rollback, under load.

A gateway of two workers before a model's server that answers at once; 16 clients ask on and on.
Rollouts begin at 10 % one after the other, and each is taken back at a random moment by one write
to the ledger. `seconds_median` and `seconds_most`: from that write to when the last request came
that the treatment was given; `given`: requests that it was given in all. An answer other than 200
ends the run.

    python benchmarks/rollback.py [--quick] [--rollouts 20]
"""

import argparse
import asyncio
import contextlib
import datetime
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import uvloop
from gateway_peers import load
from gateway_peers.starting import free_port, model_server, ours, running

from tunesmith.gateway.importing import import_all
from tunesmith.gateway.segments import FOLDER
from tunesmith.rollout import ledger, past

CLIENTS = 16
SEEN = 1.0
"""Seconds in which all workers have seen a move; shown by what is measured."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="three rollouts")
    parser.add_argument("--rollouts", type=int, default=20)
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rollouts
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port, door = free_port(), free_port()
        stack.enter_context(running(model_server(home, port), port, cores[-1], home / "model.log"))
        command = ours(home, door, f"http://127.0.0.1:{port}/v1")
        command.arguments.extend(("--workers", "2"))
        database = f"sqlite:///{home}/tunesmith.db"
        with running(command, door, cores[0], home / "gateway.log"):
            found = uvloop.run(under_load(door, database, rounds))
        import_all(home / FOLDER, database)
        report(database, found)


async def under_load(port: int, database: str, rounds: int) -> list[ledger.Rollout]:
    """Begin rollouts and take them back while clients ask."""
    await load.ask(port, CLIENTS, SEEN)  # the port is open before the workers answer
    moving = asyncio.create_task(asyncio.to_thread(move, database, rounds))
    requests = 0
    while not moving.done():
        requests += len((await load.ask(port, CLIENTS, 1.0)).seconds)
    print(f"{requests} requests were answered")
    return moving.result()


def move(database: str, rounds: int) -> list[ledger.Rollout]:
    """Take back the rollout that is on its way, and begin the next."""
    found = []
    rollout = ledger.latest(database, "support-email")
    for _ in range(rounds):
        time.sleep(SEEN + random.random())
        ledger.move(database, rollout, "roll_back", "me", "", now())
        found.append(rollout)
        time.sleep(2 * SEEN)
        sides = rollout.control, rollout.treatment
        rollout = ledger.start(database, rollout.recipe, *sides, rollout.params, "me", now())
    return found


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def report(database: str, rollouts: list[ledger.Rollout]) -> None:
    seconds, given = [], 0
    for rollout in rollouts:
        entries = ledger.history(database, rollout.id)
        seconds.append(past.treated_after(database, rollout, entries))
        treated = sum(one.requests for one in past.asked(database, rollout) if one.treated)
        if not treated:
            raise SystemExit(f"{rollout.id}: the treatment was given no request")
        given += treated
    figures = {
        "rollouts": len(rollouts),
        "seconds_median": statistics.median(seconds),
        "seconds_most": max(seconds),
        "given": given,
    }
    print(json.dumps({"name": "rollback", "figures": figures}))


if __name__ == "__main__":
    main()
