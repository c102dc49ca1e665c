"""Calls of tools are told as such, and the `openai` library takes every form."""

import json

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tunesmith.serving.answers import Piece, Token
from tunesmith.serving.replies import ChatReply, TextReply

CALL = 'Let me see. <tool_call>{"name": "look_up", "arguments": {"id": 7}}</tool_call>'


def chat(tools=False, logprobs=False):
    return ChatReply("tiny", 5, logprobs=logprobs, tools=tools)


def chunks(reply, piece):
    lines = b"".join(reply.events(piece)).decode().split("\n\n")[:-1]
    return [ChatCompletionChunk.model_validate_json(line.removeprefix("data: ")) for line in lines]


def test_a_call_is_told_as_one():
    found = ChatCompletion.model_validate_json(chat(tools=True).whole(Piece(CALL, finish="stop")))
    (choice,) = found.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me see.")
    (call,) = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("look_up", {"id": 7})


def test_a_call_in_a_stream():
    first, second, last = chunks(chat(tools=True), Piece(CALL, finish="stop"))
    assert first.choices[0].delta.role == "assistant"
    (call,) = second.choices[0].delta.tool_calls
    assert (call.index, call.function.name) == (0, "look_up")
    assert last.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("text", [CALL, "<tool_call>{oops</tool_call>"])
def test_what_is_no_call_stays_text(text):
    asked = text != CALL  # without tools nothing is a call; with them, a broken one is none
    found = ChatCompletion.model_validate_json(chat(tools=asked).whole(Piece(text, finish="stop")))
    assert found.choices[0].message.content == text
    assert found.choices[0].finish_reason == "stop"


def test_tokens_of_a_text_are_told_with_their_places():
    reply = TextReply("tiny", 5, logprobs=True)
    pieces = [Piece("ab", [Token("ab", -1.0)]), Piece("c", [Token("c", -2.0)], "stop", 2)]
    events = [b"".join(reply.events(piece)).decode().removeprefix("data: ") for piece in pieces]
    first, second = (json.loads(event)["choices"][0]["logprobs"] for event in events)
    assert (first["text_offset"], second["text_offset"]) == ([0], [2])
    assert Completion.model_validate_json(events[1]).choices[0].finish_reason == "stop"
