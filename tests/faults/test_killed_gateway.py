"""Workers, importers and databases that are killed under load lose and double nothing.

A quick series runs in the suite. A long one:

    KILLS=100 python -m pytest tests/faults/test_killed_gateway.py -s
"""

import asyncio
import concurrent.futures
import contextlib
import json
import os
import random
import threading
from collections import Counter

import pytest
from sqlalchemy import select

from tests.faults.killing import Clients, Gateway, Nursery, imports, postgres
from tests.scripted_upstream import DONE, OPENING, piece, says, serving, streams
from tests.waiting import wait_for
from tunesmith.database.session import session
from tunesmith.database.tables import Interaction
from tunesmith.gateway import importing
from tunesmith.gateway.importing import import_all
from tunesmith.gateway.segments import Segments

KILLS = int(os.environ.get("KILLS", "3"))


@pytest.fixture
def upstream():
    """Answers at once, or in pieces over a while, so that streams are cut in the midst."""
    whole = says("ok")
    slow = streams(OPENING, *[piece("x")] * 5, piece(finish_reason="stop"), DONE, every=0.01)
    with serving() as made:
        made.answer = lambda handler, body: (slow if body["stream"] else whole)(handler, body)
        yield made


def check(gateway, clients, database):
    """Everything seen is there, and everybody is there once at most."""
    clients.end()
    gateway.kill()
    import_all(gateway.segments, database)
    with session(database) as opened:
        rows = opened.execute(select(Interaction.id, Interaction.unit)).all()
    assert not clients.wrong
    assert set(clients.seen) <= {row.id for row in rows}, "an answer was seen and is lost"
    assert max(Counter(row.unit for row in rows).values()) == 1, "a request counts twice"
    assert len(rows) <= clients.asked
    print(f"\n{clients.asked} asked, {len(clients.seen)} seen whole, {clients.cut} cut, "
          f"{len(rows)} recorded")  # fmt: skip


@pytest.mark.timeout(300 + 60 * KILLS)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_under_load_nothing_is_lost_and_nothing_counts_twice(kind, upstream, tmp_path):
    draw = random.Random(7)
    with contextlib.ExitStack() as ends:
        database, server = f"sqlite:///{tmp_path}/t.db", None
        if kind == "postgresql":
            server = ends.enter_context(postgres())
            database = server.server.get_uri("postgres")
        gateway = Gateway(tmp_path / "home", database, upstream.url)
        ends.callback(gateway.kill)
        wait_for(gateway.ready)
        importer = ends.enter_context(Nursery()).begin(imports, gateway.segments, database)
        clients = Clients(gateway.url)
        ends.callback(clients.end)
        victims = {"worker": lambda: gateway.kill_one(draw), "importer": importer.kill}
        if server:
            victims["database"] = server.kill
        for number in range(KILLS):
            before = len(clients.seen)
            until = draw.randint(20, 120)
            wait_for(lambda: len(clients.seen) >= before + until)  # noqa: B023
            names = list(victims)
            name = names[number] if number < len(names) else draw.choice(names)
            victims[name]()
            if name == "database":
                wait_for(lambda: len(clients.seen) >= before + 2 * until)  # noqa: B023
                server.start()
        check(gateway, clients, database)
        assert clients.cut or KILLS < 20, "no kill has hit an answer"


def line(number, **more):
    record = {"id": f"i{number:06d}", "at": number, "recipe": "tiny", **more}
    return json.dumps(record).encode() + b"\n"


def test_a_segment_that_is_open_stays_however_long_nobody_asks(tmp_path):
    segments, database = Segments(tmp_path / "i"), f"sqlite:///{tmp_path}/t.db"
    (path,) = (tmp_path / "i").iterdir()
    os.utime(path, (1, 1))
    assert import_all(tmp_path / "i", database).removed == 0
    asyncio.run(segments.append(line(1).strip()))
    os.utime(path, (1, 1))
    done = import_all(tmp_path / "i", database)
    assert (done.rows, done.removed) == (1, 0)
    asyncio.run(segments.close())
    os.utime(path, (1, 1))
    assert import_all(tmp_path / "i", database).removed == 1


def test_a_segment_to_which_more_came_meanwhile_is_not_removed(tmp_path, monkeypatch):
    path, database = tmp_path / "1.jsonl", f"sqlite:///{tmp_path}/t.db"
    path.write_bytes(line(1))
    ask = importing._open_elsewhere

    def late(asked):
        if path.read_bytes() == line(1):
            path.write_bytes(line(1) + line(2))  # the last that its writer did
        os.utime(path, (1, 1))
        return ask(asked)

    monkeypatch.setattr(importing, "_open_elsewhere", late)
    os.utime(path, (1, 1))
    done = import_all(tmp_path, database)
    assert (done.rows, done.removed) == (1, 0)
    done = import_all(tmp_path, database)
    assert (done.rows, done.removed) == (1, 1)


def test_what_no_table_could_hold_does_not_stop_the_rest(tmp_path, database_url):
    lines = [
        line(1), line(2, prompt_tokens=2**31), line(3, completion_tokens=-1),
        line(4, finish_reason="x" * 41), line(5, model="m" * 201), line(6, answer="a\0b"),
    ]  # fmt: skip
    (tmp_path / "1.jsonl").write_bytes(b"".join(lines))
    done = import_all(tmp_path, database_url)
    assert (done.rows, done.unreadable) == (2, 4)
    with session(database_url) as opened:
        assert opened.get_one(Interaction, "i000006").answer == "a\ufffdb"


def test_importers_at_one_time_share_the_work(tmp_path, database_url):
    import_all(tmp_path, database_url)
    for number in range(10):
        lines = [line(at) for at in range(number * 30, number * 30 + 30)]
        (tmp_path / f"{number}.jsonl").write_bytes(b"".join(lines))
    ready = threading.Barrier(4)

    def work(number):
        ready.wait()
        return import_all(tmp_path, database_url).rows

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work, range(4))) == 300
