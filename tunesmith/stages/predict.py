"""Let a model answer examples.

Reads `Examples` (or a sample of them), a `Base`, optionally an `Adapter` on it and `Examples` to
take few-shot examples from; writes `Predictions` in the order of the sample. Decoding is greedy.
Finished batches survive a kill; batches are planned from the prompts alone, so a resumed run
forms the same ones. Not repeatable: the batch size and the device can turn a near tie.

`AT_ENDPOINT` does the same with a model behind an OpenAI-compatible endpoint. There the base URL,
the model's name and its decoding stand in the key; how it is reached does not.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tunesmith.artifacts import Adapter, Base, Examples, Predictions
from tunesmith.canonical import digest
from tunesmith.evaluation.endpoint import EndpointParams
from tunesmith.evaluation.prompting import Prompting, ask_all, final_answer, fitting
from tunesmith.records import ChatExample, Example, Prediction
from tunesmith.sampling import sample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.evaluation.generation import Generation

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
    seed: int = Field(0, description="Key of the hash that chooses examples and shots.")


class AskParams(Params):
    """How an endpoint is asked for answers."""

    endpoint: EndpointParams = Field(description="Where the model is, and how it decodes.")
    max_new_tokens: int = Field(256, ge=1, description="Longest answer in tokens.")
    sample: int | None = Field(
        None, ge=1, description="Examples to answer, chosen by hash; all by default."
    )
    prompting: Prompting = Field(Prompting(), description="How prompts are put.")
    seed: int = Field(0, description="Key of the hash that chooses examples and shots.")


def _write(
    params: PredictParams,
    draft: Draft,
    source: Examples,
    base: Base,
    adapter: Adapter | None,
    shots_from: Examples | None,
) -> Predictions:
    from tunesmith.evaluation.generation import Output, generate
    from tunesmith.training.rows import turns

    salt = f"predict {params.seed}"
    examples = sample(draft.peek(source), params.sample, salt)
    way = params.prompting
    longest = params.max_new_tokens + way.reasoning_tokens
    shots = sample(draft.peek(shots_from), way.shots, salt) if shots_from else []
    asked = ask_all(examples, way, shots, lambda: fitting(draft.path(base), longest))
    if shots:
        draft.notes["shots"] = dict(Counter(str(item.shots) for item in asked))
    prompts = [turns(item.messages) for item in asked]
    tools = [row.tools if isinstance(row, ChatExample) else () for row in examples]
    finished, keep = draft.batches("batches", Output)
    result = generate(
        draft.path(base),
        draft.path(adapter) if adapter else None,
        prompts,
        max_new_tokens=longest,
        batch_size=params.batch_size,
        names=[row.source for row in examples],
        tools=tools,
        finished=finished,
        on_batch=keep,
        on_progress=lambda count: draft.progress(count, len(prompts), "answers"),
        schema=way.json_schema,
    )
    return _seal(draft, way, examples, prompts, tools, result)


def _ask(
    params: AskParams, draft: Draft, source: Examples, shots_from: Examples | None
) -> Predictions:
    from tunesmith.evaluation.endpoint import generate, key_from
    from tunesmith.evaluation.generation import Output
    from tunesmith.training.rows import turns

    key = key_from(draft.secrets, params.endpoint)
    salt = f"predict {params.seed}"
    examples = sample(draft.peek(source), params.sample, salt)
    way = params.prompting
    shots = sample(draft.peek(shots_from), way.shots, salt) if shots_from else []
    # Nobody here knows the context of the model: a prompt that is too long is refused over there.
    asked = ask_all(examples, way, shots, lambda: lambda example, messages: True)
    prompts = [turns(item.messages) for item in asked]
    tools = [row.tools if isinstance(row, ChatExample) else () for row in examples]
    finished, keep = draft.batches("batches", Output)
    result = generate(
        params.endpoint,
        key,
        prompts,
        max_new_tokens=params.max_new_tokens + way.reasoning_tokens,
        batch_size=KEPT_TOGETHER,
        names=[row.source for row in examples],
        tools=tools,
        finished=finished,
        on_batch=keep,
        on_progress=lambda count: draft.progress(count, len(prompts), "answers"),
        schema=way.json_schema,
    )
    return _seal(draft, way, examples, prompts, tools, result)


def _seal(
    draft: Draft,
    way: Prompting,
    examples: Sequence[Example],
    prompts: Sequence[Any],
    tools: Sequence[Any],
    result: "Generation",
) -> Predictions:
    draft.timings.update(result.timings)
    draft.notes.update(result.notes)
    return draft.seal_rows(
        Predictions,
        (
            Prediction(
                row_id=row.row_id,
                group_id=row.group_id,
                prompt_digest=digest({"messages": prompt, "tools": offered} if offered else prompt),
                output=final_answer(output.text) if way.style == "steps" else output.text,
                finish_reason=output.finish_reason,
                prompt_tokens=output.prompt_tokens,
                completion_tokens=output.completion_tokens,
            )
            for row, prompt, offered, output in zip(
                examples, prompts, tools, result.outputs, strict=True
            )
        ),
    )


STAGE = Stage("predict", version=1, produces=Predictions, body=_write, repeatable=False)
AT_ENDPOINT = Stage("predict", version=1, produces=Predictions, body=_ask, repeatable=False)
