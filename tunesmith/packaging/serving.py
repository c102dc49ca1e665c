"""A packaged model loaded as a server loads it, from its folder alone, to answer one at a time.

A server applies the folder's own chat template and stops at the folder's own end tokens, so that
both are seen at work: this is `generate` of the transformers library, and nothing of ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tunesmith.records import ChatExample, Example
from tunesmith.training.device import Device, pick
from tunesmith.training.loading import load_adapter, load_base, load_tokenizer
from tunesmith.training.rows import turns
from tunesmith.training.template import Tool, Turn

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODEL = "model"
"""Name of the merged model's folder in a package."""
GENERATION_CONFIG = "generation_config.json"
DRAWING = ("do_sample", "temperature", "top_p", "top_k")
"""What a generation configuration says about how answers are drawn; here none is."""


class Prompt(NamedTuple):
    """Messages up to the answer, and what the model is offered with them."""

    turns: Sequence[Turn]
    tools: Sequence[Tool] = ()


class Answer(NamedTuple):
    """What a server answered; `answer_tokens` counts the one that ended it too."""

    text: str
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class Served:
    """A model as a server has it, merged or as an adapter on its base."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: Device
    form: Literal["merged", "adapter"]
    folder: Path
    """Where its tokenizer and its end tokens come from."""

    @property
    def ends(self) -> frozenset[int]:
        """The tokens at which a server stops, as the folder says."""
        told = self.model.generation_config.eos_token_id
        if told is None:
            return frozenset()
        return frozenset([told] if isinstance(told, int) else told)

    def answer(self, prompt: Prompt, max_new_tokens: int) -> Answer:
        """Answer a prompt greedily, by itself."""
        import torch

        ids = torch.tensor([as_server(self.tokenizer, prompt)], device=self.device.kind)
        with torch.inference_mode():
            whole: Any = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        made = whole[0, ids.shape[1] :]
        text = str(self.tokenizer.decode(made, skip_special_tokens=True))
        return Answer(text, ids.shape[1], len(made))


def serve(package_dir: Path, base_dir: Path, adapter_dir: Path) -> Served:
    """Load the merged model of a package; where it has none, the base with its adapter.

    Raises:
        InputError: one of the folders is damaged, or base and adapter do not fit.
    """
    merged = package_dir / MODEL
    if merged.is_dir():
        return load_served(merged)
    return load_served(base_dir, adapter_dir)


def load_served(
    model_dir: Path, adapter_dir: Path | None = None, device: Device | None = None
) -> Served:
    """Load a model folder, with an adapter on it if one is given, on the device to use."""
    device = device or pick()
    model = load_base(model_dir, device.dtype)
    for name in DRAWING:
        setattr(model.generation_config, name, None)
    if adapter_dir is not None:
        model = load_adapter(model, adapter_dir)
    form: Literal["merged", "adapter"] = "merged" if adapter_dir is None else "adapter"
    return Served(model.to(device.kind).eval(), load_tokenizer(model_dir), device, form, model_dir)


def asked(row: Example) -> Prompt:
    """Return what an example asks."""
    return Prompt(turns(row.prompt), row.tools if isinstance(row, ChatExample) else ())


def as_server(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> list[int]:
    """Return the tokens of a prompt as a server makes them.

    It asks the folder's tokenizer to apply its template and to encode, in one call, and appends
    nothing.
    """
    encoded: Any = tokenizer.apply_chat_template(
        [dict(turn) for turn in prompt.turns],
        tools=[dict(tool) for tool in prompt.tools] or None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    return list(encoded)
