"""Opening the database: migrated to this version's tables on the first use in a process."""

import contextlib
import functools
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from tunesmith.errors import RecipeError, Transient

_MIGRATION_LOCK = 7_233_126
_SOON = {"connect_timeout": "5", "tcp_user_timeout": "15000"}
"""Seconds to a connection, and milliseconds to an acknowledgement, where the URL names none."""
_READS = "tunesmith_reads"
_CACHE_KIB = 16_384
_opening = threading.Lock()


@contextlib.contextmanager
def session(url: str) -> Iterator[Session]:
    """Open a transaction: committed at the end of the block, rolled back if it raises.

    Raises:
        Transient: when the database cannot be reached or stays locked.
        RecipeError: when the URL is none, or its driver is not installed.
    """
    with _opened(url) as engine, Session(engine, expire_on_commit=False) as opened, opened.begin():
        yield opened


@contextlib.contextmanager
def reading(url: str) -> Iterator[Session]:
    """Open a transaction of which nothing is kept.

    On SQLite it waits while another commits, and not, as `session` does, for all that one writes.

    Raises:
        Transient: when the database cannot be reached or stays locked.
        RecipeError: when the URL is none, or its driver is not installed.
    """
    with _opened(url) as engine, Session(engine.execution_options(**{_READS: True})) as opened:
        yield opened


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Engine]:
    try:
        with _opening:
            engine = _open(url)
        yield engine
    except OperationalError as error:
        raise Transient(f"database {make_url(url)!r}: {error.orig}") from error


def _open(url: str) -> Engine:
    try:
        return _engine(url)
    except OSError as error:
        raise RecipeError(
            f"the folder of the database {make_url(url)!r} cannot be made: {error}; set "
            "TUNESMITH_HOME or TUNESMITH_DATABASE to a place that can be written"
        ) from error
    except (ArgumentError, ModuleNotFoundError) as error:
        raise RecipeError(
            f"TUNESMITH_DATABASE: {error}. Expected a URL such as sqlite:////path/to/file.db or "
            "postgresql://user@host/name (pip install 'tunesmith[postgres]')"
        ) from error


@functools.cache
def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        # A server that is gone without a word is told as one that cannot be reached, and soon.
        parsed = parsed.update_query_dict({**_SOON, **parsed.query})
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Parameters may be what a user wrote; errors end up in logs.
    engine = create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
    with contextlib.ExitStack() as failed:
        failed.callback(engine.dispose)
        with engine.connect() as connection:
            _migrate(connection)
        failed.pop_all()
    return engine


def _configure_sqlite(connection: object, record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # SQLAlchemy begins, below
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # No journal_mode=WAL: switching to it does not wait for the busy timeout.
    cursor.execute("PRAGMA busy_timeout=30000")
    # What a transaction writes is kept here until its end: from when it is not, nobody can read.
    cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A read that later writes would fail at once if another writer came between.
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    """Bring the tables up to date; one process at a time, the others wait."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        scripts = ScriptDirectory.from_config(config)
        current = MigrationContext.configure(connection).get_current_revision()
        if current not in {None, *(script.revision for script in scripts.walk_revisions())}:
            raise RecipeError(
                f"the database's tables are those of a later version (migration {current}); "
                "install that version of tunesmith, or give TUNESMITH_DATABASE another database"
            )
        if current != scripts.get_current_head():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
