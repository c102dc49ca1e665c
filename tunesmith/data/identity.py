"""The ids of rows: digests of what the model would see, however a row came to be.

A row that is read, and one that a check has made of another, have one id where they say the same.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from tunesmith.canonical import canonical, canonical_row
from tunesmith.records import ChatExample, Example, Message, PreferenceExample, row_id


def chat_id(messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> str:
    """Return the id of a conversation, or of the prompt of one."""
    content = _content(messages)
    if tools:
        content = b'{"messages":' + content + b',"tools":' + canonical(tools) + b"}"
    return _id(content)


def preference_id(prompt: Sequence[Message], chosen: str, rejected: str) -> str:
    """Return the id of a prompt with two answers."""
    return _id(
        b'{"chosen":%b,"prompt":%b,"rejected":%b}'
        % (canonical(chosen), _content(prompt), canonical(rejected))
    )


def label_id(text: str, label: str) -> str:
    """Return the id of a text with its class."""
    return row_id({"text": text, "label": label})


def rewritten(row: Example, **changes: Any) -> Example:
    """Return the row with other fields, and the id that its content then has."""
    changed: Example = msgspec.structs.replace(row, **changes)
    if isinstance(changed, ChatExample):
        found = chat_id(changed.messages, changed.tools)
    elif isinstance(changed, PreferenceExample):
        found = preference_id(changed.prompt, changed.chosen, changed.rejected)
    else:
        found = label_id(changed.text, changed.label)
    return msgspec.structs.replace(changed, row_id=found)


def _content(messages: Sequence[Message]) -> bytes:
    """Return what the model sees of messages, as canonical JSON of their fields."""
    return b"[" + b",".join(map(canonical_row, messages)) + b"]"


def _id(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
