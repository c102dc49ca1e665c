"""Ways to put a prompt to the base model: what fine-tuning has to beat.

A way is a system prompt, a number of examples before the question ("shots"), and a style: plain;
`steps`, which asks the model to think first and cuts its final answer out (Kojima et al. 2022,
https://arxiv.org/abs/2205.11916); or `schema`, which lets it write only what the recipe's JSON
Schema allows. The recipe names the parts, and every combination of them is a variant.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tunesmith.canonical import canonical
from tunesmith.records import ChatExample, Example, Message
from tunesmith.stage import Params

Style = Literal["plain", "steps", "schema"]

MARKER = "Final answer:"
STEPS = (
    "Think step by step first. Then write a line that says only "
    f'"{MARKER}", and after it nothing but the answer.'
)
_MARKER = re.compile(re.escape(MARKER) + r"(?:\*\*)?", re.IGNORECASE)
OWN = "own"
"""What the system prompt of the row itself is called in a variant's name."""


class Prompting(Params):
    """One way to put a prompt."""

    system: str | None = Field(
        None, description="System prompt in place of the row's own; the row's own by default."
    )
    shots: int = Field(0, ge=0, description="Examples before the question, as many as fit.")
    style: Style = Field("plain", description="How the answer is asked for.")
    reasoning_tokens: int = Field(
        0, ge=0, description="Tokens allowed beside those of the answer, to think in."
    )
    json_schema: str | None = Field(
        None, description="JSON Schema, as JSON text, that limits what can be written."
    )

    @model_validator(mode="after")
    def _has_what_its_style_needs(self) -> "Prompting":
        if (self.style == "schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with the style 'schema', and only with it")
        return self


class PromptBaselineParams(Params):
    """Which ways to put a prompt are tried on validation; the best is the prompt baseline.

    Every system prompt is tried with every number of shots in every style.
    """

    systems: tuple[str, ...] = Field(
        (),
        description=(
            "System prompts to try beside the rows' own: texts, or names of .txt or .md files."
        ),
    )
    shots: tuple[int, ...] = Field(
        (0, 5),
        min_length=1,
        description=(
            "Numbers of examples to put before the question; of each as many as the model's "
            "context holds. For a real task try 0, 5, 10 and 20."
        ),
    )
    styles: tuple[Style, ...] = Field(
        ("plain",),
        min_length=1,
        description=(
            "`plain`, `steps` (think first; the final answer is cut out) and `schema` (only what "
            "`evaluate.json_schema` allows can be written)."
        ),
    )
    sample: int = Field(
        100, ge=1, description="Validation rows on which they are compared; at most predict.sample."
    )
    reasoning_tokens: int = Field(
        256, ge=1, description="Tokens to think in, beside predict.max_new_tokens; for `steps`."
    )

    @field_validator("systems", "shots", "styles")
    @classmethod
    def _different(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) < len(values):
            raise ValueError("one stands twice; expected each once")
        return values

    @field_validator("systems")
    @classmethod
    def _some_text(cls, systems: tuple[str, ...]) -> tuple[str, ...]:
        if not all(text.strip() for text in systems):
            raise ValueError("one is empty; expected a text. The rows' own are tried anyway")
        return systems

    @field_validator("shots")
    @classmethod
    def _countable(cls, shots: tuple[int, ...]) -> tuple[int, ...]:
        if min(shots) < 0:
            raise ValueError("one is below 0; expected numbers of examples, such as 0 and 5")
        return shots

    def variants(self, schema: Any = None) -> dict[str, Prompting]:
        """Return every combination by its name, as in "own 5 shots plain".

        Args:
            schema: JSON Schema of the answers; needed for the style `schema`.
        """
        systems = {OWN: None, **{f"system {n}": text for n, text in enumerate(self.systems, 1)}}
        return {
            f"{name} {shots} shots {style}": Prompting(
                system=system,
                shots=shots,
                style=style,
                reasoning_tokens=self.reasoning_tokens if style == "steps" else 0,
                json_schema=canonical(schema).decode() if style == "schema" else None,
            )
            for (name, system), shots, style in product(systems.items(), self.shots, self.styles)
        }


