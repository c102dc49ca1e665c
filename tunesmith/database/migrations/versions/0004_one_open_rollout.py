"""At most one open rollout of a recipe, whoever begins two at once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_OPEN = sa.text("status IN ('running', 'held', 'asking')")


def upgrade() -> None:
    op.create_index(
        "one_open_rollout",
        "rollouts",
        ["recipe"],
        unique=True,
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )


def downgrade() -> None:
    op.drop_index("one_open_rollout", "rollouts")
