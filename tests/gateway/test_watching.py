import asyncio

import pytest
from sqlalchemy.exc import ProgrammingError

from tunesmith.errors import Transient
from tunesmith.gateway import watching
from tunesmith.gateway.routes import Routes


class Enough(Exception):
    pass


def test_a_ledger_that_cannot_be_read_ends_no_watch(monkeypatch, caplog):
    """Neither one that is away nor one that another version wrote; the lease runs meanwhile."""
    missing = ProgrammingError("SELECT", {}, Exception("there is no such column"))
    told = [Transient("away"), ValueError("params: of another version"), missing, {}, Enough]

    def look(*_):
        found = told.pop(0)
        if isinstance(found, dict):
            return found
        raise found

    monkeypatch.setattr(watching, "look", look)
    monkeypatch.setattr(watching, "EVERY", 0)
    with caplog.at_level("WARNING"), pytest.raises(Enough):
        asyncio.run(watching.watch(Routes(), "", None))
    assert not told
    assert [record.message for record in caplog.records] == [
        "the ledger cannot be seen, and the treatment's lease runs: away",
        "the ledger can be seen again",
    ]
