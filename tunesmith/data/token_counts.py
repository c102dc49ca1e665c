"""Lengths in tokens, by the base model's own tokenizer.

What is counted is the text of the messages and the arguments of tool calls, without the tokens
that a chat template puts around them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

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
    texts = [(tuple(map(_text, row.prompt)), _text(row.messages[-1]), _other(row)) for row in rows]
    # Each text once, since rows share their system prompt.
    distinct = list(dict.fromkeys(text for prompt, *rest in texts for text in (*prompt, *rest)))
    # Without offsets, which nobody asks for: a third of the time.
    encoded = _load(tokenizer).encode_batch_fast(distinct, add_special_tokens=False)
    count = {text: len(item) for text, item in zip(distinct, encoded, strict=True)}
    return [
        Tokens(sum(count[text] for text in prompt), count[answer], count[other])
        for prompt, answer, other in texts
    ]


def _other(row: Example) -> str:
    return row.rejected if isinstance(row, PreferenceExample) else ""


def _text(message: Message) -> str:
    if not message.tool_calls:
        return message.content
    calls = (f"{call.name} {call.arguments}" for call in message.tool_calls)
    return "\n".join([message.content, *calls])


@lru_cache(maxsize=2)
def _load(tokenizer: str) -> Any:
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_str(tokenizer)
    # A file may ask for either; both would lie about lengths.
    loaded.no_truncation()
    loaded.no_padding()
    return loaded
