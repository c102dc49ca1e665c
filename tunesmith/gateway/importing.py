"""Moving interactions from the segments into the database, each exactly once.

Rows and how far their segment was read are written in one transaction: an importer that is killed
goes on where it was, and reading a segment again changes nothing. A segment that is read to its end
and that nobody has open any more is removed.
"""

import contextlib
import fcntl
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from tunesmith.database.session import session
from tunesmith.database.tables import Feedback, Segment, Table
from tunesmith.database.tables import Interaction as Row
from tunesmith.errors import TunesmithError
from tunesmith.gateway.feedback import Line
from tunesmith.gateway.interactions import Interaction
from tunesmith.gateway.segments import SUFFIX

logger = logging.getLogger(__name__)

READ = 1 << 20
"""Bytes of one transaction: about 2,500 rows, for which a move in the ledger may have to wait."""
_PAUSE = 0.02
"""Seconds between two transactions; a SQLite file falls to whoever happens to try it next."""
_SETTLED = 10.0
"""Seconds after which whoever begins a segment has surely locked it."""

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
            segment = _locked(opened, path.name)
            begun = segment.imported
            lines, end = _read(path, begun)
            if end > begun:
                interactions, feedback = _sorted(lines, path, done)
                done.rows += _insert(opened, Row, interactions)
                done.feedback += _insert(opened, Feedback, feedback)
                segment.imported = end
        if end == begun:
            break
        time.sleep(_PAUSE)
    with contextlib.suppress(FileNotFoundError):
        status = path.stat()
        settled = time.time() - status.st_mtime > _SETTLED
        # Read once more, now that nobody can write to it.
        if settled and not _open_elsewhere(path) and _read(path, begun)[1] == begun:
            if status.st_size > begun:
                # Its writer was killed within a line, whose end no client has seen.
                done.unreadable += 1
            path.unlink()
            with session(database) as opened:
                opened.execute(delete(Segment).where(Segment.name == path.name))
            done.removed += 1


def _locked(opened: Session, name: str) -> Segment:
    """Return how far a segment was read; no other importer reads it before the transaction ends."""
    # A row that is not there yet could not be locked.
    _insert(opened, Segment, [{"name": name, "imported": 0}])
    return opened.get_one(Segment, name, with_for_update=True)


def _open_elsewhere(path: Path) -> bool:
    """Whether a worker has a segment open, also one that has had nothing to write for long."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


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
                said = _heard(line).feedback
                feedback.append(msgspec.structs.asdict(said) | {"id": said.key})
            else:
                interactions.append(_storable(msgspec.structs.asdict(_decode(line))))
        except (msgspec.DecodeError, UnicodeDecodeError):
            if line.strip():
                done.unreadable += 1
                logger.warning("%s: a line is no interaction and was left out", path.name)
    return interactions, feedback


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as every database takes it: PostgreSQL's texts hold no NUL."""
    return {
        name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for name, value in row.items()
    }


def _insert(opened: Session, table: type[Table], rows: list[dict[str, Any]]) -> int:
    """Insert rows that are not there yet; returns how many were new."""
    if not rows:
        return 0
    # One prepared statement for all rows: 500 of them in one statement take ten times the time.
    statement = _new(opened, table).execution_options(preserve_rowcount=True)
    try:
        return opened.connection().execute(statement, rows).rowcount
    except (DataError, IntegrityError) as error:
        # Not as the driver says it, which quotes the row.
        reason = type(error.orig).__name__
        raise TunesmithError(f"{table.__tablename__}: rows could not be stored: {reason}") from None


def _new(opened: Session, table: type[Table]) -> Any:
    """Return the statement that adds those rows that are not there yet."""
    dialect = postgresql if opened.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table.__table__).on_conflict_do_nothing()
