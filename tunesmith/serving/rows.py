"""The prompts that are being answered, with their keys and values, a row each.

Rows come and go between two tokens, and none waits for the end of another (continuous batching,
Yu et al. 2022, https://www.usenix.org/conference/osdi22/presentation/yu). Each row starts at the
first place of its own strip of memory and grows at its own end, so that nothing is shifted or
copied when one comes; when one goes, the last takes its strip.

A strip keeps what stood in it. A prompt that begins like another, as all do that share a system
prompt, takes over the keys and values of that beginning: attention is causal, so they do not
depend on what follows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tunesmith.evaluation.generation.loaded import next_scores

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache, PreTrainedModel

ROOM = 256
"""Tokens for which a strip has room at first; it doubles when one needs more."""
KEPT = 32_768
"""Tokens of all strips together for which room is kept while nobody is answered."""
READ_TOGETHER = 128
"""Tokens up to which what is left of prompts is read together; a longer rest fills the cores."""


class Rows(Protocol):
    """Rows of one model; the next tokens' scores come in the order of the rows."""

    def enter(self, prompts: Sequence[Sequence[int]]) -> "torch.Tensor":
        """Read prompts into new last rows, and return the scores of their next tokens."""
        ...

    def step(self, tokens: Sequence[int]) -> "torch.Tensor":
        """Give each row its next token, and return the scores of the one after."""
        ...

    def leave(self, at: int) -> None:
        """Let a row go; the last takes its place."""
        ...


def open_rows(model: "PreTrainedModel", most: int) -> Rows:
    """Return room for at most so many rows.

    Layers that do not attend to all earlier places, such as those of a sliding window, keep their
    memory in the library's own way, and their rows are computed one by one.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    layers = DynamicCache(config=model.config).layers
    plain = bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
    return Strips(model, most) if plain else Singles(model)


class Singles:
    """Rows that are computed one by one."""

    def __init__(self, model: "PreTrainedModel") -> None:
        self._model = model
        self._caches: list[DynamicCache] = []

    def enter(self, prompts: Sequence[Sequence[int]]) -> "torch.Tensor":
        """Read prompts into new last rows, and return the scores of their next tokens."""
        import torch
        from transformers import DynamicCache

        new = [DynamicCache(config=self._model.config) for _ in prompts]
        self._caches += new
        return torch.cat([self._read(ids, cache) for ids, cache in zip(prompts, new, strict=True)])

    def step(self, tokens: Sequence[int]) -> "torch.Tensor":
        """Give each row its next token, and return the scores of the one after."""
        import torch

        return torch.cat(
            [self._read([token], cache) for token, cache in zip(tokens, self._caches, strict=True)]
        )

    def leave(self, at: int) -> None:
        """Let a row go; the last takes its place."""
        last = self._caches.pop()
        if at < len(self._caches):
            self._caches[at] = last

    def _read(self, ids: Sequence[int], cache: "DynamicCache") -> "torch.Tensor":
        import torch

        tokens = torch.tensor([list(ids)], device=self._model.device)
        return next_scores(self._model, input_ids=tokens, past_key_values=cache)


class Strips:
    """Rows that are computed together, at most so many."""

    def __init__(self, model: "PreTrainedModel", most: int) -> None:
        self._model, self._most = model, most
        self._clear()

    def _clear(self) -> None:
        self._held: list[list[int]] = [[] for _ in range(self._most)]
        """The tokens whose keys and values stand in each strip, also of rows that are gone."""
        self._count = 0
        self._writing = _Writing()
        self._cache = _strip_cache(self._model, self._writing)

    def enter(self, prompts: Sequence[Sequence[int]]) -> "torch.Tensor":
        """Read prompts into new last rows, and return the scores of their next tokens."""
        import torch

        scores: list[torch.Tensor] = []
        group: list[list[int]] = []
        width = 0
        for ids in map(list, prompts):
            rest = self._begin(self._count + len(group), ids)
            if group and max(width, rest) > min(READ_TOGETHER, *map(len, group), len(ids)):
                scores.append(self._read(group, width))
                group, width = [], 0
                rest = self._begin(self._count, ids)  # it may begin like one that was just read
            group.append(ids)
            width = max(width, rest)
        scores.append(self._read(group, width))
        return torch.cat(scores)

    def _begin(self, row: int, ids: list[int]) -> int:
        """Take over what another strip holds of a prompt, and return how much is to be read."""
        shared, source = max(
            (min(_alike(ids, held), len(ids) - 1), at) for at, held in enumerate(self._held)
        )
        if shared and source != row:
            self._writing.at_row(row, 0, shared)
            for layer in self._cache.layers:
                layer.take_over(source)
        self._held[row] = ids[:shared]
        return len(ids) - shared

    def _read(self, group: list[list[int]], width: int) -> "torch.Tensor":
        """Read the last tokens of prompts, of each as many, into the rows after the last.

        Where one has fewer left than another, some that it holds already are computed again:
        without padding, all end in the same column.
        """
        import torch

        device = self._model.device
        if len(group) == 1:
            self._writing.at_row(self._count, len(group[0]) - width, len(group[0]))
            mask = places = None  # causal, from where the strip ends
        else:
            ends = torch.tensor([len(ids) for ids in group], device=device)
            places = ends[:, None] - width + torch.arange(width, device=device)
            self._writing.at_places(self._count, places, int(ends.max()) - width)
            seen = torch.arange(int(ends.max()), device=device) <= places[:, None, :, None]
            least = torch.finfo(self._model.dtype).min
            mask = torch.zeros(seen.shape, dtype=self._model.dtype, device=device)
            mask.masked_fill_(~seen, least)
        scores = self._scores([ids[-width:] for ids in group], mask, places)
        self._held[self._count : self._count + len(group)] = group
        self._count += len(group)
        return scores

    def step(self, tokens: Sequence[int]) -> "torch.Tensor":
        """Give each row its next token, and return the scores of the one after."""
        import torch

        device = self._model.device
        lengths = [len(held) for held in self._held[: self._count]]
        places = torch.tensor(lengths, device=device)[:, None]
        self._writing.at_places(0, places, max(lengths))
        mask = (torch.arange(max(lengths) + 1, device=device) <= places).long()
        scores = self._scores([[token] for token in tokens], mask, places)
        for held, token in zip(self._held[: self._count], tokens, strict=True):
            held.append(token)
        return scores

    def _scores(
        self,
        tokens: list[list[int]],
        mask: "torch.Tensor | None",
        places: "torch.Tensor | None",
    ) -> "torch.Tensor":
        """Feed tokens to the rows that are written, and return the scores of the next ones."""
        import torch

        return next_scores(
            self._model,
            input_ids=torch.tensor(tokens, device=self._model.device),
            attention_mask=mask,
            position_ids=places,
            past_key_values=self._cache,
        )

    def leave(self, at: int) -> None:
        """Let a row go; the last takes its place."""
        self._count -= 1
        last = self._count
        if at != last:
            self._writing.at_row(at, 0, len(self._held[last]))
            for layer in self._cache.layers:
                layer.take_over(last)
            self._held[at] = list(self._held[last])
        if not self._count and self._writing.room > KEPT:
            self._clear()


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens both begin with."""
    least = min(len(one), len(other))
    return next((at for at in range(least) if one[at] != other[at]), least)


