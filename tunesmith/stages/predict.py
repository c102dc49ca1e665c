"""Let a model answer examples.

Reads `Examples` (or a sample of them), a `Base`, optionally an `Adapter` on it and `Examples` to
take few-shot examples from; writes `Predictions` in the order of the sample. Decoding is greedy.
Finished batches survive a kill; batches are planned from the prompts alone, so a resumed run
forms the same ones. Not repeatable: the batch size and the device can turn a near tie.
"""

from collections.abc import Sequence

import msgspec
from pydantic import Field

from tunesmith.artifacts import Adapter, Base, Examples, Predictions
from tunesmith.canonical import digest
from tunesmith.records import ChatExample, Example, Message, Prediction
from tunesmith.sampling import sample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft


class PredictParams(Params):
    """How answers are generated."""

    max_new_tokens: int = Field(256, ge=1, description="Longest answer in tokens.")
    batch_size: int = Field(32, ge=1, description="Prompts that are answered together.")
    sample: int | None = Field(
        None, ge=1, description="Examples to answer, chosen by hash; all by default."
    )
    shots: int = Field(0, ge=0, description="Few-shot examples put before the prompt.")
    seed: int = Field(0, description="Key of the hash that chooses examples and shots.")


def with_shots(prompt: tuple[Message, ...], shots: Sequence[Example]) -> tuple[Message, ...]:
    """Put examples between the system prompt and the rest of a prompt."""
    system = tuple(message for message in prompt if message.role == "system")
    rest = tuple(message for message in prompt if message.role != "system")
    examples = tuple(
        message for shot in shots for message in shot.messages if message.role != "system"
    )
    return (*system, *examples, *rest)


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
    shots = sample(draft.peek(shots_from), params.shots, salt) if shots_from else []
    prompts = [turns(with_shots(row.prompt, shots)) for row in examples]
    tools = [row.tools if isinstance(row, ChatExample) else () for row in examples]
    done = draft.state / "batches"
    done.mkdir(exist_ok=True)

    def keep(batch: int, outputs: dict[int, Output]) -> None:
        part = done / f"{batch:06d}.part"
        part.write_bytes(msgspec.json.encode(outputs))
        part.rename(part.with_suffix(".json"))
        draft.save()

    finished: dict[int, Output] = {}
    for path in sorted(done.glob("*.json")):
        finished.update(msgspec.json.decode(path.read_bytes(), type=dict[int, Output]))
    result = generate(
        draft.path(base),
        draft.path(adapter) if adapter else None,
        prompts,
        max_new_tokens=params.max_new_tokens,
        batch_size=params.batch_size,
        names=[row.source for row in examples],
        tools=tools,
        finished=finished,
        on_batch=keep,
        on_progress=lambda count: draft.progress(count, len(prompts), "answers"),
    )
    draft.timings.update(result.timings)
    draft.notes.update(result.notes)
    return draft.seal_rows(
        Predictions,
        (
            Prediction(
                row_id=row.row_id,
                group_id=row.group_id,
                prompt_digest=digest({"messages": prompt, "tools": offered} if offered else prompt),
                output=output.text,
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
