"""The tables. Change one, and add a migration; a test compares the two."""

import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """Base of all tables."""


class Retrain(Table):
    """One attempt to make a better model; its id is made before its first stage.

    `outcome` is None until it has ended: a rerun of the same recipe takes up an unfinished
    retrain instead of starting another.
    """

    __tablename__ = "retrains"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    recipe: Mapped[str] = mapped_column(String(200))
    recipe_digest: Mapped[str] = mapped_column(String(64))
    trigger: Mapped[str] = mapped_column(String(40))
    why: Mapped[str] = mapped_column(String(2000))
    started_by: Mapped[str] = mapped_column(String(200))
    started: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
    champion: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    mlflow_run: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str | None] = mapped_column(String(40))
    ended: Mapped[datetime.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("retrains_unfinished", "recipe", "recipe_digest", "outcome"),)