class _Writing:
    """Where the layers put what they are given next: all in the same places.

    Attributes:
        room: Tokens for which there is room, in all strips together.
        first: First row that is written.
        count: Rows that are written.
        places: Those of each row; None where it is one row, from `start` to `end`.
        start: Where the longest row ends before.
        end: Where it ends after.
    """

    def __init__(self) -> None:
        self.room = 0
        self.at_row(0, 0, 0)

    def at_row(self, row: int, start: int, end: int) -> None:
        """Write one row."""
        self.first, self.count, self.start, self.end = row, 1, start, end
        self.places: torch.Tensor | None = None

    def at_places(self, first: int, places: "torch.Tensor", start: int) -> None:
        """Write as many rows as there are places for, from a first one on."""
        self.first, self.count, self.places = first, len(places), places
        self.start, self.end = start, start + places.shape[1]


def _strip_cache(model: "PreTrainedModel", writing: _Writing) -> "DynamicCache":
    import torch
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    class StripLayer(DynamicLayer):  # type: ignore[misc]  # transformers is not typed for us
        """Keys and values of one layer, a strip for each row, written in place."""

        def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
            super().lazy_initialization(key_states, value_states)
            self.strips = [self._strip(state, 1, ROOM) for state in (key_states, value_states)]

        def _strip(self, state: torch.Tensor, rows: int, length: int) -> torch.Tensor:
            while rows < writing.first + writing.count:
                rows *= 2
            while length < writing.end:
                length *= 2
            writing.room = rows * length
            # Zeros: what is masked is multiplied by 0, and 0 times anything else may be no number.
            return state.new_zeros((rows, state.shape[1], length, state.shape[3]))

        def update(
            self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            self.keys, self.values = (
                self._put(which, state) for which, state in enumerate((key_states, value_states))
            )
            return self.keys, self.values

        def _put(self, which: int, state: torch.Tensor) -> torch.Tensor:
            strip = self._roomy(which)
            rows = slice(writing.first, writing.first + writing.count)
            if writing.places is None:
                strip[rows, :, writing.start : writing.end] = state
            else:
                each = torch.arange(rows.start, rows.stop, device=strip.device)[:, None]
                strip[each, :, writing.places] = state.transpose(1, 2)
            return strip[rows, :, : writing.end]

        def _roomy(self, which: int) -> torch.Tensor:
            """Return the strips, with room for what is written and not for all that may be."""
            strip = self.strips[which]
            rows, _, length, _ = strip.shape
            if rows < writing.first + writing.count or length < writing.end:
                self.strips[which] = self._strip(strip, rows, length)
                self.strips[which][:rows, :, :length] = strip
            return self.strips[which]

        def take_over(self, row: int) -> None:
            """Write the beginning of another row into the one that is written."""
            for which in range(2):
                strip = self._roomy(which)
                strip[writing.first, :, : writing.end] = strip[row, :, : writing.end]

        def get_seq_length(self) -> int:
            return writing.start

    cache = DynamicCache(config=model.config)
    cache.layers = [StripLayer() for _ in cache.layers]
    return cache
