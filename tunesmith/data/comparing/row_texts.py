"""The texts of a row that are compared with those of others."""

from tunesmith.records import Example, LabelExample, Message, PreferenceExample


def whole(row: Example) -> str:
    """Return all that a row says but for the system prompt, which rows share.

    A chat's turns with the calls of tools in them, a preference's prompt and both answers, a
    labelled text without its label. It begins with `asked`.
    """
    if isinstance(row, LabelExample):
        return row.text
    if isinstance(row, PreferenceExample):
        return "\n".join(filter(None, (asked(row), row.chosen, row.rejected)))
    return _spoken(row.messages)


def asked(row: Example) -> str:
    """Return what the answer of a row is an answer to, without the system prompt."""
    return row.text if isinstance(row, LabelExample) else _spoken(row.prompt)


def said(message: Message) -> str:
    """Return the content of a message, and the calls of tools in it."""
    calls = (f"{call.name} {call.arguments}" for call in message.tool_calls)
    return "\n".join((message.content, *calls))


def _spoken(messages: tuple[Message, ...]) -> str:
    return "\n".join(said(message) for message in messages if message.role != "system")
