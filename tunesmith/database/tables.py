"""The tables. Change one, and add a migration; a test compares the two."""

import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_OPEN = text("status IN ('running', 'held', 'asking')")
_KEPT = text("request IS NOT NULL")


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


class Rollout(Table):
    """A candidate on its way to the users.

    Its moves say how it got where it stands; `moves` is their number, by which two that act at
    once are told apart.
    """

    __tablename__ = "rollouts"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    recipe: Mapped[str] = mapped_column(String(200), index=True)
    control: Mapped[dict[str, Any]] = mapped_column(JSON)
    treatment: Mapped[dict[str, Any]] = mapped_column(JSON)
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    salt: Mapped[str] = mapped_column(String(64))
    stage: Mapped[int]
    status: Mapped[str] = mapped_column(String(20))
    entered: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
    moves: Mapped[int]

    __table_args__ = (
        Index(
            "one_open_rollout", "recipe", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN
        ),
    )


class Move(Table):
    """One move of a rollout: who or what made it, when, why, and on which evidence."""

    __tablename__ = "moves"

    rollout: Mapped[str] = mapped_column(ForeignKey("rollouts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    stage: Mapped[int]
    status: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(String(2000))
    at: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)


class Segment(Table):
    """How far a segment of interactions has been imported, in bytes."""

    __tablename__ = "segments"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    imported: Mapped[int] = mapped_column(BigInteger)


class Interaction(Table):
    """One request through the gateway; see `tunesmith.gateway.interactions`."""

    __tablename__ = "interactions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    recipe: Mapped[str] = mapped_column(String(200))
    rollout: Mapped[str] = mapped_column(String(40))
    stage: Mapped[int]
    assigned: Mapped[str] = mapped_column(String(10))
    served: Mapped[str] = mapped_column(String(10))
    model: Mapped[str] = mapped_column(String(200))
    unit: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(20))
    streamed: Mapped[bool]
    ending: Mapped[str] = mapped_column(String(20))
    treatment_ending: Mapped[str | None] = mapped_column(String(20))
    status: Mapped[int]
    attempts: Mapped[int]
    seconds: Mapped[float]
    first_token_seconds: Mapped[float | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    length: Mapped[int]
    refusal: Mapped[bool]
    finish_reason: Mapped[str] = mapped_column(String(40))
    logprob_mean: Mapped[float | None]
    logprob_least: Mapped[float | None]
    request: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    shadow_of: Mapped[str] = mapped_column(String(40), server_default="")

    __table_args__ = (
        Index("interactions_of_a_rollout", "rollout", "at"),
        Index("interactions_of_a_recipe", "recipe", "at"),
        Index("interactions_with_text", "at", postgresql_where=_KEPT, sqlite_where=_KEPT),
    )


class Feedback(Table):
    """What somebody said of an interaction, perhaps days later; its id makes it count once."""

    __tablename__ = "feedback"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    interaction: Mapped[str] = mapped_column(String(40), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    outcomes: Mapped[dict[str, Any]] = mapped_column(JSON)