def with_shots(prompt: tuple[Message, ...], shots: Iterable[Example]) -> tuple[Message, ...]:
    """Put examples between the system prompt and the rest of a prompt."""
    system = tuple(message for message in prompt if message.role == "system")
    rest = tuple(message for message in prompt if message.role != "system")
    examples = tuple(
        message for shot in shots for message in shot.messages if message.role != "system"
    )
    return (*system, *examples, *rest)


def put(
    prompt: tuple[Message, ...], prompting: Prompting, shots: Sequence[Example]
) -> tuple[Message, ...]:
    """Put a prompt in one way, with these shots before the question."""
    if prompting.system is not None:
        rest = tuple(message for message in prompt if message.role != "system")
        prompt = (Message("system", prompting.system), *rest)
    if prompting.style == "steps":
        prompt = _asking_for_steps(prompt)
    return with_shots(prompt, shots)


def _asking_for_steps(prompt: tuple[Message, ...]) -> tuple[Message, ...]:
    """Ask for steps at the end of the last thing the user says: what comes last weighs most."""
    places = [at for at, message in enumerate(prompt) if message.role == "user"]
    if not places:
        return (*prompt, Message("user", STEPS))
    last = prompt[places[-1]]
    asked = Message("user", f"{last.content}\n\n{STEPS}", name=last.name)
    return (*prompt[: places[-1]], asked, *prompt[places[-1] + 1 :])


@dataclass(frozen=True)
class Asked:
    """A prompt as it is put, and how many shots are in it."""

    messages: tuple[Message, ...]
    shots: int


Fits = Callable[[Example, tuple[Message, ...]], bool]


def ask(example: Example, prompting: Prompting, shots: Sequence[Example], fits: Fits) -> Asked:
    """Put an example's prompt with as many of the shots as fit; without any if none do.

    Args:
        example: Whose prompt it is.
        prompting: How to put it.
        shots: The examples to show, the first of them first.
        fits: Whether the model's context holds a prompt of the example.
    """
    low, high = 0, len(shots)
    tried = high  # mostly all fit
    while low < high:
        if fits(example, put(example.prompt, prompting, shots[:tried])):
            low = tried
        else:
            high = tried - 1
        tried = (low + high + 1) // 2
    return Asked(put(example.prompt, prompting, shots[:low]), low)


def ask_all(
    examples: Iterable[Example],
    prompting: Prompting,
    shots: Sequence[Example],
    fits: Callable[[], Fits],
) -> list[Asked]:
    """Put the prompts of examples; `fits` is called only where there are shots to leave out."""
    if not shots:
        return [Asked(put(row.prompt, prompting, ()), 0) for row in examples]
    found = fits()
    return [ask(row, prompting, shots, found) for row in examples]


def fitting(model_dir: Path, new_tokens: int) -> Fits:
    """Return what tells whether a model's context holds a prompt and so many new tokens."""
    from transformers import AutoConfig

    from tunesmith.training.loading import load_tokenizer
    from tunesmith.training.rows import turns
    from tunesmith.training.template import prompt_ids

    config = AutoConfig.from_pretrained(model_dir).get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    tokenizer = load_tokenizer(model_dir)
    tokenizer.model_max_length = sys.maxsize  # that a prompt is too long is the answer, no warning

    def fits(example: Example, messages: tuple[Message, ...]) -> bool:
        if context is None:
            return True
        tools = example.tools if isinstance(example, ChatExample) else ()
        return len(prompt_ids(tokenizer, turns(messages), tools)) + new_tokens <= int(context)

    return fits


def final_answer(output: str) -> str:
    """Return what follows the last marker of a step-by-step output; all of it where there is none.

    The marker is found in any case, and in bold.
    """
    found = list(_MARKER.finditer(output))
    return output[found[-1].end() :].strip() if found else output
