"""What expectations are checked on: numbers and flags derived from a row, never its text.

Great Expectations copies offending values into its results and Data Docs, so text must not go
in. A data set of a million rows is a narrow frame here.
"""

import unicodedata
from typing import Any

from tunesmith.records import ChatExample

COLUMNS = {
    "messages": "how many messages the row has",
    "user_turns": "how many of them are the user's",
    "system_chars": "characters of the system prompt",
    "prompt_words": "words of the user's messages",
    "answer_chars": "characters of the answer",
    "answer_words": "words of the answer",
    "roles_alternate": "user and assistant take turns, after an optional system prompt",
    "answer_repeats_prompt": "the answer is what the user wrote",
    "control_characters": "control characters other than tab and line break",
    "replacement_characters": "U+FFFD, the trace of a wrong decoding",
    "repeated_line_share": "share of the answer's non-empty lines that repeat an earlier one",
}
"""The columns that an expectation may name, and what each holds."""


def derive(row: ChatExample) -> dict[str, Any]:
    """Return a row's columns."""
    system = " ".join(item.content for item in row.messages if item.role == "system")
    users = [item.content for item in row.prompt if item.role == "user"]
    text = "\n".join(item.content for item in row.messages)
    lines = [line.strip() for line in row.answer.splitlines() if line.strip()]
    return {
        "messages": len(row.messages),
        "user_turns": len(users),
        "system_chars": len(system),
        "prompt_words": sum(len(user.split()) for user in users),
        "answer_chars": len(row.answer),
        "answer_words": len(row.answer.split()),
        "roles_alternate": _alternate(row),
        "answer_repeats_prompt": row.answer.split() == users[-1].split(),
        "control_characters": sum(
            unicodedata.category(char) == "Cc" and char not in "\t\n\r" for char in text
        ),
        "replacement_characters": text.count("\ufffd"),
        "repeated_line_share": 1 - len(set(lines)) / len(lines) if lines else 0.0,
    }


def _alternate(row: ChatExample) -> bool:
    roles = [item.role for item in row.messages if item.role != "tool"]
    if roles and roles[0] == "system":
        roles = roles[1:]
    return all(
        role == ("user" if index % 2 == 0 else "assistant") for index, role in enumerate(roles)
    )
