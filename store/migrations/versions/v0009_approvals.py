"""Approvals of versions, and what each person answered."""

from __future__ import annotations

from store.migrations.declare import index, table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STANDING = "kind = 'approval' AND state IN ('open', 'granted')"


def upgrade() -> None:
    """Add the two tables."""
    table(
        "approval",
        "id text, model text, version integer, kind text, state text, asked integer, role text, users text,"
        " evidence_hash text, settings_hash text, champion_generation integer, requested_by text,"
        " requested_at bigint, reason text, via text?, due_at bigint?, release_id text?, ended_at bigint?, detail text,"
        " card_hash text?",
        key="id",
        refers=("model version -> version model number", "release_id -> release id"),
        checks={
            "kind": "kind IN ('approval', 'second look')",
            "state": "state IN ('open', 'granted', 'refused', 'withdrawn', 'lapsed', 'used')",
        },
    )
    index("ix_approval_state_id", "approval", "state id")
    index("ix_approval_model_version_id", "approval", "model version id")
    index("uq_approval_standing", "approval", "model version", unique=True, where=_STANDING)
    table(
        "approval_answer",
        "approval_id text, actor text, answer text, reason text, via text?, answered_at bigint",
        key="approval_id actor",
        refers=("approval_id -> approval id",),
        checks={"answer": "answer IN ('granted', 'refused', 'withdrawn')"},
    )
