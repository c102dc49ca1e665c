"""Looking at the ledger: every worker, twice a second, so that a move reaches all within one."""

import asyncio
import logging

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from tunesmith.database.session import reading
from tunesmith.database.tables import Rollout as Row
from tunesmith.errors import TunesmithError
from tunesmith.gateway.config import GatewayParams
from tunesmith.gateway.routes import Route, Routes, Target
from tunesmith.rollout import ledger

logger = logging.getLogger(__name__)

EVERY = 0.4
"""Seconds between two looks."""


async def watch(routes: Routes, database: str, config: GatewayParams) -> None:
    """Look for ever; while the database cannot be reached, the routes stay and their lease runs."""
    known: dict[str, int] | None = None
    away = False
    while True:
        try:
            known = await asyncio.to_thread(look, routes, database, config, known)
            if away:
                logger.warning("the ledger can be seen again")
            away = False
        # Also a ledger that this version cannot read, as while another one is put in its place.
        except (TunesmithError, SQLAlchemyError, ValueError, LookupError) as error:
            if not away:
                logger.warning(
                    "the ledger cannot be seen, and the treatment's lease runs: %s", error
                )
            away = True
        await asyncio.sleep(EVERY)


def look(
    routes: Routes, database: str, config: GatewayParams, known: dict[str, int] | None
) -> dict[str, int]:
    """Take what is new in the ledger; returns the number of moves of each rollout.

    Raises:
        Transient: the database cannot be reached.
    """
    with reading(database) as opened:
        asked = select(Row.id, Row.moves).where(Row.recipe.in_(config.models))
        moves = {identity: count for identity, count in opened.execute(asked)}
    if moves == known:
        routes.seen()
        return moves
    routes.put({recipe: _route(database, config, recipe) for recipe in config.models})
    return moves


def _route(database: str, config: GatewayParams, recipe: str) -> Route:
    model = config.models[recipe]
    key = config.upstream_key(recipe)

    def target(name: str) -> Target:
        return Target(model.upstream, name, key)

    found = ledger.latest(database, recipe)
    if found is None:
        return Route(target(model.serves))
    if not found.open:
        done = found.position.status == "done"
        return Route(target((found.treatment if done else found.control).model))
    return Route(
        control=target(found.control.model),
        treatment=target(found.treatment.model),
        weight=found.weight,
        salt=found.salt,
        rollout=found.id,
        stage=found.position.stage,
        shadow=found.params.stages[found.position.stage] == "shadow",
    )
