"""Rows that are longer than the model can be shown, and two ways to shorten them.

Tokens are those of the base model's own tokenizer. A row counts the tokens of its messages, and
`PER_MESSAGE` more for what a chat template writes around each. Nothing is ever cut from an answer:
a model that sees an answer without its end learns not to end.
"""

from collections.abc import Callable, Sequence

import msgspec

from tunesmith.data.identity import rewritten
from tunesmith.data.tokenizer import Tokenizer
from tunesmith.records import Example, LabelExample, Message, PreferenceExample

PER_MESSAGE = 8
"""Tokens of a template around a message, at most: ChatML needs five."""


def row_tokens(messages: Sequence[Message], count: Callable[[str], int]) -> int:
    """Return the tokens of a row's messages, with those of a template."""
    return sum(
        count(message.content)
        + sum(count(call.name) + count(call.arguments) for call in message.tool_calls)
        + PER_MESSAGE
        for message in messages
    )


def is_too_long(row: Example, limit: int, tokens: Tokenizer) -> int | None:
    """Return the tokens of a row that has more than `limit`, else None."""
    messages = row.messages
    texts = [message.content for message in messages]
    texts += [call.arguments + call.name for one in messages for call in one.tool_calls]
    if tokens.surely_within(texts, limit - PER_MESSAGE * len(messages)):
        return None
    found = row_tokens(messages, tokens.count)
    if isinstance(row, PreferenceExample):
        found += max(0, tokens.count(row.rejected) - tokens.count(row.chosen))
    return found if found > limit else None


def cut_input(row: Example, limit: int, tokens: Tokenizer) -> Example | None:
    """Shorten the input of a row from its start, until the row fits.

    The oldest turns go first, whole; then the start of the oldest that is left, because what is
    nearest to the answer matters most. The system prompt and the answer stay as they are.

    Returns:
        The shorter row, or None where the system prompt and the answer alone are too long.
    """
    if isinstance(row, LabelExample):
        room = limit - row_tokens(row.messages[1:], tokens.count) - PER_MESSAGE
        text = tokens.end(row.text, room).strip() if room > 0 else ""
        return rewritten(row, text=text) if text else None
    prompt = list(row.prompt)
    systems = [message for message in prompt if message.role == "system"]
    turns = [message for message in prompt if message.role != "system"]
    spare = is_too_long(row, 0, tokens) or 0
    while spare > limit and any(message.role == "user" for message in turns[1:]):
        spare -= row_tokens(turns[:1], tokens.count)
        del turns[0]
        while turns[0].role != "user":
            spare -= row_tokens(turns[:1], tokens.count)
            del turns[0]
    if spare > limit:
        room = tokens.count(turns[0].content) - (spare - limit)
        kept = tokens.end(turns[0].content, room).strip() if room > 0 else ""
        if not kept:
            return None
        turns[0] = msgspec.structs.replace(turns[0], content=kept)
    messages = (*systems, *turns)
    if isinstance(row, PreferenceExample):
        return rewritten(row, prompt=messages)
    return rewritten(row, messages=(*messages, row.messages[-1]))


def chunk(row: Example, limit: int, tokens: Tokenizer) -> list[Example] | None:
    """Divide a row into several that fit, in order, each an example by itself.

    A labelled text is cut between words, each piece with the label. A chat is cut between an
    assistant's turn and the user's next one, each piece with the system prompt. The pieces share
    the group of the row, so that they stay on one side of the split.

    Returns:
        The pieces, or None where a part that cannot be divided is too long by itself.
    """
    if isinstance(row, PreferenceExample):
        return None
    if isinstance(row, LabelExample):
        room = limit - row_tokens(row.messages[1:], tokens.count) - PER_MESSAGE
        texts = _pieces(row.text, room, tokens)
        return None if texts is None else [rewritten(row, text=text) for text in texts]
    systems = tuple(message for message in row.messages if message.role == "system")
    room = limit - row_tokens(systems, tokens.count)
    groups: list[list[Message]] = []
    left = 0
    for exchange in _exchanges(row.messages):
        size = row_tokens(exchange, tokens.count)
        if size > room:
            return None
        if not groups or size > left:
            groups.append([])
            left = room
        groups[-1] += exchange
        left -= size
    return [rewritten(row, messages=(*systems, *group)) for group in groups]


def _exchanges(messages: Sequence[Message]) -> list[list[Message]]:
    """The turns from a user's to the last before the next user's that follows an assistant's."""
    found: list[list[Message]] = []
    previous = "assistant"
    for message in messages:
        if message.role == "system":
            continue
        if not found or (message.role == "user" and previous == "assistant"):
            found.append([])
        found[-1].append(message)
        previous = message.role
    return found


def _pieces(text: str, room: int, tokens: Tokenizer) -> list[str] | None:
    """Cut a text between words into pieces of at most `room` tokens, as few as a first fit makes.

    Tokens are counted word by word, each with the space before it.
    """
    pieces: list[list[str]] = []
    left = 0
    for word in text.split():
        size = tokens.count(" " + word)
        if size > room:
            return None
        if not pieces or size > left:
            pieces.append([])
            left = room
        pieces[-1].append(word)
        left -= size
    return [" ".join(piece) for piece in pieces]
