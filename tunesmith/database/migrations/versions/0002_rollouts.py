"""The rollouts with their ledger, and what came through the gateway."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("recipe", sa.String(200), nullable=False),
        sa.Column("control", sa.JSON, nullable=False),
        sa.Column("treatment", sa.JSON, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("entered", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moves", sa.Integer, nullable=False),
    )
    op.create_index("ix_rollouts_recipe", "rollouts", ["recipe"])
    op.create_table(
        "moves",
        sa.Column("rollout", sa.String(40), sa.ForeignKey("rollouts.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("why", sa.String(2000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
    )
    op.create_table(
        "segments",
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("imported", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "interactions",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("recipe", sa.String(200), nullable=False),
        sa.Column("rollout", sa.String(40), nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("assigned", sa.String(10), nullable=False),
        sa.Column("served", sa.String(10), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("key", sa.String(20), nullable=False),
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("ending", sa.String(20), nullable=False),
        sa.Column("treatment_ending", sa.String(20)),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("first_token_seconds", sa.Float),
        sa.Column("prompt_tokens", sa.Integer),
        sa.Column("completion_tokens", sa.Integer),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("refusal", sa.Boolean, nullable=False),
        sa.Column("finish_reason", sa.String(40), nullable=False),
        sa.Column("logprob_mean", sa.Float),
        sa.Column("logprob_least", sa.Float),
        sa.Column("request", sa.Text),
        sa.Column("answer", sa.Text),
    )
    op.create_index("interactions_of_a_rollout", "interactions", ["rollout", "at"])
    op.create_index("interactions_of_a_recipe", "interactions", ["recipe", "at"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("interaction", sa.String(40), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("outcomes", sa.JSON, nullable=False),
    )
    op.create_index("ix_feedback_interaction", "feedback", ["interaction"])


def downgrade() -> None:
    for table in ("feedback", "interactions", "segments", "moves", "rollouts"):
        op.drop_table(table)
