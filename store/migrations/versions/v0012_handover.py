"""Who has the watch, and incidents."""

from __future__ import annotations

from store.migrations.declare import index, table

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables."""
    table(
        "duty",
        "id text, state text, actor text, given_by text, note text, taken_at bigint, ended_at bigint?, ended_by text?",
        key="id",
        checks={"state": "state IN ('standing', 'ended')"},
    )
    index("ix_duty_actor_ended_at", "duty", "actor ended_at")
    index("uq_duty_standing", "duty", "state", unique=True, where="state = 'standing'")
    table(
        "incident",
        "id text, title text, models text, from_at bigint, opened_by text, opened_at bigint, via text?,"
        " closed_at bigint?, closed_by text?, resolution text",
        key="id",
    )
    index("ix_incident_closed_at_id", "incident", "closed_at id")
