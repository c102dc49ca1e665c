"""What expectations are checked on: numbers and flags derived from a row, never its text.

Great Expectations copies offending values into its results and Data Docs, so text must not go
in. A data set of a million rows is a narrow frame here.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tunesmith.records import Example, LabelExample

if TYPE_CHECKING:
    import pandas as pd

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
    "label": "the label of a labelled text, else nothing",
}
"""The columns that an expectation may name, and what each holds."""


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def table(rows: Iterable[Example]) -> "pd.DataFrame":
    """Return the columns of rows, a line each in their order."""
    import pandas as pd

    return pd.DataFrame.from_records([derive(row) for row in rows], columns=list(COLUMNS))


def derive(row: Example) -> dict[str, Any]:
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
        "answer_repeats_prompt": bool(users) and row.answer.split() == users[-1].split(),
        "control_characters": len(_CONTROL.findall(text)),
        "replacement_characters": text.count("\ufffd"),
        "repeated_line_share": 1 - len(set(lines)) / len(lines) if lines else 0.0,
        "label": row.label if isinstance(row, LabelExample) else None,
    }


def _alternate(row: Example) -> bool:
    # What a tool answers and the call that asked for it are the assistant's own affair.
    roles = [item.role for item in row.messages if item.role != "tool" and not item.tool_calls]
    if roles and roles[0] == "system":
        roles = roles[1:]
    return all(
        role == ("user" if index % 2 == 0 else "assistant") for index, role in enumerate(roles)
    )
