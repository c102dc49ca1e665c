"""Turn chat messages into tokens, in one way for training, evaluation and serving.

The tokens of a prompt are the same in all three: in training the answer's tokens are appended to
the prompt's, not cut out of the tokens of the whole text, where the tokenizer may merge the last
character of the prompt with the first of the answer.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Turn = Mapping[str, Any]
"""A message as chat templates take it: `role` and `content`, and what calls of tools need."""

Tool = Mapping[str, Any]
"""A function that is offered, as chat templates take it."""


def prompt_ids(
    tokenizer: "PreTrainedTokenizerBase", prompt: Sequence[Turn], tools: Sequence[Tool] = ()
) -> list[int]:
    """Return the tokens of a prompt up to where the assistant's answer begins.

    Raises:
        InputError: the model's chat template does not take these messages, or leaves out the
            tools or their calls.
    """
    return _encode(tokenizer, _render(tokenizer, prompt, tools, answered=False))


def answer_ids(
    tokenizer: "PreTrainedTokenizerBase",
    prompt: Sequence[Turn],
    answer: str | Turn,
    tools: Sequence[Tool] = (),
) -> list[int]:
    """Return the tokens that follow those of the prompt: the answer and the end of its turn.

    Args:
        tokenizer: The model's.
        prompt: The messages before the answer.
        answer: Its text, or the assistant's message where it calls tools.
        tools: What the model is offered.

    Raises:
        InputError: the template renders the prompt differently once it is answered, so that
            training on the answer would teach a context that the model never meets.
    """
    return _encode(tokenizer, _completion(tokenizer, prompt, answer, tools))


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


def _completion(
    tokenizer: "PreTrainedTokenizerBase",
    prompt: Sequence[Turn],
    answer: str | Turn,
    tools: Sequence[Tool] = (),
) -> str:
    last = {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
    head = _render(tokenizer, prompt, tools, answered=False)
    whole = _render(tokenizer, [*prompt, last], tools, answered=True)
    if not whole.startswith(head):
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template writes a prompt differently once it is"
            f" answered (the prompt ends {head[-40:]!r}, and the whole does not begin with it);"
            " use a template that only appends"
        )
    return whole[len(head) :]


def _render(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Turn],
    tools: Sequence[Tool],
    *,
    answered: bool,
) -> str:
    from jinja2.exceptions import TemplateError

    try:
        text = tokenizer.apply_chat_template(
            [dict(turn) for turn in messages],
            tools=[dict(tool) for tool in tools] or None,
            tokenize=False,
            add_generation_prompt=not answered,
        )
    except TemplateError as error:
        roles = ", ".join(turn["role"] for turn in messages)
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template does not take messages in the roles"
            f" {roles}: {error}"
        ) from error
    _check_rendered(tokenizer, messages, tools, str(text))
    return str(text)


def _check_rendered(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Turn],
    tools: Sequence[Tool],
    text: str,
) -> None:
    """Refuse a template that drops tools in silence, as those that know none do."""
    offered = [tool["function"]["name"] for tool in tools]
    called = [
        call["function"]["name"] for turn in messages for call in turn.get("tool_calls") or ()
    ]
    lost = [name for name in (*offered, *called) if name not in text]
    if lost:
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template leaves out the tool {lost[0]!r}; use a"
            " model whose template writes tools, or take rows with tools out"
        )


def _encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    # The template writes the special tokens itself; a second <s> would change every position.
    return list(tokenizer.encode(text, add_special_tokens=False))
