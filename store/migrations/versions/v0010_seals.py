"""Keys that a deck signs with, and the seals of its versions."""

from __future__ import annotations

from store.migrations.declare import table

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables."""
    table("deck_key", "public text, made_at bigint", key="public")
    table(
        "version_seal",
        "model text, number integer, statement text, signer text, signature text, sealed_at bigint",
        key="model number",
        refers=("model number -> version model number", "signer -> deck_key public"),
    )
