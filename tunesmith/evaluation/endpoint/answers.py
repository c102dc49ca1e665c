"""Let a model behind an endpoint answer prompts.

The counterpart of `tunesmith.evaluation.generation.generate` for a model that is served elsewhere:
same outputs, same batches to keep. Whether the same prompt gives the same answer again is up to
the server: temperature 0 and a seed are sent, and what the server says it is goes into the notes.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tunesmith.errors import InputError
from tunesmith.evaluation.endpoint.batches import Batches, run_now
from tunesmith.evaluation.endpoint.client import Client, Reply
from tunesmith.evaluation.endpoint.params import EndpointParams, Prices
from tunesmith.evaluation.endpoint.retrying import Clock
from tunesmith.evaluation.generation import Generation, Output
from tunesmith.training.template import Tool, Turn

MILLION = 1_000_000


def generate(
    params: EndpointParams,
    key: str | None,
    prompts: Sequence[Sequence[Turn]],
    *,
    max_new_tokens: int,
    batch_size: int,
    names: Sequence[str] | None = None,
    tools: Sequence[Sequence[Tool]] | None = None,
    finished: Mapping[int, Output] | None = None,
    on_batch: Callable[[int, dict[int, Output]], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
    clock: Clock | None = None,
) -> Generation:
    """Answer each prompt, several at a time.

    Args:
        params: The endpoint.
        key: Its key, as `key_from` returns it.
        prompts: Messages that end where the assistant's answer begins.
        max_new_tokens: Longest answer, in tokens.
        batch_size: Answers that are kept together.
        names: What to call each prompt in messages, such as its file and line.
        tools: What the model is offered with each prompt; nothing by default.
        finished: Answers that an interrupted run left, by place of the prompt.
        on_batch: Gets the number of a batch and its answers, by place of the prompt, to keep.
        on_progress: Gets the number of prompts answered so far, kept ones included.
        clock: Time, for tests.

    Raises:
        Unanswered: the budget of a prompt is spent; `on_batch` got all answers that there are.
        InputError: the endpoint refuses a request, or its answer is no text.
    """
    called = names or [f"prompt {place + 1}" for place in range(len(prompts))]
    offered = tools if tools is not None else [()] * len(prompts)
    batches: Batches[Output] = Batches(len(prompts), batch_size, finished, on_batch, on_progress)
    if not batches.missing:
        return Generation([batches.results[place] for place in range(len(prompts))])
    client = Client(params, key, clock)

    async def ask(place: int) -> Output:
        messages = [_sent(turn) for turn in prompts[place]]
        reply = await client.ask(
            called[place], messages, max_tokens=max_new_tokens, tools=offered[place]
        )
        return _output(called[place], reply, params)

    async def ask_all() -> list[Output]:
        async with client:
            return await batches.run(ask, params.concurrency, client.stop)

    start = time.perf_counter()
    outputs = run_now(ask_all())
    timings = {"answer": time.perf_counter() - start, **latencies(client.seconds)}
    empty = sum(not output.text.strip() for output in outputs)
    notes = {**said(client), "empty_answers": empty, "cost": cost(outputs, params.prices)}
    return Generation(outputs, timings, notes)


def said(client: Client) -> dict[str, Any]:
    """Return what a run saw of an endpoint, for the record: of this run alone if it went on."""
    return {
        "endpoint": client.params.base_url,
        "model": client.params.model,
        "served": dict(sorted(client.served.items())),
        "fingerprints": dict(sorted(client.fingerprints.items())),
        "failed_attempts": dict(sorted(client.failures.items())),
    }


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile of the seconds that requests took; empty without any."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    high = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
    return {"request_median": statistics.median(ordered), "request_p95": high}


def cost(outputs: Iterable[Output], prices: Prices | None) -> dict[str, Any] | None:
    """Return what answers cost, None without prices; failed attempts are not counted.

    A server may count more tokens of an answer than it shows, such as a model's thoughts: they
    are in its count, and so in the cost.
    """
    if prices is None:
        return None
    amount = sum(
        output.prompt_tokens * prices.input + output.completion_tokens * prices.output
        for output in outputs
    )
    return {"amount": amount / MILLION, "currency": prices.currency}


def _output(name: str, reply: Reply, params: EndpointParams) -> Output:
    if reply.text is None or reply.finish_reason not in ("stop", "length"):
        raise InputError(
            f"{name}: {params.base_url} answered with finish_reason {reply.finish_reason!r}"
            f"{'' if reply.text else ' and no text'}; expected a text that ends with 'stop' or "
            "'length'. Drop the row, or ask another model"
        )
    if reply.prompt_tokens is None or reply.completion_tokens is None:
        raise InputError(
            f"{params.base_url} sends no token counts (`usage`), so neither length nor cost of an "
            "answer would be known. Switch them on at the server"
        )
    return Output(
        text=reply.text,
        finish_reason="length" if reply.finish_reason == "length" else "stop",
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )


def _sent(turn: Turn) -> Turn:
    """Return a message as the API takes it: the arguments of calls as JSON text."""
    calls = turn.get("tool_calls")
    if not calls:
        return turn
    return {**turn, "tool_calls": [_sent_call(call) for call in calls]}


def _sent_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = function["arguments"]
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments}}
