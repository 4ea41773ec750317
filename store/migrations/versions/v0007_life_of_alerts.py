"""The life of an alert: rule, owner, expiry, snooze, reopening; maintenance windows; notes beside windows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.migrations.declare import index, table

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEPT = (
    "id, model, kind, key, state, severity, title, evidence, count, opened_at, seen_at, acknowledged_by,"
    " acknowledged_at, resolved_by, resolved_at"
)
_UNRESOLVED = "state IN ('open', 'acknowledged', 'snoozed', 'muted')"


def upgrade() -> None:
    """Make the table of alerts anew, as its states and its key change; every alert is kept as it is."""
    op.execute(f"CREATE TABLE alert_before AS SELECT {_KEPT} FROM alert")
    op.drop_table("alert")
    table(
        "alert",
        "id text, model text?, kind text, key text, state text, severity text, title text, evidence text,"
        " count integer, opened_at bigint, seen_at bigint, acknowledged_by text?, acknowledged_at bigint?,"
        " resolved_by text?, resolved_at bigint?, rule text, host text?, owner text?, until_at bigint?,"
        " snoozed_by text?, reopened bigint, reopened_at bigint?, maintenance_id text?",
        key="id",
        refers=("model -> model name",),
        checks={
            "state": "state IN ('open', 'acknowledged', 'snoozed', 'muted', 'resolved')",
            "severity": "severity IN ('warning', 'critical')",
        },
    )
    # a key was unique for its model only; now that it stands alone it names the model where it did not
    op.execute(
        f"INSERT INTO alert ({_KEPT}, rule, owner, reopened) SELECT {_KEPT}, '', acknowledged_by, 0 FROM alert_before"
    )
    op.execute("UPDATE alert SET key = 'silent:monitor:' || model, kind = 'silent' WHERE key = 'missed'")
    op.drop_table("alert_before")
    index("ix_alert_state_id", "alert", "state id")
    index("ix_alert_key_id", "alert", "key id")
    index("uq_alert_open", "alert", "key", unique=True, where=_UNRESOLVED)
    table(
        "maintenance",
        "id text, model text?, from_at bigint, to_at bigint, reason text, actor text, ended_by text?",
        key="id",
        refers=("model -> model name",),
    )
    index("ix_maintenance_to_at", "maintenance", "to_at")
    op.add_column("window", sa.Column("notes", sa.Text(), nullable=False, server_default="[]"))
