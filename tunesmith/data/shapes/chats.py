"""Shapes of conversations: chat messages, prompt and completion, Alpaca and ShareGPT.

Chat messages are those of OpenAI's chat format for fine-tuning, with tools and tool calls
(platform.openai.com/docs/guides/fine-tuning). Refused: content in parts, `function_call` and
`functions` (what tools replaced), audio and refusals. A message's `weight` must be 1 on the
answer; on other messages it changes nothing, because only the answer is learnt.
"""

import json
from typing import Any, cast

from tunesmith.canonical import canonical
from tunesmith.data.shapes.rows import Facts, chat
from tunesmith.data.shapes.values import Problem, Values, as_text, kind
from tunesmith.records import ChatExample, Message, Role, ToolCall

ROLES = ("system", "user", "assistant", "tool")
_MESSAGE_KEYS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "weight"})
_SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "tool": "tool",
    "observation": "tool",
}


def from_messages(values: Values, facts: Facts) -> ChatExample:
    """Read `messages`, and `tools` where there are some."""
    raw = values.items("messages")
    parsed = messages(raw, values.key("messages"))
    if raw and raw[-1].get("weight", 1) not in (1, None):
        raise Problem(
            "wrong_shape",
            f"{values.key('messages')}[{len(raw) - 1}].weight is {raw[-1]['weight']!r}; expected "
            "1 on the answer to learn",
        )
    return chat(facts, parsed, _tools(values))


def from_completion(values: Values, facts: Facts) -> ChatExample:
    """Read `prompt` and `completion`, each text or messages, and a `system` prompt."""
    start = system(values)
    prompt, completion = values.take("prompt"), values.take("completion")
    if isinstance(prompt, list):
        start += messages(prompt, values.key("prompt"))
    else:
        start += (Message("user", as_text(prompt, values.key("prompt"))),)
    if isinstance(completion, list):
        return chat(facts, start + messages(completion, values.key("completion")), _tools(values))
    answer = Message("assistant", as_text(completion, values.key("completion")))
    return chat(facts, (*start, answer), _tools(values))


def from_instruction(values: Values, facts: Facts) -> ChatExample:
    """Read Alpaca's `instruction`, `input` and `output`, with `system` and `history`.

    The input follows the instruction after a blank line, without Alpaca's headings: the model's
    own chat template frames the message.
    """
    parts = [values.text("instruction"), values.text_or_none("input")]
    turns = system(values)
    for index, turn in enumerate(values.items("history") or []):
        where = f"{values.key('history')}[{index}]"
        if not isinstance(turn, list) or len(turn) != 2:
            raise Problem("wrong_shape", f"{where}: expected a question and its answer")
        turns += (
            Message("user", as_text(turn[0], where)),
            Message("assistant", as_text(turn[1], where)),
        )
    question = Message("user", "\n\n".join(part for part in parts if part is not None))
    answer = Message("assistant", values.text("output"))
    return chat(facts, (*turns, question, answer))


def from_conversations(values: Values, facts: Facts) -> ChatExample:
    """Read ShareGPT's `conversations` of `from` and `value`, with `system` and `tools`."""
    raw = values.items("conversations")
    where = values.key("conversations")
    if not raw:
        raise Problem(
            "wrong_shape",
            f"{where}: expected a list, found {kind(raw) if raw is None else 'an empty one'}",
        )
    turns = []
    for index, item in enumerate(raw):
        at = f"{where}[{index}]"
        if not isinstance(item, dict):
            raise Problem("wrong_shape", f"{at}: expected an object, found {kind(item)}")
        sender = item.get("from")
        role = _SHAREGPT_ROLES.get(sender) if isinstance(sender, str) else None
        if role is None:
            raise Problem(
                "wrong_shape",
                f"{at}.from is {sender!r}; expected one of {', '.join(_SHAREGPT_ROLES)}",
            )
        turns.append(Message(cast(Role, role), as_text(item.get("value"), f"{at}.value")))
    return chat(facts, system(values) + tuple(turns), _tools(values))


