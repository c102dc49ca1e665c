"""Answers with a turn marker in them: the text ran on into another turn, or a template leaked.

Two kinds. Control tokens of chat templates (ChatML's `<|im_end|>`, Llama's `[INST]`, Gemma's
`<end_of_turn>`) stand in no answer that people or models mean. Names of speakers as plain
transcripts write them, "Human: ", "### Response:", stand in the answer of a model that plays both
sides, or of a row that was divided at the wrong place.

A name of a speaker counts where it begins a line or follows a sentence, and words follow it. It is
meant, and does not count, in a list or a play beside other names, in code and quotations, where the
input asks for a conversation, and where the input writes the same. Only when the input itself is a
transcript that waits for the next turn ("... Assistant:") does a repeated name count.
"""

import re
from collections.abc import Sequence

from tunesmith.data.markers import is_quoted

_TOKEN = re.compile(
    r"<\|[a-z][a-z0-9_]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|<｜[^｜<>\n]{2,30}｜>"
)
_WORDS = ("Human", "User", "Assistant", "HUMAN", "USER", "ASSISTANT", "### ")
_TOKEN_PARTS = ("<|", "INST]", "SYS>>", "_of_turn>", "<｜")
_SPEAKER = re.compile(
    r"(?m)(?:^[ \t>]{0,4}|(?<=[.!?\"”]) {1,3})"
    r"\*{0,2}(Human|User|Assistant|HUMAN|USER|ASSISTANT)\*{0,2}[ \t]?:\*{0,2}(?=\s*\S+\s+\S)"
)
_SECTION = re.compile(
    r"(?m)^#{2,3} ?(Human|User|Assistant|Instruction|Response)[ \t]?:[ \t]*(?=\S|\n)"
)
_LABEL = re.compile(r"[ \t>*-]{0,6}([A-Z][\w'-]*(?: [\w'-]+){0,2})\*{0,2}[ \t]?:\*{0,2}(?=\s)")
_HEADING = re.compile(r"(?m)^#{2,6} ?([^\n:]+)")
_ROLES = frozenset(
    ("human", "user", "assistant", "ai", "system", "bot",
     "instruction", "response", "input", "output")
)  # fmt: skip
_ASKED_FOR = re.compile(
    r"\b(?:dialog(?:ue)?s?|conversations?|transcripts?|(?:movie|film|play|call|chat|video) scripts?"
    r"|scenes?|interviews?|chat logs?|screenplays?|role.?play\w*|skits?|few.?shot|prompts?)\b",
    re.IGNORECASE,
)
_WAITS = re.compile(
    r"(?:^|\n)[ \t#*]{0,6}(?:assistant|ai|bot|response|answer)\*{0,2}[ \t]?:\*{0,2}\s*$",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def find_turn_marker(answer: str, asked: Sequence[str]) -> str | None:
    """Return the marker of a turn that leaked into an answer, or None.

    Args:
        answer: The answer.
        asked: What the system and the user said before it, in order.
    """
    if any(part in answer for part in _TOKEN_PARTS):
        token = _find_token(answer, asked)
        if token:
            return token
    if any(word in answer for word in _WORDS):
        return _find_speaker(answer, asked)
    return None


def _find_token(answer: str, asked: Sequence[str]) -> str | None:
    for match in _TOKEN.finditer(_without_code(answer)):
        if not any(match.group() in text for text in asked):
            return match.group()
    return None


def _find_speaker(answer: str, asked: Sequence[str]) -> str | None:
    text = _without_code(answer)
    found = [match for match in _SPEAKER.finditer(text) if not _is_listed(text, match)]
    if not any(name.lower() not in _ROLES for name in _HEADING.findall(text)):
        found += _SECTION.finditer(text)
    found = [match for match in found if not is_quoted(text, match.start(1))]
    if not found:
        return None
    waits = bool(asked) and _WAITS.search(asked[-1]) is not None
    if not waits and asked and _ASKED_FOR.search(asked[-1]):
        return None
    for match in found:
        if waits or not any(_names(before, match[1]) for before in asked):
            return match.group().strip()
    return None


def _without_code(answer: str) -> str:
    return _CODE.sub(" ", answer) if "`" in answer else answer


def _is_listed(text: str, match: re.Match[str]) -> bool:
    """Whether the line before or behind begins with the name of something else."""
    before = text[: match.start()].rstrip().rpartition("\n")[2]
    behind = text[match.end() :].lstrip().partition("\n")[2].lstrip()
    labels = (_LABEL.match(before), _LABEL.match(behind))
    return any(label is not None and label[1].lower() not in _ROLES for label in labels)


def _names(text: str, speaker: str) -> bool:
    return re.search(rf"(?m)^[ \t>#*]{{0,6}}{speaker}\**[ \t]?:", text) is not None
