"""Shadow: the treatment is asked what control was just asked, and nobody sees its answer.

It is asked once the user's answer has ended, so nothing of it can delay or reach a user. It writes
one interaction, however it ends, which names the live one that it repeats.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from tunesmith.gateway.asgi import Headers
from tunesmith.gateway.capture import is_drawn
from tunesmith.gateway.exchange import Exchange
from tunesmith.gateway.interactions import Interaction, new_id
from tunesmith.gateway.rates import Rates
from tunesmith.gateway.reading import Body
from tunesmith.gateway.routes import Route
from tunesmith.gateway.upstream import Upstreams
from tunesmith.rollout.endings import CLIENTS

WAITING = 100
"""Requests that may wait for their turn; more are dropped and counted."""
WAITING_BYTES = 64 << 20
"""Bytes of them."""


@dataclass(frozen=True)
class Budget:
    """What shadow may cost.

    Attributes:
        share: Of the live requests.
        per_minute: Requests, over all workers.
        at_once: Requests of one worker that are under way.
    """

    share: float = 1.0
    per_minute: int = 60
    at_once: int = 4


@dataclass(frozen=True)
class LiveRequest:
    """A live request that has been answered: what it takes to ask it again.

    Attributes:
        record: What became of it.
        captured: Whether it was captured; then its repetition is, too.
        path: Of the upstream.
        headers: To hand on.
        body: Its fields.
        raw: All of it.
        include_usage: Whether a stream is asked for its token counts.
    """

    record: Interaction
    captured: bool
    path: str
    headers: Headers
    body: Body
    raw: bytes
    include_usage: bool


class Shadow:
    """The repetitions of one worker.

    Args:
        budget: What they may cost.
        key: Of the hash that draws which are repeated.
        rates: Holds the rate at place 0, shared by all workers.
        upstreams: The connections.
        keep: Makes a record durable, with the request where it is captured.
        on_drop: Is told the recipe of each that finds too many waiting.
    """

    def __init__(
        self,
        budget: Budget,
        key: bytes,
        rates: Rates,
        upstreams: Upstreams,
        keep: Callable[[Interaction, bytes | None], Awaitable[None]],
        on_drop: Callable[[str], None],
    ) -> None:
        self._budget, self._key, self._rates = budget, key, rates
        self._upstreams, self._keep, self._on_drop = upstreams, keep, on_drop
        self._turns = asyncio.Semaphore(budget.at_once)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting, self._bytes = 0, 0

    def offer(self, asked: LiveRequest, route: Route) -> None:
        """Repeat a live request if the sample and the budget have it; returns at once."""
        live, budget = asked.record, self._budget
        # Without a unit it is no part of the analysis; a client's own error says nothing.
        if route.treatment is None or not live.unit or live.ending in CLIENTS:
            return
        if not is_drawn(self._key, "shadow", live.id, budget.share):
            return
        if self._rates.wait(0, budget.per_minute) > 0:
            return
        if self._waiting >= WAITING or self._bytes + len(asked.raw) > WAITING_BYTES:
            self._on_drop(live.recipe)
            return
        self._waiting, self._bytes = self._waiting + 1, self._bytes + len(asked.raw)
        task = asyncio.create_task(self._repeat(asked, Route(route.treatment)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, seconds: float) -> None:
        """Let what is under way end, for so long at most; what has not begun does not begin."""
        self._budget = Budget(share=0.0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, asked: LiveRequest, route: Route) -> None:
        captured = asked.raw if asked.captured else None
        try:
            async with self._turns:
                self._waiting -= 1
                exchange = Exchange(
                    _repetition(asked.record),
                    route,
                    self._upstreams,
                    lambda record: self._keep(record, captured),
                    _to_nobody,
                    asked.include_usage,
                    asked.captured,
                )
                await exchange.run(asked.path, asked.headers, asked.body)
        finally:
            self._bytes -= len(asked.raw)


def _repetition(live: Interaction) -> Interaction:
    identity, now = new_id()
    return Interaction(
        id=identity,
        at=now,
        recipe=live.recipe,
        rollout=live.rollout,
        stage=live.stage,
        assigned="treatment",
        served="treatment",
        unit=live.unit,
        key=live.key,
        streamed=live.streamed,
        shadow_of=live.id,
    )


async def _to_nobody(message: MutableMapping[str, Any]) -> None:
    """Take what would go to a client."""
