"""Let a model behind an endpoint answer prompts.

The counterpart of `tunesmith.evaluation.generation.generate` for a model that is served elsewhere:
both are a `Generate`, with the same outputs and batches to keep. Whether the same prompt gives the
same answer again is up to the server: temperature 0 and a seed are sent, and what the server says
it is goes into the notes.
"""

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from tunesmith.errors import InputError
from tunesmith.evaluation.endpoint.batches import Batches, run_now
from tunesmith.evaluation.endpoint.client import Client, Reply
from tunesmith.evaluation.endpoint.params import EndpointParams, Prices
from tunesmith.evaluation.endpoint.retrying import Clock
from tunesmith.evaluation.generation import Generation, Output
from tunesmith.records import FinishReason, Prediction
from tunesmith.training.template import Tool, Turn

MILLION = 1_000_000

Counted = Output | Prediction
"""What knows its tokens."""


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
    schema: str | None = None,
    clock: Clock | None = None,
) -> Generation:
    """Answer each prompt, several at a time; see `Generate` for what is not said here.

    Args:
        params: The endpoint.
        key: Its key, as `key_from` returns it.
        prompts: What is asked.
        max_new_tokens: Longest answer, in tokens.
        batch_size: Answers that are kept together.
        names: What to call each prompt.
        tools: What is offered with each prompt.
        finished: Kept answers, of which none is asked for again.
        on_batch: Keeps a batch.
        on_progress: Hears how far it is.
        schema: Limits what can be written; the endpoint must know structured output.
        clock: Time, for tests.

    Raises:
        Unanswered: the budget of a prompt is spent; `on_batch` got all answers that there are.
        InputError: the endpoint refuses a request, or its answer is no text.
    """
    called = names or [f"prompt {place + 1}" for place in range(len(prompts))]
    offered = tools if tools is not None else [()] * len(prompts)
    batches: Batches[Output] = Batches(len(prompts), batch_size, finished, on_batch, on_progress)
    client = Client(params, key, clock)
    if not batches.missing:
        outputs = [batches.results[place] for place in range(len(prompts))]
        return Generation(outputs, notes={**said(client), **account(outputs, params.prices)})

    form = None if schema is None else _form(schema)

    async def ask(place: int) -> Output:
        messages = [_sent(turn) for turn in prompts[place]]
        reply = await client.ask(
            called[place],
            messages,
            max_tokens=max_new_tokens,
            response_format=form,
            tools=offered[place],
        )
        return _output(called[place], reply, params)

    async def ask_all() -> list[Output]:
        async with client:
            return await batches.run(ask, params.concurrency, client.stop)

    start = time.perf_counter()
    outputs = run_now(ask_all())
    timings = {"answer": time.perf_counter() - start, **latencies(client.seconds)}
    return Generation(outputs, timings, {**said(client), **account(outputs, params.prices)})


def said(client: Client) -> dict[str, Any]:
    """Return what a run saw of an endpoint, for the record: of this run alone if it went on."""
    return {
        "endpoint": client.params.base_url,
        "model": client.params.model,
        "served": dict(sorted(client.served.items())),
        "fingerprints": dict(sorted(client.fingerprints.items())),
        "failed_attempts": dict(sorted(client.failures.items())),
        "tokens": {name: client.tokens[name] for name in ("prompt", "completion")},
    }


def account(outputs: Sequence[Output], prices: Prices | None) -> dict[str, Any]:
    """Return how answers ended, and what they took: of all of them, also of those kept earlier."""
    return {
        "finish_reasons": dict(sorted(Counter(output.finish_reason for output in outputs).items())),
        "empty_answers": sum(not output.text.strip() for output in outputs),
        "tokens": tokens(outputs),
        "cost": cost(outputs, prices),
    }


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile of the seconds that requests took; empty without any."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    high = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
    return {"request_median": statistics.median(ordered), "request_p95": high}


def cost(outputs: Iterable[Counted], prices: Prices | None) -> dict[str, Any] | None:
    """Return what answers cost, None without prices; failed attempts are not counted.

    A server may count more tokens of an answer than it shows, such as a model's thoughts: they
    are in its count, and so in the cost.
    """
    return cost_of(tokens(outputs), prices)


def tokens(outputs: Iterable[Counted]) -> dict[str, int]:
    """Return the tokens of prompts and answers, as the server counted them."""
    counted = [(output.prompt_tokens, output.completion_tokens) for output in outputs]
    return {
        "prompt": sum(prompt for prompt, _ in counted),
        "completion": sum(completion for _, completion in counted),
    }


def cost_of(counted: Mapping[str, int], prices: Prices | None) -> dict[str, Any] | None:
    """Return what tokens cost, None without prices."""
    if prices is None:
        return None
    amount = counted["prompt"] * prices.input + counted["completion"] * prices.output
    return {"amount": amount / MILLION, "currency": prices.currency}


def _form(schema: str) -> dict[str, Any]:
    wanted = {"name": "answer", "strict": True, "schema": json.loads(schema)}
    return {"type": "json_schema", "json_schema": wanted}


def _output(name: str, reply: Reply, params: EndpointParams) -> Output:
    text = _text(reply)
    if text is None or reply.finish_reason not in _ENDS:
        raise InputError(
            f"{name}: {params.base_url} answered with finish_reason {reply.finish_reason!r}"
            f"{'' if text else ' and no text'}; expected a text that ends with one of "
            f"{', '.join(_ENDS)}. Drop the row, or ask another model"
        )
    if reply.prompt_tokens is None or reply.completion_tokens is None:
        raise InputError(
            f"{params.base_url} sends no token counts (`usage`), so neither length nor cost of an "
            "answer would be known. Switch them on at the server"
        )
    return Output(
        text=text,
        finish_reason=_ENDS[reply.finish_reason],
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )


_ENDS: dict[str, FinishReason] = {reason: reason for reason in get_args(FinishReason)}


def _text(reply: Reply) -> str | None:
    """Return an answer as text, with its calls in marks that metrics of calls read; else None.

    What the server withheld is an answer of no text: its finish reason tells it from a blank one.
    """
    if not reply.calls:
        return "" if reply.text is None and reply.finish_reason == "content_filter" else reply.text
    calls = [
        f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}\n"
        "</tool_call>"
        for name, arguments in reply.calls
    ]
    return "\n".join([*([reply.text] if reply.text else []), *calls])


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
