"""Jobs and schedules."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy import text as sql

from store.tables.columns import Table, count, measure, moment, one_of, refers, text


class JobTable(Table, table=True):
    """One piece of detached work; of one `dedupe_key` at most one is waiting or running."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("state", "queued", "running", "succeeded", "failed", "cancelled", "abandoned"),
        refers("model", "model", "name"),
        refers("settings_revision", "settings_revision", "revision"),
        Index(None, "state", "id"),
        Index(None, "model", "id"),
        Index(
            "uq_job_dedupe_key",
            "dedupe_key",
            unique=True,
            sqlite_where=sql("state IN ('queued', 'running')"),
            postgresql_where=sql("state IN ('queued', 'running')"),
        ),
    )

    id: str = text(primary_key=True)
    kind: str = text()
    model: str | None = text(default=None)
    args: str = text()
    state: str = text()
    reason: str = text()
    actor: str = text()
    via: str | None = text(default=None)
    settings_revision: int | None = count(default=None)
    dedupe_key: str | None = text(default=None)
    attempt: int = count()
    pid: int | None = count(default=None)
    pid_started: str | None = text(default=None)
    progress: float | None = measure(default=None)
    progress_text: str = text()
    exit_code: int | None = count(default=None)
    result: str = text()
    requested_at: int = moment()
    started_at: int | None = moment(default=None)
    ended_at: int | None = moment(default=None)
    cancel_requested_at: int | None = moment(default=None)
    priority: int = count(default=0, sa_column_kwargs={"server_default": "0"})
    retries: int = count(default=0, sa_column_kwargs={"server_default": "0"})
    backoff_s: int | None = count(default=None)
    timeout_s: int | None = count(default=None)
    memory_mb: int | None = count(default=None)
    cpu_s: int | None = count(default=None)
    not_before_at: int | None = moment(default=None)


class JobNeedTable(Table, table=True):
    """A job that another must see succeed before it starts."""

    __tablename__ = "job_need"
    __table_args__ = (refers("job_id", "job", "id"), refers("needs_id", "job", "id"), Index(None, "needs_id"))

    job_id: str = text(primary_key=True)
    needs_id: str = text(primary_key=True)


class ScheduleTable(Table, table=True):
    """When which job is to be enqueued."""

    __tablename__ = "schedule"
    __table_args__ = (
        one_of("catch_up", "skip", "once", "all"),
        refers("model", "model", "name"),
        refers("settings_revision", "settings_revision", "revision"),
        refers("last_job_id", "job", "id"),
        Index(None, "model"),
    )

    id: str = text(primary_key=True)
    model: str = text()
    kind: str = text()
    trigger: str = text()
    catch_up: str = text()
    grace_s: int = count()
    settings_revision: int = count()
    paused_at: int | None = moment(default=None)
    next_at: int | None = moment(default=None)
    last_at: int | None = moment(default=None)
    last_job_id: str | None = text(default=None)
    removed_at: int | None = moment(default=None)
    jitter_s: int = count(default=0, sa_column_kwargs={"server_default": "0"})
    overlap: str = text(default="skip", sa_column_kwargs={"server_default": "skip"})
    after_seq: int | None = moment(default=None)  # the newest event that an event trigger has looked at
    skipped: int = count(default=0, sa_column_kwargs={"server_default": "0"})
