"""Lengths in tokens, by the base model's own tokenizer.

What is counted is the text of the messages and the arguments of tool calls, without the tokens
that a chat template puts around them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tunesmith.data.tokenizer import tokenizer as loaded
from tunesmith.records import Example, Message, PreferenceExample


class Tokens(NamedTuple):
    """How many tokens a row has: what the model reads, what it learns to write, and the rest.

    `other` is the rejected answer of a preference.
    """

    prompt: int
    answer: int
    other: int

    @property
    def all(self) -> int:
        """Tokens of the whole row."""
        return self.prompt + self.answer + self.other


def count_rows(tokenizer: str, rows: Sequence[Example]) -> list[Tokens]:
    """Count the tokens of rows.

    Args:
        tokenizer: The content of the base's `tokenizer.json`.
        rows: Any examples.
    """
    count = loaded(tokenizer).count
    prompts: dict[str, int] = {"": 0}
    counted = []
    for row in rows:
        for text in (texts := [_text(message) for message in row.prompt]):
            if text not in prompts:  # rows share their system prompt
                prompts[text] = count(text)
        prompt = sum(prompts[text] for text in texts)
        counted.append(Tokens(prompt, count(_text(row.messages[-1])), count(_other(row))))
    return counted


def _other(row: Example) -> str:
    return row.rejected if isinstance(row, PreferenceExample) else ""


def _text(message: Message) -> str:
    if not message.tool_calls:
        return message.content
    calls = (f"{call.name} {call.arguments}" for call in message.tool_calls)
    return "\n".join([message.content, *calls])
