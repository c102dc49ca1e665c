"""Making examples with their ids, the same ones whatever shape they came in."""

from typing import Any, NamedTuple

from tunesmith.data.identity import chat_id, label_id, preference_id
from tunesmith.data.shapes.values import Problem
from tunesmith.records import ChatExample, LabelExample, Message, PreferenceExample


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
    return ChatExample(
        row_id=chat_id(messages, tools),
        group_id=facts.group or chat_id(messages[:-1]),
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
    return PreferenceExample(
        row_id=preference_id(prompt, chosen, rejected),
        group_id=facts.group or chat_id(prompt),
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        **facts.fields,
    )


def label(facts: Facts, text: str, name: str) -> LabelExample:
    """Make a text with its class."""
    return LabelExample(
        row_id=label_id(text, name),
        group_id=facts.group or chat_id((Message("user", text),)),
        text=text,
        label=name,
        **facts.fields,
    )
