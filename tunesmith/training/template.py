"""Turn chat messages into tokens, in one way for training, evaluation and serving.

The tokens of a prompt are the same in all three: in training the answer's tokens are appended to
the prompt's, not cut out of the tokens of the whole text, where the tokenizer may merge the last
character of the prompt with the first of the answer.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tunesmith.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Turn = Mapping[str, str]
"""A message as chat templates take it, with the keys `role` and `content`."""


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", prompt: Sequence[Turn]) -> list[int]:
    """Return the tokens of a prompt up to where the assistant's answer begins.

    Raises:
        InputError: the model's chat template does not take these messages.
    """
    return _encode(tokenizer, _render(tokenizer, prompt, answered=False))


def answer_ids(
    tokenizer: "PreTrainedTokenizerBase", prompt: Sequence[Turn], answer: str
) -> list[int]:
    """Return the tokens that follow those of the prompt: the answer and the end of its turn.

    Raises:
        InputError: the template renders the prompt differently once it is answered, so that
            training on the answer would teach a context that the model never meets.
    """
    return _encode(tokenizer, _completion(tokenizer, prompt, answer))


def end_ids(tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Return the tokens that end an answer: the template's end of turn and the end of text.

    Raises:
        InputError: there is none, and generation would never stop.
    """
    probe = "x"
    tail = _completion(tokenizer, [{"role": "user", "content": probe}], probe).partition(probe)[2]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    turn = next((token for token in _encode(tokenizer, tail) if token in special), None)
    found = {token for token in (turn, tokenizer.eos_token_id) if token is not None}
    if not found:
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template ends an answer with {tail!r}, which holds"
            " no special token, and tokenizer_config.json names no eos_token; expected one of the"
            " two, or generation never stops. Use the instruct version of this model"
        )
    return frozenset(found)


def _completion(tokenizer: "PreTrainedTokenizerBase", prompt: Sequence[Turn], answer: str) -> str:
    head = _render(tokenizer, prompt, answered=False)
    whole = _render(tokenizer, [*prompt, {"role": "assistant", "content": answer}], answered=True)
    if not whole.startswith(head):
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template writes a prompt differently once it is"
            f" answered (the prompt ends {head[-40:]!r}, and the whole does not begin with it);"
            " use a template that only appends"
        )
    return whole[len(head) :]


def _render(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Turn], *, answered: bool
) -> str:
    from jinja2.exceptions import TemplateError

    try:
        text = tokenizer.apply_chat_template(
            [dict(turn) for turn in messages], tokenize=False, add_generation_prompt=not answered
        )
    except TemplateError as error:
        roles = ", ".join(turn["role"] for turn in messages)
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template does not take messages in the roles"
            f" {roles}: {error}"
        ) from error
    return str(text)


def _encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    # The template writes the special tokens itself; a second <s> would change every position.
    return list(tokenizer.encode(text, add_special_tokens=False))
