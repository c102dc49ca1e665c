"""Let a model answer prompts, greedily and in batches.

Batches are planned from the lengths of all prompts alone, so an interrupted run that goes on forms
the same batches as an undisturbed one. That matters: in bfloat16 the size of a batch changes the
rounding, and where two tokens are nearly tied also the answer. When half of a batch's answers have
ended, it goes on without them, so that a few long answers don't cost as much as many; which they
are hangs on the batch alone. A finished batch is handed to the caller to keep.

What all prompts begin with (a system prompt, few-shot examples) goes through the model once, and
its keys and values are given to every batch. Attention is causal, so they do not depend on what
follows; hydragen (https://arxiv.org/abs/2402.05099) calls this a shared prefix.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tunesmith.errors import InputError
from tunesmith.evaluation.constraints import Constraint, Held
from tunesmith.records import FinishReason
from tunesmith.training.device import Device, pick
from tunesmith.training.loading import load_adapter, load_base, load_tokenizer
from tunesmith.training.template import Tool, Turn, end_ids, prompt_ids

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase


class Output(msgspec.Struct, frozen=True):
    """An answer. `finish_reason` is "length" when it was cut off at the most tokens allowed.

    `completion_tokens` counts the tokens of `text`, without the one that ended it.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


@dataclass
class Generation:
    """Answers in the order of their prompts, and apart from them how they came about.

    `timings` holds seconds (`load`, `prefill`, `decode`), of this run alone when it went on where
    another was interrupted. `notes` holds device, precision, threads, and sizes.
    """

    outputs: list[Output]
    timings: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to answer, with the tokens that end an answer."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: Device
    ends: frozenset[int]


def load(model_dir: Path, adapter_dir: Path | None, device: Device | None = None) -> LoadedModel:
    """Load a base model, with an adapter if one is given, on the device to use.

    The caller makes sure that the adapter was trained on this base.

    Raises:
        InputError: one of the folders is damaged or incomplete, or the two do not fit.
    """
    chosen = device or pick()
    tokenizer = load_tokenizer(model_dir)
    model = load_base(model_dir, chosen.dtype)
    if adapter_dir is not None:
        model = load_adapter(model, adapter_dir)
    return LoadedModel(model.to(chosen.kind).eval(), tokenizer, chosen, end_ids(tokenizer))


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
    device: Device | None = None,
    schema: str | None = None,
) -> Generation:
    """Answer each prompt with its most likely tokens, one after the other (greedy decoding).

    Args:
        model_dir: Folder of the base model.
        adapter_dir: Folder of an adapter trained on it.
        prompts: Messages that end where the assistant's answer begins.
        max_new_tokens: Longest answer, in tokens.
        batch_size: Prompts that are answered together. On a CPU the weights' way from memory
            takes most of a step, so a batch of 32 costs little more than one of 16.
        names: What to call each prompt in messages, such as its file and line.
        tools: What the model is offered with each prompt; nothing by default.
        finished: Answers that an interrupted run left, by place of the prompt. A batch is skipped
            if all of it is there.
        on_batch: Gets the number of a batch and its answers, by place of the prompt, to keep.
        on_progress: Gets the number of prompts answered so far, kept ones included.
        device: Where and how precisely to compute; the best this machine has by default.
        schema: JSON Schema, as JSON text, that limits what can be written.

    Raises:
        InputError: a prompt and its longest answer do not fit into the model's context, or a
            folder is not what it should be.
    """
    kept = dict(finished or {})
    if all(place in kept for place in range(len(prompts))):
        return Generation([kept[place] for place in range(len(prompts))])
    start = time.perf_counter()
    loaded = load(model_dir, adapter_dir, device)
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
        constraint=Constraint(loaded.tokenizer, loaded.ends, schema) if schema else None,
    )
    generation.timings["load"] = load_seconds
    return generation


def check_lengths(
    loaded: LoadedModel,
    ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    names: Sequence[str] | None = None,
) -> None:
    """Refuse prompts that leave no room in the model's context for the longest answer."""
    context = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
    if context is None:
        return
    for place, row in enumerate(ids):
        if len(row) + max_new_tokens > context:
            name = names[place] if names else f"prompt {place + 1}"
            raise InputError(
                f"{name}: {len(row)} tokens and up to {max_new_tokens} for the answer; the model's"
                f" context holds {context}. Lower predict.max_new_tokens, or drop the row"
            )


