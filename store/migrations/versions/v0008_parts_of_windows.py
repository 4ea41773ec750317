"""Windows host by host and slice by slice, and what is wrong with the inputs of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.migrations.declare import table

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to what is there; windows of before have no parts."""
    op.add_column("window", sa.Column("quality", sa.Text(), nullable=False, server_default="{}"))
    table(
        "window_part",
        "window_id text, number integer, kind text, name text, value text, rows bigint, errors bigint,"
        " latency_p50_ms double?, latency_p99_ms double?, coverage double?, metrics text, answers text, ratio double?,"
        " is_worse integer?, is_small integer",
        key="window_id number",
        refers=("window_id -> window id",),
        checks={"kind": "kind IN ('host', 'slice')"},
    )
