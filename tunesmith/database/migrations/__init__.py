"""Alembic migrations, applied by `tunesmith.database.session`."""
