"""A table that said again what the record says, and an index that no statement reads: every change wrote them."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the moves of aliases, each of which an event has told of since the first schema, and the runs by state.

    The runs of a job that still run are found by their job; nothing else asks for runs by their state alone.
    """
    op.drop_table("alias_move")
    op.drop_index("ix_run_state", "run")
