"""A version without a place by its artifact's hash: nothing was read by it, every registration paid for it."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index; a filter by the hash reads the versions of its one model, as it always did."""
    op.drop_index("ix_version_artifact_hash", "version")
