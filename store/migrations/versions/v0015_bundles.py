"""Signers of other decks that are trusted, and where imported versions came from."""

from __future__ import annotations

from store.migrations.declare import table

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables."""
    table(
        "trusted_signer",
        "public text, name text, actor text, trusted_at bigint, withdrawn_at bigint?",
        key="public",
    )
    table(
        "version_origin",
        "model text, number integer, deck text, deck_id text, origin_number integer, signer text, sealed_hash text,"
        " bundle_hash text, record_hash text, actor text, imported_at bigint",
        key="model number",
        refers=("model number -> version model number",),
        unique=("sealed_hash",),
    )
