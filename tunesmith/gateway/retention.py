"""Removing captured text from the database when its time is over; the rest of a record stays."""

from typing import Any, cast

from sqlalchemy import CursorResult, select, text, update

from tunesmith.database.session import session
from tunesmith.database.tables import Interaction as Row

AT_ONCE = 1000
"""Rows of one transaction, so that nobody waits long for it."""


def forget_texts(database: str, before: int) -> int:
    """Empty the text of interactions from before a time, in milliseconds since 1970.

    Returns:
        How many had any.

    Raises:
        Transient: the database cannot be reached; the next call goes on.
    """
    emptied = 0
    while True:
        with session(database) as opened:
            if opened.get_bind().dialect.name == "sqlite":
                # Else what was there stays in the file until another row is written over it.
                opened.execute(text("PRAGMA secure_delete = ON"))
            old = select(Row.id).where(Row.request.is_not(None), Row.at < before).limit(AT_ONCE)
            statement = update(Row).where(Row.id.in_(old)).values(request=None, answer=None)
            statement = statement.execution_options(synchronize_session=False)
            found = cast(CursorResult[Any], opened.execute(statement)).rowcount
        emptied += found
        if found < AT_ONCE:
            return emptied
