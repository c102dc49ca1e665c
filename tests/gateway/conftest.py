"""A gateway on this machine, between the real client and scripted upstreams."""

import asyncio
import contextlib
import dataclasses
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn

from tests.scripted_upstream import Upstream, serving
from tunesmith.gateway.app import Gateway
from tunesmith.gateway.door import Door, Limits
from tunesmith.gateway.keys import Keys
from tunesmith.gateway.protocol import Protocol
from tunesmith.gateway.routes import Route, Routes, Target
from tunesmith.gateway.segments import Segments
from tunesmith.gateway.upstream import Timeouts

RECIPE = "support-email"
CALM = Timeouts(connect=30, first_token=30, idle=30, total=60)
SHORT = {
    "no_first_token": {"first_token": 2.0},
    "stalled": {"idle": 1.0},
    "too_long": {"total": 2.0},
}


def patience(ending: str) -> Timeouts:
    """The timeouts of a case that ends so: only what has to run out is short.

    A machine that stands still for a moment would make the others run out, too.
    """
    return dataclasses.replace(CALM, **SHORT.get(ending, {}))


@dataclass
class Running:
    """A gateway that runs in a thread of its own."""

    url: str
    folder: Path
    control: Upstream
    treatment: Upstream
    routes: Routes
    door: Door
    _clients: dict[str, openai.OpenAI] = field(default_factory=dict)

    def client(self, api_key: str = "none") -> openai.OpenAI:
        if api_key not in self._clients:
            self._clients[api_key] = openai.OpenAI(
                base_url=f"{self.url}/v1", api_key=api_key, max_retries=0, timeout=60
            )
        return self._clients[api_key]

    def http(self) -> httpx.Client:
        kind = {"content-type": "application/json"}
        return httpx.Client(base_url=self.url, headers=kind, timeout=60)

    def ask(self, user: str | None = "u1", **more: Any) -> Any:
        """Ask through the client; by default a user who gets the treatment."""
        named = {} if user is None else {"user": user}
        return self.client().chat.completions.create(
            model=RECIPE, messages=[{"role": "user", "content": "hi"}], **named, **more
        )

    def records(self) -> list[dict[str, Any]]:
        lines = [
            line
            for path in sorted(self.folder.glob("*.jsonl"))
            for line in path.read_text().splitlines()
        ]
        return [json.loads(line) for line in lines]

    def record(self) -> dict[str, Any]:
        (only,) = self.records()
        return only

    def give(self, weight: int = 10_000, shadow: bool = False) -> None:
        """Give the treatment a weight, or a place in shadow."""
        self.routes.put({RECIPE: route(self, weight, shadow)})

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def route(running: Running, weight: int, shadow: bool = False) -> Route:
    return Route(
        control=Target(running.control.url, "model-3"),
        treatment=Target(running.treatment.url, "model-4", key="upstream-secret"),
        weight=weight,
        salt="rollout 7",
        rollout="7",
        stage=2,
        shadow=shadow,
    )


@contextlib.contextmanager
def gateway(folder: Path, **more: Any) -> Iterator[Running]:
    """Run a gateway for the length of the block; `more` changes its door."""
    with serving() as control, serving() as treatment:
        routes = Routes(lease=more.pop("lease", 60.0))
        drops = more.pop("drops", [])
        segments = Segments(
            folder, more.pop("durability", "process"), more.pop("limit", 1 << 30),
            lambda: drops.append(1),
        )  # fmt: skip
        door = Door(routes, segments, more.pop("keys", Keys()), b"secret",
                    **{"timeouts": CALM, "limits": Limits(), **more})  # fmt: skip
        server = uvicorn.Server(
            uvicorn.Config(
                Gateway(door), http=Protocol, ws="none", port=0, log_level="warning", lifespan="on"
            )
        )
        thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
        thread.start()
        while not server.started:
            thread.join(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        running = Running(f"http://127.0.0.1:{port}", folder, control, treatment, routes, door)
        running.give()
        try:
            yield running
        finally:
            running.close()
            server.should_exit = True
            thread.join()


@pytest.fixture
def running(tmp_path):
    """A gateway whose treatment has everybody."""
    with gateway(tmp_path / "interactions") as made:
        yield made
