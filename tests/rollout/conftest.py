"""Where the tests of rollouts have their ledger."""

from collections.abc import Iterator

import pytest

from tunesmith.database import session as sessions


@pytest.fixture
def database(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/t.db"


@pytest.fixture
def database_url(database_url: str) -> Iterator[str]:
    """On SQLite and on PostgreSQL; no connection is left open."""
    yield database_url
    sessions._engine(database_url).dispose()
    sessions._engine.cache_clear()
