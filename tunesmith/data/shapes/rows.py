"""Making examples with their ids, the same ones whatever shape they came in."""

import hashlib
from typing import Any, NamedTuple

from tunesmith.canonical import canonical, canonical_row
from tunesmith.data.shapes.values import Problem
from tunesmith.records import (
    ChatExample,
    LabelExample,
    Message,
    PreferenceExample,
    row_id,
)


class Facts(NamedTuple):
    """What a row has whatever its shape, as fields of an example; `group` where one is named."""

    fields: dict[str, Any]
    group: str | None


def chat(
    facts: Facts, messages: tuple[Message, ...], tools: tuple[dict[str, Any], ...] = ()
) -> ChatExample:
    """Make a conversation that ends with the answer to learn."""
    if messages[-1].role != "assistant" or not any(item.role == "user" for item in messages):
        raise Problem(
            "no_answer",
            f"expected a user's message and last an assistant's, found "
            f"{', '.join(item.role for item in messages)}",
        )
    content = _content(messages)
    if tools:
        content = b'{"messages":' + content + b',"tools":' + canonical(tools) + b"}"
    return ChatExample(
        row_id=_id(content),
        group_id=facts.group or _id(_content(messages[:-1])),
        messages=messages,
        tools=tools,
        **facts.fields,
    )


def preference(
    facts: Facts, prompt: tuple[Message, ...], chosen: str, rejected: str
) -> PreferenceExample:
    """Make a prompt with a better and a worse answer."""
    if not any(item.role == "user" for item in prompt) or prompt[-1].role == "assistant":
        raise Problem(
            "no_answer",
            "expected a prompt with a user's message, that ends before the answer, found "
            f"{', '.join(item.role for item in prompt) or 'nothing'}",
        )
    if chosen == rejected:
        raise Problem("no_preference", "the better and the worse answer are the same")
    content = {"prompt": [_plain(item) for item in prompt], "chosen": chosen, "rejected": rejected}
    return PreferenceExample(
        row_id=row_id(content),
        group_id=facts.group or _id(_content(prompt)),
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        **facts.fields,
    )


def label(facts: Facts, text: str, name: str) -> LabelExample:
    """Make a text with its class."""
    return LabelExample(
        row_id=row_id({"text": text, "label": name}),
        group_id=facts.group or _id(_content((Message("user", text),))),
        text=text,
        label=name,
        **facts.fields,
    )


def _content(messages: tuple[Message, ...]) -> bytes:
    """Return what the model sees of messages, as canonical JSON of their fields."""
    return b"[" + b",".join(map(canonical_row, messages)) + b"]"


def _plain(message: Message) -> Any:
    return {"role": message.role, "content": message.content}


def _id(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
