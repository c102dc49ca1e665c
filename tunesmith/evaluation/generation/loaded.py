"""A model in this process, ready to answer by way of transformers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tunesmith.evaluation.generation.runtime import Runtime
from tunesmith.evaluation.generation.work import Decode, Work
from tunesmith.training.device import Device, pick
from tunesmith.training.loading import load_adapter, load_base, load_tokenizer
from tunesmith.training.template import end_ids

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to answer, with the tokens that end an answer."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: Device
    ends: frozenset[int]
    runtime: ClassVar[Runtime] = "transformers"

    @property
    def context(self) -> int | None:
        """Most tokens of prompt and answer together; None where the model does not say."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    def planned(self, batch_size: int) -> int:
        """Return how many prompts go together when so many are asked for."""
        return batch_size

    @contextmanager
    def decoding(
        self, work: Work, timings: dict[str, float], notes: dict[str, Any]
    ) -> Iterator[Decode]:
        """Yield what answers a planned batch; seconds are added to `timings`."""
        import torch

        from tunesmith.evaluation.generation.decoding import Decoding

        with torch.inference_mode():
            yield Decoding(self, work, timings, notes)


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


def next_scores(model: "PreTrainedModel", **inputs: Any) -> "torch.Tensor":
    """Return the scores of each row's next token: [rows, vocabulary].

    Args:
        model: What computes.
        inputs: What it is given; all rows end in the same column.
    """
    import torch

    # Picked by an index, which copies: of a slice, as of `logits_to_keep=1`, PyTorch makes one
    # product a row where weights need no gradient, each with a copy of the head's.
    last = torch.tensor([-1], device=model.device)
    scores: torch.Tensor = model(**inputs, logits_to_keep=last).logits[:, -1]
    return scores
