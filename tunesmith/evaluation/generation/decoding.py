"""Greedy and drawn decoding by way of transformers, a planned batch at a time.

When half of a batch's answers have ended, it goes on without them, so that a few long answers
don't cost as much as many; which they are hangs on the batch alone.

What all prompts begin with (a system prompt, few-shot examples) goes through the model once, and
its keys and values are given to every batch. Attention is causal, so they do not depend on what
follows; hydragen (https://arxiv.org/abs/2402.05099) calls this a shared prefix.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.evaluation.constraints import Constraint, Held
from tunesmith.evaluation.generation.drawing import Drawing
from tunesmith.evaluation.generation.loaded import LoadedModel, next_scores
from tunesmith.evaluation.generation.work import Answered, Work, common_prefix

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache, PreTrainedModel


class Decoding:
    """Answers planned batches; what prompts of one limit begin with is read once.

    Args:
        loaded: The model.
        work: The prompts, and how to answer them.
        timings: Seconds of `prefill` and `decode` are added to it.
        notes: Gets `shared_tokens`, the longest beginning that was shared.
    """

    def __init__(
        self, loaded: LoadedModel, work: Work, timings: dict[str, float], notes: dict[str, Any]
    ) -> None:
        self._loaded, self._work = loaded, work
        self._timings, self._notes = timings, notes
        timings.update(prefill=0.0, decode=0.0)
        notes["shared_tokens"] = 0
        self._shares = work.share_prefix and _can_share(loaded.model)
        self._limit, self._shared = 0, 0
        self._prefix: DynamicCache | None = None
        self._constraint = (
            Constraint(loaded.tokenizer, loaded.ends, work.schema) if work.schema else None
        )

    def __call__(self, places: Sequence[int]) -> list[Answered]:
        """Answer the prompts in these places, which all have the same limit."""
        work = self._work
        limit = work.limits[places[0]]
        if limit != self._limit:
            self._read_beginning(limit)
        batch = _Batch(
            self._loaded,
            self._prefix,
            [work.ids[place][self._shared :] for place in places],
            limit,
            self._constraint.start(len(places)) if self._constraint else None,
            Drawing(work.draws, places, limit) if work.draws else None,
        )
        ends = self._loaded.ends
        return [Answered(tokens, tokens[-1] in ends) for tokens in batch.run(self._timings)]

    def _read_beginning(self, limit: int) -> None:
        rows = [
            ids for ids, own in zip(self._work.ids, self._work.limits, strict=True) if own == limit
        ]
        self._limit = limit
        self._shared = common_prefix(rows) if self._shares else 0
        self._notes["shared_tokens"] = max(self._notes["shared_tokens"], self._shared)
        start = time.perf_counter()
        self._prefix = _read_prefix(self._loaded, rows[0][: self._shared])
        self._timings["prefill"] += time.perf_counter() - start


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
    next_scores(loaded.model, input_ids=tokens, past_key_values=cache)
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
        drawing: Drawing | None = None,
    ) -> None:
        import torch

        self.loaded = loaded
        self.limit = max_new_tokens
        self.held, self.drawing = held, drawing
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
        for on_its_way in (self.held, self.drawing):
            if on_its_way is not None:
                on_its_way.leave(places)
        return True

    def _forward(self, tokens: "torch.Tensor") -> "torch.Tensor":
        """Feed tokens and return the next one of each row."""
        end = self.at + tokens.shape[1]
        logits = next_scores(
            self.loaded.model,
            input_ids=tokens,
            attention_mask=self.mask[:, :end],
            position_ids=self.positions[:, self.at : end],
            past_key_values=self.cache,
        )
        self.at = end
        if self.held is not None:
            logits = self.held.restrict(logits)
        newest = self._choose(logits)
        if self.held is not None:
            self.held.take(newest.tolist())
        return newest

    def _choose(self, logits: "torch.Tensor") -> "torch.Tensor":
        if self.drawing is not None:
            return self.drawing.choose(logits)
        # The same token as `argmax`, the first of equals, in a fifth of its time on a CPU.
        newest: torch.Tensor = logits.max(dim=-1).indices
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
