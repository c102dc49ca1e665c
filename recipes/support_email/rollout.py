"""What a rollout does with a better model and with a worse one, on simulated users.

    python recipes/support_email/rollout.py        (`make demo` runs it after the retrain)

Serves the base and the champion of the recipe, puts the gateway before them, and lets simulated
users ask for e-mails about tickets that no training has seen. Each says afterwards whether its
e-mail was of use: in the right format, and with nothing in it that the ticket does not say. Twice
a rollout is begun, and both times the tick alone decides what becomes of it:

1. from the plain base to the champion
2. from the champion back to the plain base

Who is control and who treatment is all that differs.
"""

import argparse
import asyncio
import contextlib
import datetime
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import openai
import yaml

from tunesmith import champions, retrains
from tunesmith import recipe as recipes
from tunesmith import settings as settings_module
from tunesmith.commands import rollout as commands
from tunesmith.errors import TunesmithError
from tunesmith.evaluation.metrics import spec
from tunesmith.example_data.dice import Dice
from tunesmith.example_data.support_email import SYSTEM_PROMPT
from tunesmith.example_data.tickets import Tickets
from tunesmith.recipe import Recipe
from tunesmith.records import ChatExample, Message
from tunesmith.rollout import ledger
from tunesmith.rollout.assignment import BUCKETS
from tunesmith.rollout.ledger import Rollout, Version
from tunesmith.servers import prefect_environment
from tunesmith.settings import Settings
from tunesmith.stages.evaluate import settings_of

RECIPE = Path(__file__).parents[1] / "support_email.yaml"
BATCH = 128
"""Users who ask before the tick looks again."""
FEW = 4
"""As many, where the treatment has everybody and there is nothing left to compare."""
TOGETHER = 64
"""Users who wait for an answer at one time."""
SEEN_WITHIN = 1.0
"""Seconds until the gateway knows of a rollout; whoever comes before is not in it."""
MOST = 480
"""Requests after which a rollout that has not ended is left as it is."""
PATIENCE = 180.0
"""Seconds until a server must answer."""


class Users:
    """Simulated users of one recipe; each asks once.

    Args:
        gateway: Its address.
        recipe: What they ask for.
        seed: Of the tickets that they ask about.
    """

    def __init__(self, gateway: str, recipe: Recipe, seed: int) -> None:
        self._gateway, self._recipe = gateway, recipe
        self._tickets = Tickets("heldout", Dice(seed), count(10_000))
        self._settings = settings_of(recipe.evaluate, ())
        self._seed, self._number = seed, count()

    async def ask(self, requests: int) -> None:
        """Let so many of them ask, and say whether the answer was of use."""
        room = asyncio.Semaphore(TOGETHER)
        async with (
            openai.AsyncOpenAI(base_url=f"{self._gateway}/v1", api_key="-") as client,
            httpx.AsyncClient(base_url=self._gateway, timeout=PATIENCE) as http,
        ):
            await asyncio.gather(*(self._one(client, http, room) for _ in range(requests)))

    async def _one(
        self, client: openai.AsyncOpenAI, http: httpx.AsyncClient, room: asyncio.Semaphore
    ) -> None:
        row = self._tickets.next()
        prompt = (Message("system", SYSTEM_PROMPT), Message("user", row.user))
        user = f"user-{self._seed}-{next(self._number)}"
        async with room:
            raw = await client.chat.completions.with_raw_response.create(
                model=self._recipe.name,
                messages=[{"role": turn.role, "content": turn.content} for turn in prompt],
                max_tokens=self._recipe.predict.max_new_tokens,
                temperature=0,
                user=user,
            )
        answer = raw.parse().choices[0].message.content or ""
        said = {
            "interaction": raw.headers["x-tunesmith-interaction"],
            "task_completed": self._of_use((*prompt, Message("assistant", row.assistant)), answer),
        }
        (await http.post("/v1/feedback", json=said)).raise_for_status()

    def _of_use(self, messages: tuple[Message, ...], answer: str) -> bool:
        example = ChatExample(
            row_id="", group_id="", source="users:1", origin="human", messages=messages
        )
        measured = (spec(name)(example, answer, self._settings) for name in ("format", "grounding"))
        return all(found.value == 1.0 for found in measured)


