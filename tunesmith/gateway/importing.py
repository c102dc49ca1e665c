"""Moving interactions from the segments into the database, each exactly once.

Rows and how far their segment was read are written in one transaction: an importer that is killed
goes on where it was, and reading a segment again changes nothing. A segment that is read to its end
and that nobody writes to any more is removed.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import delete, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tunesmith.database.session import session
from tunesmith.database.tables import Feedback, Segment, Table
from tunesmith.database.tables import Interaction as Row
from tunesmith.gateway.feedback import Line
from tunesmith.gateway.interactions import Interaction
from tunesmith.gateway.segments import OLDEST, SUFFIX

logger = logging.getLogger(__name__)

AT_ONCE = 500
"""Rows of one statement; SQLite takes 32,766 values."""
READ = 4 << 20
_SETTLED = OLDEST * 2
"""Seconds without a write after which a segment that was read to its end is removed."""

_decode = msgspec.json.Decoder(Interaction).decode
_heard = msgspec.json.Decoder(Line).decode
_FEEDBACK = b'{"feedback":'


@dataclass
class Imported:
    """What an import did.

    Attributes:
        rows: Interactions that are new in the database.
        feedback: What was said of them that is new.
        unreadable: Lines that are none, such as one that a full disk cut off.
        removed: Segments that were read to their end and removed.
    """

    rows: int = 0
    feedback: int = 0
    unreadable: int = 0
    removed: int = 0


def import_all(folder: Path, database: str) -> Imported:
    """Import what is new in every segment of a folder.

    Raises:
        Transient: the database cannot be reached; nothing is lost, and the next import goes on.
    """
    done = Imported()
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        _import_segment(path, database, done)
    return done


def _import_segment(path: Path, database: str, done: Imported) -> None:
    while True:
        with session(database) as opened:
            segment = opened.get(Segment, path.name, with_for_update=True)
            begun = 0 if segment is None else segment.imported
            lines, end = _read(path, begun)
            if end > begun:
                interactions, feedback = _sorted(lines, path, done)
                done.rows += _insert(opened, Row, interactions)
                done.feedback += _insert(opened, Feedback, feedback)
                opened.merge(Segment(name=path.name, imported=end))
                continue
        break
    with contextlib.suppress(FileNotFoundError):
        status = path.stat()
        if status.st_size == begun and time.time() - status.st_mtime > _SETTLED:
            path.unlink()
            with session(database) as opened:
                opened.execute(delete(Segment).where(Segment.name == path.name))
            done.removed += 1


def _read(path: Path, begun: int) -> tuple[list[bytes], int]:
    """Return the whole lines from a place on, and where they end."""
    try:
        with path.open("rb") as file:
            file.seek(begun)
            data = file.read(READ)
            # A line longer than what is read at once is read whole.
            if data and b"\n" not in data:
                data += file.readline()
    except FileNotFoundError:
        return [], begun
    whole = data.rfind(b"\n") + 1
    return data[:whole].splitlines(), begun + whole


def _sorted(
    lines: list[bytes], path: Path, done: Imported
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the interactions and the feedback among some lines."""
    interactions, feedback = [], []
    for line in lines:
        try:
            if line.startswith(_FEEDBACK):
                feedback.append(msgspec.structs.asdict(_heard(line).feedback))
            else:
                interactions.append(msgspec.structs.asdict(_decode(line)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            if line.strip():
                done.unreadable += 1
                logger.warning("%s: a line is no interaction and was left out", path.name)
    return interactions, feedback


def _insert(opened: Session, table: type[Table], rows: list[dict[str, Any]]) -> int:
    """Insert rows that are not there yet; returns how many were new."""
    dialect = postgresql if opened.get_bind().dialect.name == "postgresql" else sqlite
    new = 0
    for at in range(0, len(rows), AT_ONCE):
        statement = dialect.insert(table).values(rows[at : at + AT_ONCE]).on_conflict_do_nothing()
        new += len(opened.execute(statement.returning(literal(1))).all())
    return new
