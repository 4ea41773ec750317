"""Jobs and schedules."""

from __future__ import annotations

from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of detached work. `attempt` is the fencing number."""

    id: str
    kind: str
    model: str | None
    args: dict[str, Any]
    state: str  # queued, running, succeeded, failed, cancelled, abandoned
    reason: str
    actor: str
    via: str | None
    settings_revision: int | None
    attempt: int
    pid: int | None
    pid_started: str | None
    progress: float | None  # 0 to 1
    progress_text: str
    exit_code: int | None
    result: dict[str, Any]
    requested_at: int
    started_at: int | None
    ended_at: int | None
    priority: int = 0  # higher goes first
    retries: int = 0  # how often it is tried again after a failure
    backoff_s: int | None = None  # before the first retry; doubled for each further one
    timeout_s: int | None = None
    memory_mb: int | None = None
    cpu_s: int | None = None
    not_before_at: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a job is to run; None is no limit. Fields as in `Job`."""

    priority: int = 0
    retries: int = 0
    backoff_s: int | None = None
    timeout_s: int | None = None
    memory_mb: int | None = None
    cpu_s: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When which job is to be enqueued."""

    id: str
    model: str
    kind: str
    trigger: str  # "every 5m", "cron 0 3 * * *", "at 2026-12-01T03:00" or "after outcomes.recorded"
    catch_up: str  # skip, once, all
    grace_s: int
    settings_revision: int
    paused_at: int | None
    next_at: int | None
    last_at: int | None
    last_job_id: str | None
    jitter_s: int = 0
    overlap: str = "skip"  # skip, queue
    skipped: int = 0  # firings passed over, each told by an event
    paused_by: str = ""  # in lists: by whom it is paused, and why
    paused_reason: str = ""
