"""Notes, tags and files of runs and models, indexes to search them by; what jobs and schedules wait for and may use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.migrations.declare import index, table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to what is there; no row changes its meaning."""
    _for_tracking()
    _for_work()
    # the blob that lists what an image was made of: base packages, wheels and layers, each by hash
    op.add_column("image", sa.Column("record_hash", sa.Text(), nullable=False, server_default=""))


def _for_tracking() -> None:
    op.add_column("run", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("experiment", sa.Column("description", sa.Text(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":
        _keep_by_key()
    table("model_tag", "model text, key text, value text", key="model key", refers=("model -> model name",))
    table(
        "run_artifact",
        "run_id text, path text, hash text, size_bytes bigint, logged_at bigint",
        key="run_id path",
        refers=("run_id -> run id",),
    )
    index("ix_run_artifact_hash", "run_artifact", "hash")
    index("ix_run_experiment_id", "run", "experiment id")
    index("ix_run_metric_latest_key_value_run_id", "run_metric_latest", "key value run_id")
    index("ix_run_param_key_value_run_id", "run_param", "key value run_id")
    index("ix_run_tag_key_value_run_id", "run_tag", "key value run_id")
    index("ix_version_tag_key_value_model_number", "version_tag", "key value model number")
    op.drop_index("ix_event_action_seq", "event")  # nothing was read by it, every change paid for it


def _keep_by_key() -> None:
    """Make what runs log anew without row numbers: half the pages for each point."""
    for name, columns, key in (
        ("run_metric", "run_id text, key text, step bigint, at bigint, value double?", "run_id key step"),
        ("run_metric_latest", "run_id text, key text, step bigint, at bigint, value double?", "run_id key"),
        ("run_param", "run_id text, key text, value text", "run_id key"),
        ("run_tag", "run_id text, key text, value text", "run_id key"),
        ("version_tag", "model text, number integer, key text, value text", "model number key"),
    ):
        op.rename_table(name, f"{name}_before")
        owner = "model number -> version model number" if name == "version_tag" else "run_id -> run id"
        table(name, columns, key=key, refers=(owner,), by_key=True)
        names = ", ".join(column.split()[0] for column in columns.split(", "))
        op.execute(f"INSERT INTO {name} ({names}) SELECT {names} FROM {name}_before")
        op.drop_table(f"{name}_before")


def _for_work() -> None:
    for name in ("priority", "retries"):
        op.add_column("job", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name in ("backoff_s", "timeout_s", "memory_mb", "cpu_s"):
        op.add_column("job", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("job", sa.Column("not_before_at", sa.BigInteger(), nullable=True))
    table(
        "job_need",
        "job_id text, needs_id text",
        key="job_id needs_id",
        refers=("job_id -> job id", "needs_id -> job id"),
    )
    index("ix_job_need_needs_id", "job_need", "needs_id")
    op.add_column("schedule", sa.Column("jitter_s", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("schedule", sa.Column("overlap", sa.Text(), nullable=False, server_default="skip"))
    op.add_column("schedule", sa.Column("after_seq", sa.BigInteger(), nullable=True))
    op.add_column("schedule", sa.Column("skipped", sa.Integer(), nullable=False, server_default="0"))
