"""What a suite asks, and the row that keeps an answer with what was judged about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec import Struct, field

from tunesmith.records import ChatExample, Example, FinishReason, Message

RIGHT = "right"
"""Name of the value that says whether an answer is as the suite wants it."""

TASK = "task"
"""The suite of the questions that are examples as they stand."""


class Judged(NamedTuple):
    """Whether an answer passes, and what that rests on."""

    passed: bool
    evidence: str = ""


Judge = Callable[[str], Mapping[str, Judged]]


@dataclass(frozen=True)
class Question:
    """One prompt of a suite.

    Attributes:
        item: Its name, the same for every model.
        suite: Which suite asks it.
        part: What kind of question it is within the suite.
        group_id: What it must not be counted apart from.
        messages: What is asked.
        judge: Says what an answer is worth, by the name of each value.
        tools: What the model is offered.
        chance: How often a blind guess passes.
        long: Whether the answer may be as long as the task's own.
        row_id: The example that it was made from, if any.
    """

    item: str
    suite: str
    part: str
    group_id: str
    messages: tuple[Message, ...]
    judge: Judge
    tools: tuple[dict[str, Any], ...] = ()
    chance: float = 0.0
    long: bool = False
    row_id: str = ""

    @property
    def text(self) -> str:
        """All that the answer may draw on."""
        return "\n".join(message.content for message in self.messages)


class Probe(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model's answer to one question.

    `asked` is the last message of the prompt, and `row_id` the example that it was made from:
    whoever forgets that row forgets this one too. `values` says by name what passed: `right`, or
    the names of the metrics, and for some questions `own_words`, `no_leak`, `no_canary`.
    `evidence` says why something did not.
    """

    item: str
    suite: str
    part: str
    group_id: str
    asked: str
    prompt_digest: str
    output: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    values: dict[str, bool]
    evidence: dict[str, str] = field(default_factory=dict)
    chance: float = 0.0
    row_id: str = ""


def one(judge: Callable[[str], Judged]) -> Judge:
    """Make a judge that says whether an answer is right of one that says so once."""
    return lambda output: {RIGHT: judge(output)}


def last_request(example: Example) -> str | None:
    """Return the user's last message, where the prompt is text that ends with it.

    None where tools play a part: a changed prompt would then no longer be a whole one.
    """
    if isinstance(example, ChatExample) and example.tools:
        return None
    prompt = example.prompt
    if not prompt or prompt[-1].role != "user" or any(turn.tool_calls for turn in prompt):
        return None
    return prompt[-1].content.strip() or None


def with_request(example: Example, text: str) -> tuple[Message, ...]:
    """Return the prompt with another last message."""
    return (*example.prompt[:-1], Message("user", text))


def asked(system: str | None, user: str) -> tuple[Message, ...]:
    """Return a prompt of one message, with a system prompt where one is given."""
    return (*([Message("system", system)] if system else []), Message("user", user))
