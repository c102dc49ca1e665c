"""What a generation yields, and what every way to generate has in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from tunesmith.records import FinishReason
from tunesmith.training.template import Tool, Turn


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

    `timings` holds seconds, of this run alone when it went on where another was interrupted.
    `notes` holds what answered: runtime, device, precision and sizes, or an endpoint.
    """

    outputs: list[Output]
    timings: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


class Generate(Protocol):
    """Answers prompts, here or at an endpoint."""

    def __call__(
        self,
        prompts: Sequence[Sequence[Turn]],
        *,
        max_new_tokens: int,
        names: Sequence[str] | None = None,
        tools: Sequence[Sequence[Tool]] | None = None,
        finished: Mapping[int, Output] | None = None,
        on_batch: Callable[[int, dict[int, Output]], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
        schema: str | None = None,
    ) -> Generation:
        """Answer each prompt.

        Args:
            prompts: Messages that end where the assistant's answer begins.
            max_new_tokens: Longest answer, in tokens.
            names: What to call each prompt in messages, such as its file and line.
            tools: What the model is offered with each prompt; nothing by default.
            finished: Answers that an interrupted run left, by place of the prompt.
            on_batch: Gets the number of a batch and its answers, by place of the prompt, to keep.
            on_progress: Gets the number of prompts answered so far, kept ones included.
            schema: JSON Schema, as JSON text, that limits what can be written.
        """
        ...
