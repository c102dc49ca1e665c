"""Ticks, people and databases that are killed while a rollout moves leave no half of a move.

A quick series runs in the suite. A long one:

    KILLS=100 python -m pytest tests/faults/test_killed_rollout.py -s
"""

import contextlib
import itertools
import os
import random
import time
from collections import Counter

import pytest
from sqlalchemy import select

from tests.faults.killing import Nursery, people, postgres, requests, ticks
from tests.waiting import wait_for
from tunesmith.database.session import session
from tunesmith.database.tables import Interaction as Row
from tunesmith.database.tables import Move, Rollout
from tunesmith.rollout.ledger import OPEN

KILLS = int(os.environ.get("KILLS", "4"))


def check(database):
    """Every rollout stands where its last move led, and no move is missing or doubled."""
    with session(database) as opened:
        rollouts = opened.scalars(select(Rollout)).all()
        moves = opened.scalars(select(Move).order_by(Move.rollout, Move.number)).all()
        units = Counter(opened.scalars(select(Row.unit)))
    made = {name: list(those) for name, those in itertools.groupby(moves, lambda one: one.rollout)}
    assert set(made) == {row.id for row in rollouts}
    for row in rollouts:
        those = made[row.id]
        assert [one.number for one in those] == list(range(row.moves))
        assert (row.stage, row.status) == (those[-1].stage, those[-1].status)
        assert those[0].kind == "start"
        for before, after in itertools.pairwise(those):
            assert after.stage - before.stage == (after.kind == "advance")
            assert before.status in OPEN
    assert sum(row.status in OPEN for row in rollouts) <= 1
    assert set(units.values()) <= {1}
    kinds = Counter(one.kind for one in moves)
    print(f"\n{len(rollouts)} rollouts, {len(moves)} moves: {dict(kinds)}, {len(units)} requests")
    return kinds


@pytest.mark.timeout(300 + 60 * KILLS)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_anywhere_a_rollout_has_moved_or_has_not(kind, tmp_path):
    draw = random.Random(7)
    with contextlib.ExitStack() as ends:
        database, server = f"sqlite:///{tmp_path}/t.db", None
        if kind == "postgresql":
            server = ends.enter_context(postgres())
            database = server.server.get_uri("postgres")
        folder = tmp_path / "i"
        nursery = ends.enter_context(Nursery())
        victims = [
            nursery.begin(ticks, folder, database),
            nursery.begin(ticks, folder, database),
            nursery.begin(people, database, 1),
            nursery.begin(requests, folder, database),
        ]

        def moves():
            with session(database) as opened:
                return len(opened.scalars(select(Move.number)).all())

        for number in range(KILLS):
            before = moves()
            wait_for(lambda: moves() > before)  # noqa: B023
            time.sleep(draw.uniform(0, 0.2))
            if server and number % 4 == 3:
                server.kill()
                time.sleep(draw.uniform(0, 0.2))
                server.start()
            else:
                draw.choice(victims).kill()
        before = moves()
        wait_for(lambda: moves() > before + 1)
        for victim in victims:
            victim.end()
        kinds = check(database)
        assert kinds["advance"] and kinds["start"]
