"""Alembic migrations of the registry; `0001` is the baseline. Run by store.upgrade only."""
