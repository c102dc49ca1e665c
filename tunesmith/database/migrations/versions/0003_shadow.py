"""Interactions that repeat a live one's prompt in shadow, and an index of those with text."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "interactions",
        sa.Column("shadow_of", sa.String(40), nullable=False, server_default=""),
    )
    kept = sa.text("request IS NOT NULL")
    op.create_index(
        "interactions_with_text", "interactions", ["at"], postgresql_where=kept, sqlite_where=kept
    )


def downgrade() -> None:
    op.drop_index("interactions_with_text", "interactions")
    op.drop_column("interactions", "shadow_of")