def system(values: Values) -> tuple[Message, ...]:
    """Return the row's system prompt as a message, if it has one."""
    text = values.text_or_none("system")
    return () if text is None else (Message("system", text),)


def messages(raw: Any, where: str) -> tuple[Message, ...]:
    """Read a list of chat messages.

    Raises:
        Problem: with the message and its field.
    """
    if not isinstance(raw, list) or not raw:
        found = "an empty one" if raw == [] else kind(raw)
        raise Problem("wrong_shape", f"{where}: expected a list, found {found}")
    return tuple(_message(item, f"{where}[{index}]") for index, item in enumerate(raw))


def _message(item: Any, at: str) -> Message:
    if not isinstance(item, dict):
        raise Problem("wrong_shape", f"{at}: expected an object, found {kind(item)}")
    role, content = item.get("role"), item.get("content")
    if role not in ROLES:
        raise Problem("wrong_shape", f"{at}.role is {role!r}; expected one of {', '.join(ROLES)}")
    if len(item) != 2 or "content" not in item:
        return _rich_message(item, role, content, at)
    return Message(role, as_text(content, f"{at}.content"))


def _rich_message(item: dict[str, Any], role: Role, content: Any, at: str) -> Message:
    unknown = sorted(key for key in item.keys() - _MESSAGE_KEYS if item[key] is not None)
    if unknown:
        raise Problem("wrong_shape", f"{at}: {', '.join(unknown)} is not known here")
    calls = _calls(item.get("tool_calls"), at)
    if calls and role != "assistant":
        raise Problem("wrong_shape", f"{at}: tool_calls of the role {role}; only assistants call")
    if item.get("tool_call_id") is not None and role != "tool":
        raise Problem("wrong_shape", f"{at}: tool_call_id of the role {role}; only tools answer")
    if item.get("weight") not in (None, 0, 1):
        raise Problem("wrong_shape", f"{at}.weight is {item['weight']!r}; expected 0 or 1")
    text = "" if calls and content in (None, "") else as_text(content, f"{at}.content")
    return Message(
        role,
        text,
        _optional_text(item, "name", at),
        calls,
        _optional_text(item, "tool_call_id", at),
    )


def _optional_text(item: dict[str, Any], name: str, at: str) -> str | None:
    found = item.get(name)
    return None if found is None else as_text(found, f"{at}.{name}")


def _calls(raw: Any, at: str) -> tuple[ToolCall, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise Problem("wrong_shape", f"{at}.tool_calls: expected a list, found {kind(raw)}")
    return tuple(_call(item, f"{at}.tool_calls[{index}]") for index, item in enumerate(raw))


def _call(item: Any, at: str) -> ToolCall:
    function = item.get("function") if isinstance(item, dict) else None
    if not isinstance(function, dict):
        raise Problem(
            "wrong_shape", f"{at}: expected an object with a function, found {kind(item)}"
        )
    if item.get("type") not in (None, "function"):
        raise Problem("wrong_shape", f"{at}.type is {item['type']!r}; expected function")
    found = item.get("id")
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        arguments = canonical(arguments).decode()
    arguments = as_text(arguments, f"{at}.function.arguments")
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise Problem(
            "wrong_shape", f"{at}.function.arguments: expected an object in JSON, found other text"
        )
    return ToolCall(
        "" if found is None else as_text(found, f"{at}.id"),
        as_text(function.get("name"), f"{at}.function.name"),
        arguments,
    )


def _tools(values: Values) -> tuple[dict[str, Any], ...]:
    """Return the tools that are offered, each with the name of its function."""
    found = values.items("tools") or []
    for index, tool in enumerate(found):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Problem(
                "wrong_shape",
                f"{values.key('tools')}[{index}]: expected an object with a function and its name",
            )
    return tuple(found)
