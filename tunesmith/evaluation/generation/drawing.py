"""Draw the next tokens of a batch, each row from random numbers of its own.

A row's numbers follow from its seed alone. They are drawn on the CPU before the first token, so
they are the same on every device and beside any other rows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tunesmith.evaluation.generation.work import Draws

if TYPE_CHECKING:
    import torch


class Drawing:
    """The rows of a batch on their way, each with the random numbers that it has left.

    Args:
        draws: How to draw.
        places: The prompts of the batch.
        tokens: How many are drawn at most.
    """

    def __init__(self, draws: Draws, places: Sequence[int], tokens: int) -> None:
        import torch

        self._temperature, self._top_p = draws.temperature, draws.top_p
        self._numbers = torch.stack([_numbers(draws.seeds[place], tokens) for place in places])
        self._at = 0

    def choose(self, logits: "torch.Tensor") -> "torch.Tensor":
        """Return a token for each row: where its number falls on the summed probabilities.

        Args:
            logits: A row for each of the batch.
        """
        import torch

        likely = torch.softmax(logits.float() / self._temperature, dim=-1)
        likely, order = likely.sort(dim=-1, descending=True, stable=True)
        summed = likely.double().cumsum(dim=-1)
        likely = likely.masked_fill(summed - likely >= self._top_p, 0.0)
        summed = likely.double().cumsum(dim=-1)
        number = self._numbers[:, self._at, None].to(logits.device)
        self._at += 1
        at = torch.searchsorted(summed, number * summed[:, -1:], right=True)
        last = (likely > 0).sum(dim=-1, keepdim=True) - 1
        return order.gather(1, torch.minimum(at, last))[:, 0]

    def leave(self, places: Sequence[int]) -> None:
        """Go on with these rows only."""
        self._numbers = self._numbers[list(places)]


def _numbers(seed: int, count: int) -> "torch.Tensor":
    import torch

    return torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
