"""The retrains."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "retrains",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("recipe", sa.String(200), nullable=False),
        sa.Column("recipe_digest", sa.String(64), nullable=False),
        sa.Column("trigger", sa.String(40), nullable=False),
        sa.Column("why", sa.String(2000), nullable=False),
        sa.Column("started_by", sa.String(200), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("champion", sa.JSON),
        sa.Column("mlflow_run", sa.String(64)),
        sa.Column("outcome", sa.String(40)),
        sa.Column("ended", sa.DateTime(timezone=True)),
    )
    op.create_index("retrains_unfinished", "retrains", ["recipe", "recipe_digest", "outcome"])


def downgrade() -> None:
    op.drop_table("retrains")
