"""A server on this machine, between the real client and the tiny model."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import openai
import pytest
import uvicorn

from tests.tiny_model import tiny_examples
from tests.waiting import wait_for
from tunesmith.evaluation.generation import answer, load
from tunesmith.serving.app import Desk
from tunesmith.serving.engine import Engine
from tunesmith.serving.models import Models
from tunesmith.training.device import pick
from tunesmith.training.rows import turns
from tunesmith.training.template import prompt_ids

BASE = "tiny"
TUNED = "orders-v2-2026-11"


@dataclass
class Running:
    """A server that runs in a thread of its own."""

    url: str
    desk: Desk

    def client(self, **more) -> openai.OpenAI:
        given = {"api_key": "none", "max_retries": 0, "timeout": 60} | more
        return openai.OpenAI(base_url=f"{self.url}/v1", **given)

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)


@contextlib.contextmanager
def serving(desk: Desk) -> Iterator[Running]:
    """Serve for the length of the block."""
    server = uvicorn.Server(
        uvicorn.Config(desk.application(), port=0, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    wait_for(lambda: server.started or not thread.is_alive())
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(f"http://127.0.0.1:{port}", desk)
    finally:
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def engine(**more) -> Iterator[Engine]:
    made = Engine(**more)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def loaded(tiny_base):
    return load(tiny_base, None, pick("fp32"))


@pytest.fixture(scope="session")
def models(loaded, tiny_adapter):
    """The tiny base, and an adapter that writes notes instead of letters."""
    made = Models(loaded, BASE)
    made.load(TUNED, tiny_adapter)
    return made


@pytest.fixture(scope="session")
def prompts():
    """Chats of clearly different lengths, of which many begin alike."""
    rows = tiny_examples(12, seed=5)
    return [
        [
            *turns(row.prompt[:-1]),
            {"role": "user", "content": row.prompt[-1].content + " Thanks!" * (at % 4)},
        ]
        for at, row in enumerate(rows)
    ]


@pytest.fixture(scope="session")
def expected(tiny_base, tiny_adapter, prompts):
    """What `evaluate` has the models answer, by name."""
    found = {}
    for name, adapter in ((BASE, None), (TUNED, tiny_adapter)):
        model = load(tiny_base, adapter, pick("fp32"))
        ids = [prompt_ids(model.tokenizer, prompt) for prompt in prompts]
        found[name] = answer(model, ids, max_new_tokens=40, batch_size=4).outputs
    return found


@pytest.fixture(scope="session")
def running(models):
    with engine() as made, serving(Desk(models, made)) as server:
        yield server


@pytest.fixture(scope="session")
def client(running):
    with running.client() as made:
        yield made
