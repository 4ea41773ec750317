"""Keys that open a model's endpoint, as digests."""

from __future__ import annotations

from store.migrations.declare import table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to what is there; no row changes its meaning."""
    table(
        "endpoint_key",
        "model text, name text, digest text, made_by text, made_at bigint, revoked_by text?, revoked_at bigint?",
        key="model name",
        refers=("model -> model name",),
        unique=("digest",),
    )
