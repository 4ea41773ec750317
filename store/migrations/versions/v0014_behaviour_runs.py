"""What behaviour tests said of versions."""

from __future__ import annotations

from store.migrations.declare import index, table

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    table(
        "behaviour_run",
        "id text, model text, version integer, place text, verdict text, tests_hash text, code_hash text, results text,"
        " actor text, job_id text?, ran_at bigint",
        key="id",
        refers=("model version -> version model number",),
        checks={
            "place": "place IN ('training', 'promotion', 'endpoint', 'asked')",
            "verdict": "verdict IN ('passed', 'failed')",
        },
    )
    index("ix_behaviour_run_model_version_id", "behaviour_run", "model version id")