def show(
    settings: Settings,
    recipe: Recipe,
    control: Version,
    treatment: Version,
    users: Users,
    tick: Callable[[str], Any],
) -> Rollout:
    """Roll out a treatment until the tick has ended it, and return how it ended."""
    now = datetime.datetime.now(datetime.UTC)
    if recipe.rollout is None:
        raise SystemExit(f"{recipe.path}: expected `rollout`, which says how it is rolled out")
    by, last = retrains.person(), ledger.latest(settings.database, recipe.name)
    if last is not None and not last.open and last.champion.version != control.version:
        why = "it is the control of what is shown next"
        ledger.settle(settings.database, recipe.name, last.champion, control, by, why, now)
    found = ledger.start(
        settings.database, recipe.name, control, treatment, recipe.rollout, by, now
    )
    print(f"\nrollout {found.id}: {control.model} to {treatment.model}", flush=True)
    time.sleep(SEEN_WITHIN)
    asked, told = 0, 1
    while found.open and found.position.status == "running" and asked < MOST:
        requests = BATCH if found.weight < BUCKETS else FEW
        asyncio.run(users.ask(requests))
        asked += requests
        time.sleep(recipe.rollout.longest_window * 3600)  # until the last feedback is due
        tick(recipe.name)
        found = ledger.one(settings.database, found.id)
        moves = ledger.history(settings.database, found.id)
        for move in moves[told:]:
            print(f"  after {asked:3d} requests  {move.kind.replace('_', ' ')}: {move.why}")
        told = len(moves)
    ended = {"done": "promoted", "rolled_back": "rolled back"}
    status = ended.get(found.position.status, found.position.status)
    print(f"  {treatment.model} is {status} after {asked} requests", flush=True)
    return found


@contextlib.contextmanager
def running(settings: Settings, recipe: Recipe) -> Iterator[str]:
    """Serve the recipe's models behind a gateway; yields the gateway's address."""
    program = str(Path(sys.executable).with_name("tunesmith"))
    models, door = _free_port(), _free_port()
    file = settings.home / "demo" / "gateway.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    upstream = f"http://127.0.0.1:{models}/v1"
    routed = {recipe.name: {"upstream": upstream, "serves": recipe.base.model}}
    file.write_text(yaml.safe_dump({"models": routed}), "utf-8")
    with contextlib.ExitStack() as ending:
        started = []
        for command, port in (
            ((program, "serve", recipe.name, "--port", str(models)), models),
            ((program, "gateway", str(file), "--port", str(door)), door),
        ):
            log = ending.enter_context((file.parent / f"{command[1]}.log").open("ab"))
            server = subprocess.Popen(command, stdout=log, stderr=log)
            ending.callback(server.wait)
            ending.callback(server.send_signal, signal.SIGINT)  # nobody is left to wait for
            started.append((f"http://127.0.0.1:{port}/readyz", server, Path(log.name)))
        for each in started:
            _wait(*each)
        yield f"http://127.0.0.1:{door}"


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as reply:
            if reply.status == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"{url} did not answer; see {log}")


def main() -> None:
    """Show both rollouts, or say that they were shown."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    settings = settings_module.load()
    os.environ.update(prefect_environment(settings))  # before Prefect is imported
    from flows.rollout import rollout as tick

    recipe = recipes.load(RECIPE)
    tracker = retrains.open_tracker(settings)
    serving = tracker.serving(recipe.name)
    if serving is None:
        raise SystemExit(f"{recipe.name} has no champion yet: run `make demo`")
    base = Version(version=ledger.PLAIN, model=recipe.base.model)
    champion = champions.known(tracker, recipe.name, serving)
    found = ledger.all_of(settings.database, recipe.name)
    ended = [
        (one.control, one.treatment)
        for one in found
        if not one.open and one.params != ledger.AT_ONCE
    ]
    asked = [pair for pair in ((base, champion), (champion, base)) if pair not in ended]
    if not asked:
        print(f"{champion.model} was rolled out before: tunesmith rollout history {recipe.name}")
        return
    with running(settings, recipe) as gateway:
        for seed, (control, treatment) in enumerate(asked, 1):
            found = show(settings, recipe, control, treatment, Users(gateway, recipe, seed), tick)
            print(commands.report(found.id, settings, None))
            if found.open:
                raise SystemExit(
                    f"it is not decided yet: tunesmith rollout status {recipe.name}; to end it and "
                    f"go on with `make demo`: tunesmith rollout rollback {recipe.name} --why TEXT"
                )


if __name__ == "__main__":
    try:
        main()
    except TunesmithError as error:
        sys.exit(str(error))
