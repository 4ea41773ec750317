"""What checks found in a model's data, and batches of the rows they rejected."""

from __future__ import annotations

from store.migrations.declare import index, table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to what is there; no row changes its meaning."""
    table(
        "data_check",
        "id text, model text, snapshot_id text?, settings_revision bigint, verdict text, rows bigint, rejected bigint,"
        " findings text, actor text, checked_at bigint",
        key="id",
        refers=("model -> model name",),
        checks={"verdict": "verdict IN ('passed', 'warning', 'failed')"},
    )
    index("ix_data_check_model_checked_at", "data_check", "model checked_at")
    table(
        "quarantine",
        "id text, model text, blob_hash text, rows bigint, rules text, state text, actor text, created_at bigint,"
        " settled_at bigint?",
        key="id",
        refers=("model -> model name", "blob_hash -> blob hash"),
        checks={"state": "state IN ('open', 'replayed', 'superseded')"},
    )
    index("ix_quarantine_model_state", "quarantine", "model state")
