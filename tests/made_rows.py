"""Rows for tests: as few words as say what a test is about."""

import json
from collections.abc import Iterable
from typing import Any

from tunesmith.records import ChatExample, Dropped, Message, row_id


def chat(
    user: str,
    answer: str = "Fine.",
    *,
    system: str | None = None,
    source: str = "rows.jsonl:1",
    group: str | None = None,
    **fields: Any,
) -> ChatExample:
    """A conversation of one turn; without a group, rows with the same question are one."""
    turns = [("system", system), ("user", user), ("assistant", answer)]
    messages = tuple(Message(role, text) for role, text in turns if text is not None)
    contents = [{"role": item.role, "content": item.content} for item in messages]
    return ChatExample(
        row_id=row_id(contents),
        group_id=group or row_id(contents[:-1]),
        source=source,
        origin="human",
        messages=messages,
        **fields,
    )


def chats(*users: str, **fields: Any) -> list[ChatExample]:
    """Conversations with their line numbers."""
    return [
        chat(user, source=f"rows.jsonl:{number}", **fields) for number, user in enumerate(users, 1)
    ]


def distinct(count: int, start: int = 0) -> list[ChatExample]:
    """Conversations of which no two are near copies."""
    return [
        chat(
            f"ticket{n} needs part{n * 7} because machine{n * 13} stopped near hall{n * 17}",
            f"Part{n * 7} ships to hall{n * 17} for ticket{n} today, machine{n * 13} waits.",
            source=f"rows.jsonl:{n + 1}",
        )
        for n in range(start, start + count)
    ]


def line(user: str = "How?", answer: str = "So.", **extra: Any) -> str:
    """A line of a JSONL file of chat messages."""
    messages = [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages, **extra}, ensure_ascii=False)


def kept(rows: Iterable[ChatExample | Dropped]) -> list[ChatExample]:
    """The rows that are not dropped."""
    return [row for row in rows if not isinstance(row, Dropped)]


def reasons(rows: Iterable[ChatExample | Dropped]) -> list[str | None]:
    """The reason of each row's drop, None where it was kept."""
    return [row.reason if isinstance(row, Dropped) else None for row in rows]
