"""Erasures of a person's rows: what was found and removed, and what was decided about the models."""

from __future__ import annotations

from store.migrations.declare import index, table

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three tables."""
    table(
        "erasure",
        "id text, state text, sought text, key_id text, models text, reason text, actor text, via text?, job_id text?,"
        " asked_at bigint, ended_at bigint?, lifted_at bigint?, lifted_by text?",
        key="id",
        refers=("job_id -> job id",),
        checks={"state": "state IN ('running', 'done')"},
    )
    table(
        "erasure_item",
        "erasure_id text, kind text, model text, name text, rows bigint, state text, replaced_by text?, at bigint",
        key="erasure_id kind model name",
        refers=("erasure_id -> erasure id",),
        checks={"state": "state IN ('found', 'erased')"},
    )
    index("ix_erasure_item_name", "erasure_item", "name")
    table(
        "erasure_decision",
        "erasure_id text, model text, decision text, reason text, actor text, job_id text?, decided_at bigint",
        key="erasure_id model",
        refers=("erasure_id -> erasure id", "model -> model name", "job_id -> job id"),
        checks={"decision": "decision IN ('retrain', 'suppress', 'accept')"},
    )
