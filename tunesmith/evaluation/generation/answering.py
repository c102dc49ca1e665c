"""Answer prompts batch by batch, going on where an interrupted run ended."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tunesmith.errors import InputError
from tunesmith.evaluation.generation import on_vllm
from tunesmith.evaluation.generation.loaded import LoadedModel, load
from tunesmith.evaluation.generation.on_vllm import VllmModel
from tunesmith.evaluation.generation.outputs import Generation, Output
from tunesmith.evaluation.generation.runtime import Runtime, choose_runtime
from tunesmith.evaluation.generation.work import Answered, Draws, Work, plan_batches
from tunesmith.training.device import Device, pick
from tunesmith.training.template import Tool, Turn, prompt_ids

Answerer = LoadedModel | VllmModel


def load_answerer(
    model_dir: Path,
    adapter_dir: Path | None,
    device: Device | None = None,
    runtime: Runtime | None = None,
) -> Answerer:
    """Make a model ready to answer, in the runtime that `choose_runtime` names.

    The caller makes sure that the adapter was trained on this base.

    Raises:
        InputError: one of the folders is damaged or incomplete, or the two do not fit.
        RecipeError: the runtime that is asked for cannot be had here.
    """
    chosen = device or pick()
    if choose_runtime(chosen, runtime) == "vllm":
        return on_vllm.open_model(model_dir, adapter_dir, chosen)
    return load(model_dir, adapter_dir, chosen)


def generate(
    model_dir: Path,
    adapter_dir: Path | None,
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
    draws: Draws | None = None,
    device: Device | None = None,
    runtime: Runtime | None = None,
) -> Generation:
    """Answer each prompt with a model on this machine; see `Generate` for what is not said here.

    Args:
        model_dir: Folder of the base model.
        adapter_dir: Folder of an adapter trained on it.
        prompts: Messages that end where the assistant's answer begins.
        max_new_tokens: Longest answer, in tokens.
        batch_size: Prompts that are answered together. On a CPU the weights' way from memory
            takes most of a step, so a batch of 32 costs little more than one of 16.
        names: What to call each prompt.
        tools: What is offered with each prompt.
        finished: Kept answers. A batch is skipped if all of it is there.
        on_batch: Keeps a batch.
        on_progress: Hears how far it is.
        schema: Limits what can be written.
        draws: How answers are drawn; each token is the most likely one by default (greedy).
        device: Where and how precisely to compute; the best this machine has by default.
        runtime: Which library answers; the fastest that is here by default.

    Raises:
        InputError: a prompt and its longest answer do not fit into the model's context, or a
            folder is not what it should be.
    """
    kept = dict(finished or {})
    if all(place in kept for place in range(len(prompts))):
        return Generation([kept[place] for place in range(len(prompts))])
    start = time.perf_counter()
    loaded = load_answerer(model_dir, adapter_dir, device, runtime)
    load_seconds = time.perf_counter() - start
    offered = tools if tools is not None else [()] * len(prompts)
    ids = [
        prompt_ids(loaded.tokenizer, prompt, own)
        for prompt, own in zip(prompts, offered, strict=True)
    ]
    check_lengths(loaded, ids, max_new_tokens, names)
    generation = answer(
        loaded,
        ids,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        finished=kept,
        on_batch=on_batch,
        on_progress=on_progress,
        schema=schema,
        draws=draws,
    )
    generation.timings["load"] = load_seconds
    return generation


def check_lengths(
    loaded: Answerer,
    ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    names: Sequence[str] | None = None,
) -> None:
    """Refuse prompts that leave no room in the model's context for the longest answer."""
    if loaded.context is None:
        return
    for place, row in enumerate(ids):
        if len(row) + max_new_tokens > loaded.context:
            name = names[place] if names else f"prompt {place + 1}"
            raise InputError(
                f"{name}: {len(row)} tokens and up to {max_new_tokens} for the answer; the model's"
                f" context holds {loaded.context}. Lower predict.max_new_tokens, or drop the row"
            )


def answer(
    loaded: Answerer,
    ids: Sequence[Sequence[int]],
    *,
    max_new_tokens: int | Sequence[int],
    batch_size: int,
    finished: Mapping[int, Output] | None = None,
    on_batch: Callable[[int, dict[int, Output]], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
    share_prefix: bool = True,
    schema: str | None = None,
    draws: Draws | None = None,
) -> Generation:
    """Answer prompts given as tokens, each with a limit of its own if need be; see `generate`."""
    limits = [max_new_tokens] * len(ids) if isinstance(max_new_tokens, int) else max_new_tokens
    batches = plan_batches([len(row) for row in ids], loaded.planned(batch_size), limits)
    outputs = dict(finished or {})
    generation = Generation([])
    left = [
        (number, places)
        for number, places in enumerate(batches)
        if not all(place in outputs for place in places)
    ]
    if left:
        work = Work(ids, limits, schema, draws, share_prefix)
        with loaded.decoding(work, generation.timings, generation.notes) as decode:
            for number, places in left:
                batch = {
                    place: _output(loaded, len(ids[place]), found)
                    for place, found in zip(places, decode(places), strict=True)
                }
                outputs.update(batch)
                if on_batch:
                    on_batch(number, batch)
                if on_progress:
                    on_progress(len(outputs))
    generation.outputs = [outputs[place] for place in range(len(ids))]
    generation.notes |= {
        "runtime": loaded.runtime,
        "device": loaded.device.name,
        "precision": loaded.device.precision,
        "threads": loaded.device.threads,
        "batches": len(batches),
    }
    return generation


def _output(loaded: Answerer, prompt_tokens: int, found: Answered) -> Output:
    tokens = found.tokens
    text = tokens[:-1] if tokens and tokens[-1] in loaded.ends else tokens
    return Output(
        text=str(loaded.tokenizer.decode(text, skip_special_tokens=True)),
        finish_reason="stop" if found.ended else "length",
        prompt_tokens=prompt_tokens,
        completion_tokens=len(text),
    )
