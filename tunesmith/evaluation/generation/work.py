"""What there is to answer, as tokens, and the batches in which it is answered."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Draws:
    """Answers that are drawn, and not the most likely ones.

    Each prompt has a seed of its own, so that no draw depends on the prompts beside it.

    Attributes:
        temperature: Above 0; by what the logits are divided.
        top_p: Share of probability that is drawn from, the most likely tokens first (nucleus
            sampling, Holtzman et al. 2020, https://arxiv.org/abs/1904.09751); 1 is all.
        seeds: From 0 to 2**63 - 1, in the order of the prompts.
    """

    temperature: float
    top_p: float
    seeds: Sequence[int]


@dataclass(frozen=True)
class Work:
    """Prompts as tokens, and how each is answered.

    Attributes:
        ids: The tokens of each prompt.
        limits: Longest answer to each, in tokens.
        schema: JSON Schema, as JSON text, that limits what can be written.
        draws: How answers are drawn; greedy without.
        share_prefix: Compute what prompts begin with only once.
    """

    ids: Sequence[Sequence[int]]
    limits: Sequence[int]
    schema: str | None = None
    draws: Draws | None = None
    share_prefix: bool = True


class Answered(NamedTuple):
    """The tokens of an answer, and whether it ended by itself."""

    tokens: list[int]
    ended: bool


Decode = Callable[[Sequence[int]], list[Answered]]
"""Answers the prompts in these places, which make one planned batch."""


def plan_batches(
    lengths: Sequence[int], batch_size: int, limits: Sequence[int] | None = None
) -> list[tuple[int, ...]]:
    """Return the places of the prompts that go together, a batch each, longest prompts first.

    Neighbours in length leave little padding, and what does not fit into memory fails at once.
    Prompts whose answers may be of different lengths are never in one batch; short answers first.
    """
    kinds = limits if limits is not None else [0] * len(lengths)
    batches = []
    for kind in sorted(set(kinds)):
        places = [place for place in range(len(lengths)) if kinds[place] == kind]
        order = sorted(places, key=lambda place: -lengths[place])
        batches += [tuple(order[at : at + batch_size]) for at in range(0, len(order), batch_size)]
    return batches


def common_prefix(rows: Iterable[Sequence[int]]) -> int:
    """Return how many tokens all rows begin with, leaving each row at least one of its own."""
    lists = [list(row) for row in rows]
    # The first and the last in lexical order differ no later than any other two.
    low, high = min(lists), max(lists)
    limit = min(map(len, lists)) - 1
    return next((at for at in range(limit) if low[at] != high[at]), limit)