def plan_batches(lengths: Sequence[int], batch_size: int) -> list[tuple[int, ...]]:
    """Return the places of the prompts that go together, a batch each, longest prompts first.

    Neighbours in length leave little padding, and what does not fit into memory fails at once.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    return [tuple(order[at : at + batch_size]) for at in range(0, len(order), batch_size)]


def common_prefix(rows: Iterable[Sequence[int]]) -> int:
    """Return how many tokens all rows begin with, leaving each row at least one of its own."""
    lists = [list(row) for row in rows]
    # The first and the last in lexical order differ no later than any other two.
    low, high = min(lists), max(lists)
    limit = min(map(len, lists)) - 1
    return next((at for at in range(limit) if low[at] != high[at]), limit)


def answer(
    loaded: LoadedModel,
    ids: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int,
    finished: Mapping[int, Output] | None = None,
    on_batch: Callable[[int, dict[int, Output]], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
    share_prefix: bool = True,
    constraint: Constraint | None = None,
) -> Generation:
    """Answer prompts given as tokens; see `generate`."""
    import torch

    outputs = dict(finished or {})
    shared = common_prefix(ids) if share_prefix and _can_share(loaded.model) else 0
    generation = Generation([], {"prefill": 0.0, "decode": 0.0})
    with torch.inference_mode():
        start = time.perf_counter()
        prefix = _read_prefix(loaded, ids[0][:shared])
        generation.timings["prefill"] += time.perf_counter() - start
        batches = plan_batches([len(row) for row in ids], batch_size)
        for number, places in enumerate(batches):
            if all(place in outputs for place in places):
                continue
            rests = [ids[place][shared:] for place in places]
            held = constraint.start(len(places)) if constraint else None
            found = _Batch(loaded, prefix, rests, max_new_tokens, held).run(generation.timings)
            batch = {
                place: _output(loaded, len(ids[place]), tokens)
                for place, tokens in zip(places, found, strict=True)
            }
            outputs.update(batch)
            if on_batch:
                on_batch(number, batch)
            if on_progress:
                on_progress(len(outputs))
    generation.outputs = [outputs[place] for place in range(len(ids))]
    generation.notes = {
        "device": loaded.device.name,
        "precision": loaded.device.precision,
        "threads": loaded.device.threads,
        "batches": len(batches),
        "shared_tokens": shared,
    }
    return generation


def _output(loaded: LoadedModel, prompt_tokens: int, tokens: list[int]) -> Output:
    stopped = bool(tokens) and tokens[-1] in loaded.ends
    text = tokens[:-1] if stopped else tokens
    return Output(
        text=str(loaded.tokenizer.decode(text, skip_special_tokens=True)),
        finish_reason="stop" if stopped else "length",
        prompt_tokens=prompt_tokens,
        completion_tokens=len(text),
    )


def _can_share(model: "PreTrainedModel") -> bool:
    """Whether every layer attends to all earlier positions.

    A sliding window is measured in places of the batch, and padding between the prefix and the
    rest would push the prefix out of it.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    layers = DynamicCache(config=model.config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def _read_prefix(loaded: LoadedModel, prefix: Sequence[int]) -> "DynamicCache | None":
    import torch
    from transformers import DynamicCache

    if not prefix:
        return None
    cache = DynamicCache(config=loaded.model.config)
    tokens = torch.tensor([list(prefix)], device=loaded.device.kind)
    loaded.model(input_ids=tokens, past_key_values=cache, logits_to_keep=1)
    return cache


class _Batch:
    """One batch on its way: [shared prefix | padding | rest of the prompt | answer]."""

    def __init__(
        self,
        loaded: LoadedModel,
        prefix: "DynamicCache | None",
        rests: Sequence[Sequence[int]],
        max_new_tokens: int,
        held: Held | None = None,
    ) -> None:
        import torch

        self.loaded = loaded
        self.limit = max_new_tokens
        self.held = held
        shared = prefix.get_seq_length() if prefix else 0
        width = max(map(len, rests))
        pad = loaded.tokenizer.pad_token_id
        device = loaded.device.kind
        self.tokens = torch.tensor(
            [[pad] * (width - len(rest)) + list(rest) for rest in rests], device=device
        )
        padding = torch.tensor([[width - len(rest)] for rest in rests], device=device)
        places = torch.arange(shared + width + max_new_tokens, device=device)
        self.mask = ((places < shared) | (places >= shared + padding)).long()
        self.positions = (self.mask.cumsum(1) - 1).clamp(min=0)
        self.cache = _roomy_cache(loaded.model, prefix, len(rests), len(places))
        self.at = shared

    def run(self, timings: dict[str, float]) -> list[list[int]]:
        """Return the new tokens of each row up to the first that ends the answer."""
        start = time.perf_counter()
        newest = self._forward(self.tokens)
        answers: list[list[int]] = [[] for _ in newest]
        timings["prefill"] += time.perf_counter() - start
        start = time.perf_counter()
        rows = list(range(len(answers)))
        unended = self._append(answers, rows, newest)
        while unended:
            if 2 * len(unended) <= len(rows) and self._leave(unended):
                rows, newest = [rows[at] for at in unended], newest[unended]
            newest = self._forward(newest[:, None])
            unended = self._append(answers, rows, newest)
        timings["decode"] += time.perf_counter() - start
        return answers

    def _append(
        self, answers: list[list[int]], rows: Sequence[int], newest: "torch.Tensor"
    ) -> list[int]:
        """Give each answer that goes on its next token, and say in which places they still do."""
        unended = []
        for at, (row, token) in enumerate(zip(rows, newest.tolist(), strict=True)):
            if self._goes_on(answers[row]):
                answers[row].append(token)
            if self._goes_on(answers[row]):
                unended.append(at)
        return unended

    def _goes_on(self, tokens: Sequence[int]) -> bool:
        return not tokens or (tokens[-1] not in self.loaded.ends and len(tokens) < self.limit)

    def _leave(self, places: list[int]) -> bool:
        """Go on with the rows in these places only, if every layer of the cache can."""
        layers = self.cache.layers
        if not all(hasattr(layer, "leave") for layer in layers):
            return False
        self.mask, self.positions = self.mask[places], self.positions[places]
        for layer in layers:
            layer.leave(places)
        if self.held is not None:
            self.held.leave(places)
        return True

    def _forward(self, tokens: "torch.Tensor") -> "torch.Tensor":
        """Feed tokens and return the most likely next one of each row."""
        end = self.at + tokens.shape[1]
        result = self.loaded.model(
            input_ids=tokens,
            attention_mask=self.mask[:, :end],
            position_ids=self.positions[:, self.at : end],
            past_key_values=self.cache,
            logits_to_keep=1,
        )
        self.at = end
        logits = result.logits[:, -1]
        if self.held is not None:
            logits = self.held.restrict(logits)
        # The same token as `argmax`, the first of equals, in a fifth of its time on a CPU.
        newest: torch.Tensor = logits.max(dim=-1).indices
        if self.held is not None:
            self.held.take(newest.tolist())
        return newest


def _roomy_cache(
    model: "PreTrainedModel", prefix: "DynamicCache | None", rows: int, length: int
) -> "DynamicCache":
    """Return a cache that starts with the prefix in every row and has room for `length` places.

    The library's own cache is copied whole at every token: with a few-shot prefix of 600 tokens
    and 16 rows that was 40 % of a step.
    """
    import torch
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    class RoomyLayer(DynamicLayer):  # type: ignore[misc]  # transformers is not typed for us
        """Keys and values in one buffer, written in place."""

        def update(
            self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
                heads, width = key_states.shape[1], key_states.shape[3]
                self.room = key_states.new_empty((2, rows, heads, length, width))
            start = self.get_seq_length()
            end = start + key_states.shape[2]
            # A prefix has one row, which is written into all.
            self.room[0, :, :, start:end] = key_states
            self.room[1, :, :, start:end] = value_states
            self.keys, self.values = self.room[0, :, :, :end], self.room[1, :, :, :end]
            return self.keys, self.values

        def leave(self, places: list[int]) -> None:
            """Keep these rows only."""
            self.room = self.room[:, places]
            end = self.get_seq_length()
            self.keys, self.values = self.room[0, :, :, :end], self.room[1, :, :, :end]

    cache = DynamicCache(config=model.config)
    cache.layers = [
        RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    if prefix is not None:
        for layer, read in zip(cache.layers, prefix.layers, strict=True):
            layer.update(read.keys, read.values)
    return cache
