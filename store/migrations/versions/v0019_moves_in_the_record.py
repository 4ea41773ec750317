"""Moves of aliases are read from the record, which tells each of them: the table beside it said the same again."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the table: an event has told of every move since the first schema, in the same transaction."""
    op.drop_table("alias_move")
