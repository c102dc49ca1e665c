"""Measure how long the packaged model takes to answer one request that is asked alone.

Reads a `Package`, the `Base` and `Adapter` it was made of, and `Examples`, of which one of a group
is asked; writes `Latencies`: the seconds of each request, and the machine. Each time is from the
messages to the text of the whole answer, one request after the other, in an order by hash. The
first requests are asked twice, and only the second time counts.

What was measured holds for the machine that it was measured on, under the load that this had. So
this is the one artifact with a clock in it: the gate decides on these seconds, and what it decides
on must be in its key. Not repeatable.
"""

import os
import socket
import time
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tunesmith.artifacts import Adapter, Base, Examples, Latencies, Package
from tunesmith.errors import InputError
from tunesmith.packaging.pinning import check_base
from tunesmith.records import Example
from tunesmith.sampling import sample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.packaging.serving import Served

DOCUMENT = "latencies.json"
WARM_UP = 3
"""Requests that are asked beforehand: the first ones of a process take longer."""


class ClockParams(Params):
    """How many requests are timed; filled in from `gate.latency` and `predict`."""

    prompts: int = Field(ge=1, description="Prompts that are asked, one of a group.")
    max_new_tokens: int = Field(ge=1, description="Longest answer in tokens.")


def _write(
    params: ClockParams,
    draft: Draft,
    package: Package,
    base: Base,
    adapter: Adapter,
    examples: Examples,
) -> Latencies:
    from tunesmith.packaging.serving import asked, serve

    check_base(adapter, base)
    rows = one_of_a_group(sample(draft.peek(examples), None, "clock"), params.prompts)
    if not rows:
        raise InputError("clock: there is no prompt to ask; expected rows in the test set")
    prompts = [asked(row) for row in rows]
    served = serve(draft.path(package), draft.path(base), draft.path(adapter))
    for prompt in prompts[:WARM_UP]:
        served.answer(prompt, params.max_new_tokens)
    requests: list[dict[str, Any]] = []
    for row, prompt in zip(rows, prompts, strict=True):
        start = time.perf_counter()
        answer = served.answer(prompt, params.max_new_tokens)
        seconds = time.perf_counter() - start
        requests.append(
            {
                "row_id": row.row_id,
                "seconds": round(seconds, 6),
                "prompt_tokens": answer.prompt_tokens,
                "answer_tokens": answer.answer_tokens,
            }
        )
        draft.progress(len(requests), len(prompts), "requests")
    machine = _machine(served)
    draft.notes.update(machine)
    draft.timings["requests"] = round(sum(item["seconds"] for item in requests), 3)
    return draft.seal_json(
        Latencies,
        DOCUMENT,
        {"machine": machine, "requests": requests},
        requests=len(requests),
    )


def one_of_a_group(rows: list[Example], count: int) -> list[Example]:
    """Return the first row of each group, so that no request says anything of another's time."""
    first = {row.group_id: row for row in reversed(rows)}
    return [row for row in rows if first[row.group_id] is row][:count]


def _machine(served: "Served") -> dict[str, Any]:
    """Say what the seconds hang on; the load counts this process too."""
    import transformers

    device = served.device
    return {
        "host": socket.gethostname(),
        "device": device.name,
        "threads": device.threads,
        "precision": device.precision,
        "form": served.form,
        "runtime": f"transformers {transformers.__version__}",
        "load": round(os.getloadavg()[0], 1),
    }


STAGE = Stage("clock", version=2, produces=Latencies, body=_write, repeatable=False)
