"""Let a model answer examples.

Reads `Examples` (or a sample of them), a `Base`, optionally an `Adapter` on it and `Examples` to
take few-shot examples from; writes `Predictions` in the order of the sample. Decoding is greedy,
or drawn with a seed a row where a temperature is set. Finished batches survive a kill; batches are
planned from the prompts alone, so a resumed run forms the same ones, and it takes up nothing that
another runtime, device or precision left. Not repeatable: these can turn a near tie.

`AT_ENDPOINT` does the same with a model behind an OpenAI-compatible endpoint. There the base URL,
the model's name and its decoding stand in the key; how it is reached does not.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field

from tunesmith.artifacts import Adapter, Base, Examples, Predictions
from tunesmith.canonical import digest
from tunesmith.evaluation.endpoint import EndpointParams
from tunesmith.evaluation.prompting import Fits, Prompting, ask_all, final_answer, fitting
from tunesmith.packaging.pinning import check_base
from tunesmith.records import ChatExample, Example, Prediction
from tunesmith.sampling import sample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.evaluation.generation import Draws, Generate
    from tunesmith.training.template import Tool, Turn

KEPT_TOGETHER = 16
"""Answers of an endpoint in a batch that survives a kill; no answer depends on it."""


class PredictParams(Params):
    """How answers are generated."""

    max_new_tokens: int = Field(256, ge=1, description="Longest answer in tokens.")
    batch_size: int = Field(32, ge=1, description="Prompts that are answered together.")
    sample: int | None = Field(
        None, ge=1, description="Examples to answer, chosen by hash; all by default."
    )
    prompting: Prompting = Field(
        Prompting(), description="How prompts are put; filled in from `prompt_baseline`."
    )
    temperature: float = Field(
        0.0,
        ge=0,
        le=2,
        description="0 takes the most likely token each time (greedy); above it answers are drawn.",
    )
    top_p: float = Field(
        1.0, gt=0, le=1, description="Share of probability that is drawn from, the likeliest first."
    )
    seed: int = Field(
        0, description="Key of the hash that chooses examples and shots, and of what is drawn."
    )
    precision: Literal["fp32", "bf16"] | None = Field(
        None, description="Number format; the fastest of the machine by default."
    )
    runtime: Literal["transformers", "vllm"] | None = Field(
        None, description="What answers; by default vLLM on a GPU where it is installed."
    )


class AskParams(Params):
    """How an endpoint is asked for answers."""

    endpoint: EndpointParams = Field(description="Where the model is, and how it decodes.")
    max_new_tokens: int = Field(256, ge=1, description="Longest answer in tokens.")
    sample: int | None = Field(
        None, ge=1, description="Examples to answer, chosen by hash; all by default."
    )
    prompting: Prompting = Field(Prompting(), description="How prompts are put.")
    seed: int = Field(0, description="Key of the hash that chooses examples and shots.")


class _Asked(NamedTuple):
    """Which examples are asked, and how."""

    way: Prompting
    longest: int
    examples: list[Example]
    prompts: "list[list[Turn]]"
    tools: "list[Sequence[Tool]]"


def _write(
    params: PredictParams,
    draft: Draft,
    source: Examples,
    base: Base,
    adapter: Adapter | None,
    shots_from: Examples | None,
) -> Predictions:
    from tunesmith.evaluation.generation import choose_runtime, generate
    from tunesmith.training.device import pick

    check_base(adapter, base)
    model_dir = draft.path(base)
    asked = _asked(params, draft, source, shots_from, lambda longest: fitting(model_dir, longest))
    device = pick(params.precision)
    runtime = choose_runtime(device, params.runtime)
    answering = partial(
        generate,
        model_dir,
        draft.path(adapter) if adapter else None,
        batch_size=params.batch_size,
        draws=_draws(params, asked.examples),
        device=device,
        runtime=runtime,
    )
    made = _answered(draft, asked, answering, f"{runtime}-{device.kind}-{device.precision}")
    return made.model_copy(update={"answered_by": f"{runtime} {device.precision}"})


def _ask(
    params: AskParams, draft: Draft, source: Examples, shots_from: Examples | None
) -> Predictions:
    from tunesmith.evaluation.endpoint import generate, key_from

    key = key_from(draft.secrets, params.endpoint)
    # Nobody here knows the context of the model: a prompt that is too long is refused over there.
    asked = _asked(params, draft, source, shots_from, lambda longest: lambda example, prompt: True)
    answering = partial(generate, params.endpoint, key, batch_size=KEPT_TOGETHER)
    return _answered(draft, asked, answering, "endpoint")


def _asked(
    params: PredictParams | AskParams,
    draft: Draft,
    source: Examples,
    shots_from: Examples | None,
    fits: Callable[[int], Fits],
) -> _Asked:
    """Choose examples and shots, and put the prompts; `fits` is given the longest answer."""
    from tunesmith.training.rows import turns

    salt = f"predict {params.seed}"
    examples = sample(draft.peek(source), params.sample, salt)
    way = params.prompting
    longest = params.max_new_tokens + way.reasoning_tokens
    shots = sample(draft.peek(shots_from), way.shots, salt) if shots_from else []
    asked = ask_all(examples, way, shots, lambda: fits(longest))
    if shots:
        draft.notes["shots"] = dict(Counter(str(item.shots) for item in asked))
    return _Asked(
        way,
        longest,
        examples,
        [turns(item.messages) for item in asked],
        [row.tools if isinstance(row, ChatExample) else () for row in examples],
    )


def _draws(params: PredictParams, examples: Sequence[Example]) -> "Draws | None":
    """Give each row a seed that hangs on itself alone, the same for every model that is asked."""
    from tunesmith.evaluation.generation import Draws

    if not params.temperature:
        return None
    seeds = [int(digest(["draw", params.seed, row.row_id])[:15], 16) for row in examples]
    return Draws(params.temperature, params.top_p, seeds)


def _answered(draft: Draft, asked: _Asked, generate: "Generate", kept: str) -> Predictions:
    """Have the prompts answered, going on from the batches kept under this name, and seal."""
    from tunesmith.evaluation.generation import Output

    finished, keep = draft.batches(kept, Output)
    result = generate(
        asked.prompts,
        max_new_tokens=asked.longest,
        names=[row.source for row in asked.examples],
        tools=asked.tools,
        finished=finished,
        on_batch=keep,
        on_progress=lambda count: draft.progress(count, len(asked.prompts), "answers"),
        schema=asked.way.json_schema,
    )
    draft.timings.update(result.timings)
    draft.notes.update(result.notes)
    thinks = asked.way.style == "steps"
    return draft.seal_rows(
        Predictions,
        (
            Prediction(
                row_id=row.row_id,
                group_id=row.group_id,
                prompt_digest=digest({"messages": prompt, "tools": offered} if offered else prompt),
                output=final_answer(output.text) if thinks else output.text,
                finish_reason=output.finish_reason,
                prompt_tokens=output.prompt_tokens,
                completion_tokens=output.completion_tokens,
            )
            for row, prompt, offered, output in zip(
                asked.examples, asked.prompts, asked.tools, result.outputs, strict=True
            )
        ),
    )


STAGE = Stage("predict", version=2, produces=Predictions, body=_write, repeatable=False)
AT_ENDPOINT = Stage("predict", version=2, produces=Predictions, body=_ask, repeatable=False)
