"""Let a model write only what a JSON Schema allows.

Before each token, those that cannot go on are taken out of the choice (Willard and Louf 2023,
https://arxiv.org/abs/2307.09702); `llguidance` computes which. An answer that was not cut off at
the most tokens allowed is then JSON that complies. White space is bounded: a model that would
rather not write JSON goes on with it forever.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

_WHITE_SPACE = r"( |\n {0,8})?"
"""What json.dumps writes between two signs, down to a depth of four."""


def problem(schema: Any) -> str:
    """Return why a schema cannot be held to while writing; empty if it can."""
    from llguidance import LLMatcher

    try:
        message = LLMatcher.validate_grammar(_grammar(schema))
    except ValueError as error:
        return str(error)
    return message


def _grammar(schema: Any) -> str:
    from llguidance import LLMatcher

    return LLMatcher.grammar_from_json_schema(
        json.dumps(schema), overrides={"whitespace_pattern": _WHITE_SPACE}
    )


class Constraint:
    """A JSON Schema, for one tokenizer.

    Args:
        tokenizer: The model's.
        ends: Tokens that end an answer.
        schema: The schema, as JSON text.

    Raises:
        InputError: the tokenizer is of a kind with which answers cannot be held to a schema.
    """

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", ends: frozenset[int], schema: str
    ) -> None:
        from llguidance.hf import from_tokenizer

        self._grammar = _grammar(json.loads(schema))
        try:
            self._tokenizer = from_tokenizer(tokenizer, eos_token=sorted(ends))
        except ValueError as error:
            raise InputError(
                f"{tokenizer.name_or_path}: answers cannot be held to a JSON Schema with this "
                f"tokenizer: {error}. Take `schema` out of prompt_baseline.styles"
            ) from error

    def start(self, rows: int) -> "Held":
        """Return what holds the rows of one batch to the schema, from their first token.

        Raises:
            InputError: the schema cannot be held to; `problem` tells it before.
        """
        from llguidance import LLMatcher

        first = LLMatcher(self._tokenizer, self._grammar)
        if first.is_error():
            raise InputError(
                f"evaluate.json_schema: answers cannot be held to it: {first.get_error()}. Take "
                "`schema` out of prompt_baseline.styles"
            )
        return Held([first.deep_copy() for _ in range(rows)])


class Held:
    """The rows of a batch on their way, each where it stands in the schema."""

    def __init__(self, matchers: Sequence[Any]) -> None:
        self._matchers = matchers

    def restrict(self, logits: "torch.Tensor") -> "torch.Tensor":
        """Return logits in which the tokens that cannot go on are minus infinity.

        Args:
            logits: A row for each of the batch; the columns beyond the tokenizer's are no tokens.
        """
        import numpy as np
        import torch

        raw = b"".join(matcher.compute_bitmask() for matcher in self._matchers)
        words = np.frombuffer(raw, np.uint8).reshape(len(self._matchers), -1)
        bits = np.unpackbits(words, axis=1, bitorder="little")[:, : logits.shape[1]]
        allowed = torch.zeros(logits.shape, dtype=torch.bool)
        allowed[:, : bits.shape[1]] = torch.from_numpy(bits.astype(bool))
        return logits.masked_fill(~allowed.to(logits.device), float("-inf"))

    def leave(self, places: Sequence[int]) -> None:
        """Go on with these rows only."""
        self._matchers = [self._matchers[at] for at in places]

    def take(self, tokens: Sequence[int]) -> None:
        """Go on by one token in each row; a row that has ended stays where it is.

        Raises:
            RuntimeError: a row went on with what was taken out of its choice.
        """
        for matcher, token in zip(self._matchers, tokens, strict=True):
            ended = matcher.is_stopped() and not matcher.is_error()
            if not ended and not matcher.consume_token(token):
                raise RuntimeError(f"token {token} was not allowed: {matcher.get_error()}")
