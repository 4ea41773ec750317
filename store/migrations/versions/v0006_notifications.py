"""The outbox of notifications, and how far the record was read for it."""

from __future__ import annotations

from store.migrations.declare import index, table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to what is there; no row changes its meaning."""
    table(
        "notification",
        "id text, target text, kind text, event text, event_seq bigint?, subject_kind text, subject_id text,"
        " model text?, severity text, title text, state text, attempts integer, most_attempts integer,"
        " merged_into text?, not_before_at bigint?, created_at bigint, attempted_at bigint?, ended_at bigint?,"
        " status integer?, response text, error text",
        key="id",
        unique=("target event_seq",),
        checks={
            "state": "state IN ('pending', 'sending', 'delivered', 'merged', 'failed', 'cancelled')",
            "severity": "severity IN ('info', 'warning', 'critical')",
        },
    )
    index("ix_notification_live", "notification", "target event_seq", where="state IN ('pending', 'sending')")
    index("ix_notification_target_attempted_at", "notification", "target attempted_at")
    index("ix_notification_merged_into", "notification", "merged_into")
    index("ix_notification_state_id", "notification", "state id")
    table("notification_cursor", "name text, seq bigint, settings_revision bigint", key="name")
