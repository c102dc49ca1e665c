r"""Shapes of preference pairs, and of texts with a label.

Pairs come as text, as messages, as whole transcripts ("\n\nHuman: …\n\nAssistant: …", as in
anthropics/hh-rlhf), or as OpenAI's `input`, `preferred_output` and `non_preferred_output`
(platform.openai.com/docs/guides/direct-preference-optimization). Refused: pairs with tools, and
pairs that differ before the last answer.
"""

import re
from typing import Any

from tunesmith.data.shapes.chats import messages, system
from tunesmith.data.shapes.rows import Facts, label, preference
from tunesmith.data.shapes.values import Problem, Values, as_text, kind
from tunesmith.records import LabelExample, Message, PreferenceExample

_TURN = re.compile(r"\n\n(Human|Assistant):")


def from_pair(values: Values, facts: Facts) -> PreferenceExample:
    """Read `chosen` and `rejected`, and the `prompt` where they do not hold it themselves."""
    prompt = _prompt(values.take("prompt"), values.key("prompt"))
    (before, chosen), (other, rejected) = (_side(values, name) for name in ("chosen", "rejected"))
    if before != other:
        raise Problem(
            "wrong_shape",
            f"{values.key('chosen')} and {values.key('rejected')} differ before their last answer",
        )
    if before and prompt and before != prompt and before[-1:] != prompt:
        raise Problem(
            "wrong_shape",
            f"{values.key('prompt')} is not what {values.key('chosen')} answers",
        )
    return preference(facts, system(values) + (before or prompt), chosen, rejected)


def from_outputs(values: Values, facts: Facts) -> PreferenceExample:
    """Read OpenAI's `input.messages`, `preferred_output` and `non_preferred_output`."""
    where = values.key("input")
    given = values.take("input")
    if not isinstance(given, dict):
        raise Problem("wrong_shape", f"{where}: expected an object, found {kind(given)}")
    if given.get("tools"):
        raise Problem("wrong_shape", f"{where}.tools: tools are not known in preference pairs")
    prompt = _without_calls(messages(given.get("messages"), f"{where}.messages"), where)
    sides = []
    for name in ("preferred_output", "non_preferred_output"):
        turns = messages(values.items(name), values.key(name))
        if len(turns) != 1 or turns[0].role != "assistant":
            raise Problem(
                "wrong_shape", f"{values.key(name)}: expected one message, an assistant's"
            )
        sides.append(_without_calls(turns, values.key(name))[0].content)
    return preference(facts, prompt, sides[0], sides[1])


def from_label(values: Values, facts: Facts) -> LabelExample:
    """Read `text` and `label`; a whole number is a label too."""
    name = values.take("label")
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    return label(facts, values.text("text"), as_text(name, values.key("label")))


def _prompt(raw: Any, where: str) -> tuple[Message, ...]:
    if raw is None:
        return ()
    if isinstance(raw, list):
        return _without_calls(messages(raw, where), where)
    text = as_text(raw, where)
    if _TURN.match(text):
        return _transcript(text.removesuffix(" ").removesuffix("\n\nAssistant:"), where)
    return (Message("user", text),)


def _side(values: Values, field: str) -> tuple[tuple[Message, ...], str]:
    """Return what stands before one of the two answers, if it does, and the answer."""
    raw, where = values.take(field), values.key(field)
    if isinstance(raw, list):
        turns = _without_calls(messages(raw, where), where)
    elif isinstance(raw, str) and _TURN.match(raw):
        turns = _transcript(raw, where)
    else:
        return (), as_text(raw, where)
    if turns[-1].role != "assistant":
        raise Problem("no_answer", f"{where}: expected an assistant's message last")
    return turns[:-1], turns[-1].content


def _transcript(text: str, where: str) -> tuple[Message, ...]:
    parts = _TURN.split(text)
    return tuple(
        Message(
            "user" if speaker == "Human" else "assistant",
            as_text(said.strip(), f"{where}: turn {index}"),
        )
        for index, (speaker, said) in enumerate(zip(parts[1::2], parts[2::2], strict=True), 1)
    )


def _without_calls(turns: tuple[Message, ...], where: str) -> tuple[Message, ...]:
    if any(turn.tool_calls or turn.tool_call_id for turn in turns):
        raise Problem("wrong_shape", f"{where}: tool calls are not known in preference pairs")
    return turns
