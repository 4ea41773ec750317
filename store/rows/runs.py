"""Runs, and what is kept with them."""

from __future__ import annotations

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """One training run, or one trial of it when `parent_id` is set. Metrics are the newest point of each key."""

    id: str
    experiment: str
    model: str | None
    parent_id: str | None
    kind: str  # train, trial
    name: str
    state: str  # running, finished, failed, abandoned, cancelled
    reason: str
    settings_revision: int | None
    snapshot_id: str | None
    job_id: str | None
    actor: str
    started_at: int
    ended_at: int | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    note: str = ""
    deleted_at: int | None = None
    comments: int = 0  # that stand on it


@dataclass(frozen=True, slots=True)
class Experiment:
    """Runs that belong together; every model owns one of its name. Counts leave deleted runs out."""

    name: str
    model: str | None
    description: str
    created_at: int
    runs: int  # trials are counted by themselves
    trials: int
    running: int
    newest_at: int | None


@dataclass(frozen=True, slots=True)
class RunArtifact:
    """A file that a run kept, by the path the run gave it."""

    run_id: str
    path: str
    hash: str
    size_bytes: int
    logged_at: int
