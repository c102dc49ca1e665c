"""What a request costs in our gateway, beside three others, in CPU time.

- `bare`: ASGI and aiohttp that only pass on, with the same parsing (`gateway_peers/bare.py`).
- `httpx`: Starlette and httpx, as it is mostly written first.
- `litellm`: the LiteLLM proxy without a database, in a virtual environment of its own in the
  user's cache folder; where it cannot be installed, a line says that it is left out.

Ours runs as people run it: a file, a ledger with a rollout at 10 %, recording on, one worker.
All have uvicorn, uvloop and httptools, and one process on the first core; the load and the model's
server, which answers at once, share the last one. Rounds alternate. `ratio_bare` is our CPU time
over that of `bare`; `ratio_httpx` and `ratio_litellm` are theirs over ours; each is the median of
the rounds' ratios. CPU time is the process's own, so that other work on the machine hardly counts;
times to the answer are against asking the model's server without a gateway, and do feel it.

    python benchmarks/gateway.py [--quick] [--rounds 9] [--only NAME ...]
"""

import argparse
import contextlib
import json
import os
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import psutil
import uvloop
from gateway_peers import load, upstream
from gateway_peers.starting import GATEWAYS, Server, free_port, model_server, running

CLIENTS, STREAMS = 32, 50
SECONDS = 1.0
"""Of each measurement: short, so that what a ratio compares is close in time."""


class Measured(NamedTuple):
    """One way in one round.

    Attributes:
        cpu_us: CPU time of a request, in microseconds.
        p50_ms: Time of a request when there is no other, in milliseconds.
        event_us: CPU time of an event of a stream.
        first_ms: Time to a stream's first word, among 50.
        rss_mb: Memory of the process that answers (its proportional set size).
        beside_us: CPU time of a request in processes beside it, such as our importer.
        beside_mb: Their memory.
    """

    cpu_us: float
    p50_ms: float
    event_us: float
    first_ms: float
    rss_mb: float
    beside_us: float
    beside_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", choices=GATEWAYS, default=tuple(GATEWAYS))
    options = parser.parse_args()
    rounds = 2 if options.quick else options.rounds
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        model = stack.enter_context(
            running(model_server(home, port), port, cores[-1], home / "model.log")
        )
        servers = {}
        for name in options.only:
            port = free_port()
            command = GATEWAYS[name](home, port, f"http://127.0.0.1:{model.port}/v1")
            if command is not None:
                log = home / f"{name}.log"
                servers[name] = stack.enter_context(running(command, port, cores[0], log))
        found = uvloop.run(compare(model, servers, rounds))
    report(found)


async def compare(
    model: Server, servers: dict[str, Server], rounds: int
) -> dict[str, list[Measured]]:
    """Load all of them in turn, `rounds` times."""
    for server in servers.values():  # what the first requests cost is nobody's business
        await load.ask(server.port, 8, SECONDS / 2)
        await load.ask(server.port, 8, 0.0, streamed=True)
    found: dict[str, list[Measured]] = defaultdict(list)
    for number in range(rounds):
        found["direct"].append(await measure(model))
        for name in [*servers][:: 1 if number % 2 == 0 else -1]:
            one = await measure(servers[name])
            found[name].append(one)
            print(
                f"round {number + 1}: {name:<8} {one.cpu_us:8.1f} us a request "
                f"{one.event_us:8.1f} us an event",
                flush=True,
            )
    return found


async def measure(server: Server) -> Measured:
    process = psutil.Process(server.process.pid)
    alone = await load.ask(server.port, 1, SECONDS / 2)
    before, beside_before = cpu(process), beside(process)
    together = await load.ask(server.port, CLIENTS, SECONDS)
    between, beside_between = cpu(process), beside(process)
    streams = await load.ask(server.port, STREAMS, SECONDS, streamed=True)
    after = cpu(process)
    return Measured(
        cpu_us=(between - before) / len(together.seconds) * 1e6,
        p50_ms=statistics.median(alone.seconds) * 1e3,
        event_us=(after - between) / len(streams.seconds) / upstream.EVENTS * 1e6,
        first_ms=statistics.median(streams.first) * 1e3,
        rss_mb=process.memory_full_info().pss / 1e6,
        beside_us=(beside_between - beside_before) / len(together.seconds) * 1e6,
        beside_mb=sum(one.memory_full_info().pss for one in process.children()) / 1e6,
    )


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds of a process."""
    times = process.cpu_times()
    return times.user + times.system


def beside(process: psutil.Process) -> float:
    """Return the CPU seconds of those that it has started."""
    return sum(cpu(child) for child in process.children(recursive=True))


def report(found: dict[str, list[Measured]]) -> None:
    direct = middle(found.pop("direct"))
    print(
        f"\n{'':8}{'us/request':>12}{'added p50 ms':>14}{'us/event':>10}{'added first ms':>16}"
        f"{'MB':>6}{'beside: us/request':>20}{'MB':>6}"
    )
    for name, rounds in found.items():
        one = middle(rounds)
        print(
            f"{name:8}{one.cpu_us:12.1f}{one.p50_ms - direct.p50_ms:14.2f}{one.event_us:10.1f}"
            f"{one.first_ms - direct.first_ms:16.2f}{one.rss_mb:6.0f}"
            f"{one.beside_us:20.1f}{one.beside_mb:6.0f}"
        )
    figures: dict[str, float] = {}
    if ours := found.get("ours"):
        one = middle(ours)
        figures = {
            "cpu_us": one.cpu_us,
            "sse_us_event": one.event_us,
            "rss_mb": max(each.rss_mb for each in ours),
            "added_p50_ms": one.p50_ms - direct.p50_ms,
            "added_first_ms": one.first_ms - direct.first_ms,
        }
        for name in found.keys() - {"ours"}:
            pairs = zip(ours, found[name], strict=True)
            ratios = [theirs.cpu_us / mine.cpu_us for mine, theirs in pairs]
            ratio = statistics.median(ratios)
            figures[f"ratio_{name}"] = 1 / ratio if name == "bare" else ratio
    print(json.dumps({"name": "gateway", "figures": {k: round(v, 3) for k, v in figures.items()}}))


def middle(rounds: list[Measured]) -> Measured:
    """Return the median of each figure."""
    return Measured(*(statistics.median(each) for each in zip(*rounds, strict=True)))


if __name__ == "__main__":
    main()
