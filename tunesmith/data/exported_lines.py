"""Lines of exported files: an example in another tool's format, and back again unchanged.

| format | a line | where it is described |
|---|---|---|
| openai | `messages` and, where there are some, `tools` | \
platform.openai.com/docs/guides/supervised-fine-tuning |
| alpaca | `instruction`, `input`, `output`; a system prompt is the instruction, and the user's \
message then the input | github.com/tatsu-lab/stanford_alpaca |
| dpo | `prompt`, `chosen`, `rejected`, each a list of messages | \
huggingface.co/docs/trl/dataset_formats, conversational preference |

What a format has no room for stands in a second file, one line a row: the row's provenance, bound
to its line by the line's sha256.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import msgspec

from tunesmith.data.shapes.chats import messages
from tunesmith.data.shapes.values import Problem
from tunesmith.records import ChatExample, Example, LabelExample, Message, Origin, PreferenceExample

Format = Literal["openai", "alpaca", "dpo"]

_CONTENT = ("messages", "tools", "prompt", "chosen", "rejected", "text", "label")
_TRUST: tuple[Origin, ...] = ("human", "production", "model")
"""Origins from the most trusted to the least."""


class NoRoomError(ValueError):
    """A format has no room for a row; the message says for what of it."""


def as_line(row: Example, into: Format) -> bytes:
    """Return an example as a line of a format, without the line break.

    Raises:
        NoRoomError: when the format cannot say everything that the model would see.
    """
    return msgspec.json.encode(_FORMATS[into](row))


def provenance_line(row: Example, line: bytes) -> dict[str, Any]:
    """Return what a row has beside its content, with the sha256 of the line it belongs to."""
    facts = msgspec.to_builtins(row)
    for name in _CONTENT:
        facts.pop(name, None)
    return {"sha256": hashlib.sha256(line).hexdigest(), **facts}


def restore(row: Example, line: bytes, provenance: Mapping[str, Any]) -> Example:
    """Return the row that was exported as a line.

    Args:
        row: What a reader made of the line, with its source's origin.
        line: The line, without its line break.
        provenance: What `provenance_line` returned for it.

    Returns:
        The row with its own ids, source, facts and type. Its origin is the less trusted of the
        one it states and the source's, as for rows that state it themselves: a model's output
        that nobody reviewed must be refused after this, too.

    Raises:
        Problem: `bad_provenance`, when the two do not belong together, or the provenance is
            not one.
    """
    if provenance.get("sha256") != hashlib.sha256(line).hexdigest():
        raise Problem("bad_provenance", "it belongs to another line, or the line was changed")
    facts = {name: value for name, value in provenance.items() if name not in _CONTENT}
    if facts.get("origin") in _TRUST:
        stated = cast(Origin, facts["origin"])
        facts["origin"] = max(row.origin, stated, key=_TRUST.index)
    try:
        found = msgspec.convert({**facts, **_content(line, facts.get("type"))}, Example)
    except (msgspec.MsgspecError, LookupError, TypeError) as error:
        raise Problem("bad_provenance", f"it is not one: {error}") from error
    if found.answer != row.answer:
        raise Problem("bad_provenance", "the line is read as another answer than was exported")
    return cast(Example, found)


def _openai(row: Example) -> dict[str, Any]:
    if isinstance(row, PreferenceExample):
        raise NoRoomError("pairs of answers (use dpo)")
    found: dict[str, Any] = {"messages": [_message(item) for item in row.messages]}
    if isinstance(row, ChatExample) and row.tools:
        found["tools"] = list(row.tools)
    return found


def _alpaca(row: Example) -> dict[str, Any]:
    if isinstance(row, PreferenceExample):
        raise NoRoomError("pairs of answers (use dpo)")
    turns = row.messages
    roles = [item.role for item in turns]
    if isinstance(row, ChatExample) and (row.tools or any(map(_is_rich, turns))):
        raise NoRoomError("tools or names (use openai)")
    if roles == ["user", "assistant"]:
        instruction, given = turns[0].content, ""
    elif roles == ["system", "user", "assistant"] and turns[1].content:
        instruction, given = turns[0].content, turns[1].content
    else:
        raise NoRoomError("more than one turn (use openai)")
    return {"instruction": instruction, "input": given, "output": turns[-1].content}


def _dpo(row: Example) -> dict[str, Any]:
    if not isinstance(row, PreferenceExample):
        raise NoRoomError("rows without a rejected answer (use openai)")
    return {
        "prompt": [_message(item) for item in row.prompt],
        "chosen": [{"role": "assistant", "content": row.chosen}],
        "rejected": [{"role": "assistant", "content": row.rejected}],
    }


_FORMATS: dict[Format, Callable[[Example], dict[str, Any]]] = {
    "openai": _openai,
    "alpaca": _alpaca,
    "dpo": _dpo,
}


def _is_rich(message: Message) -> bool:
    return bool(message.name or message.tool_calls or message.tool_call_id)


def _message(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role}
    if message.content or not message.tool_calls:
        found["content"] = message.content
    if message.name is not None:
        found["name"] = message.name
    if message.tool_calls:
        found["tool_calls"] = [
            {
                **({"id": call.id} if call.id else {}),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        found["tool_call_id"] = message.tool_call_id
    return found


def _content(line: bytes, kind: Any) -> dict[str, Any]:
    """Return the content of an exported row as fields of its type."""
    value = msgspec.json.decode(line)
    if kind == PreferenceExample.__struct_config__.tag:
        return {
            "prompt": _turns(value["prompt"]),
            "chosen": value["chosen"][0]["content"],
            "rejected": value["rejected"][0]["content"],
        }
    if "messages" in value:
        turns = _turns(value["messages"])
    else:
        said = [value["instruction"], *([value["input"]] if value["input"] else [])]
        roles = ("user",) if len(said) == 1 else ("system", "user")
        turns = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
        turns.append({"role": "assistant", "content": value["output"]})
    if kind == LabelExample.__struct_config__.tag:
        return {"text": turns[0]["content"], "label": turns[1]["content"]}
    return {"messages": turns, "tools": value.get("tools", [])}


def _turns(raw: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.to_builtins(messages(raw, "messages"))
    return found
