"""Frozen rows the store gives out. Standard library only: the console imports this and nothing else of the store.

Field names are the JSON contract. A field ending in `_at` holds integer microseconds UTC (or None); `to_json` writes
those as RFC 3339 with `Z`. Fields holding structured values are plain dicts, lists or tuples, already parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store import json_rows

EPOCH = json_rows.EPOCH
microseconds = json_rows.microseconds
rfc3339 = json_rows.rfc3339
to_json = json_rows.to_json


@dataclass(frozen=True, slots=True)
class SettingsRevision:
    """One applied state of deck.toml and models/*.toml; `revision` counts up from 1."""

    revision: int
    hash: str
    body: dict[str, Any]
    actor: str
    applied_at: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model by name, with what a list shows of it."""

    name: str
    task: str
    owner: str
    description: str
    created_at: int
    versions: int
    champion: int | None
    challenger: int | None
    deleted_at: int | None = None


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


@dataclass(frozen=True, slots=True)
class Version:
    """An immutable version: everything that made it, by hash."""

    model: str
    number: int
    run_id: str
    snapshot_id: str
    settings_revision: int
    bundle_hash: str
    environment_hash: str
    artifact_hash: str
    golden_hash: str
    signature: dict[str, Any]
    decision: dict[str, Any]
    evaluation: dict[str, Any]
    estimator: str
    artifact_bytes: int
    git_commit: str | None
    git_dirty: bool | None
    cutoff_at: int | None  # newest time in the training data (holdout excluded)
    derived_from: int | None
    description: str
    actor: str
    created_at: int
    abandoned_at: int | None
    aliases: tuple[str, ...]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Alias:
    """A movable name on a version; `generation` counts its moves."""

    model: str
    name: str
    version: int
    generation: int
    actor: str
    moved_at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable data, content-addressed: the same rows give the same id. `id` is `sha256:…` of the Parquet blob."""

    id: str
    model: str
    rows: int
    columns: tuple[dict[str, Any], ...]  # {"name", "type", "nulls"}
    time_column: str | None
    from_at: int | None
    to_at: int | None
    origin: str
    size_bytes: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Host:
    """A place that serves. Kind `process` or `docker`, fixed when added."""

    name: str
    kind: str
    address: str
    added_at: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers; one per model, one address per host."""

    name: str
    model: str
    created_at: int
    stopped_at: int | None
    champion: int | None
    addresses: dict[str, str]  # host -> URL


@dataclass(frozen=True, slots=True)
class Deployment:
    """Desired: this version on this host for this endpoint."""

    id: str
    endpoint: str
    host: str
    version: int
    image: str | None
    role: str  # champion, challenger, warm
    desired: str  # serving, warm, stopped
    weight: int
    replicas: int
    generation: int
    settings_revision: int
    release_id: str | None
    created_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Replica:
    """Observed: one server process or container."""

    id: str
    deployment_id: str
    number: int
    state: str  # starting, ready, unready, draining, exited
    pid: int | None
    pid_started: str | None  # boot id and start tick, so that a reused pid is never ours
    port: int | None
    detail: str
    proof: dict[str, Any]
    started_at: int
    observed_at: int


@dataclass(frozen=True, slots=True)
class Route:
    """What a host's router should do for an endpoint, and what it says it does."""

    endpoint: str
    host: str
    desired_generation: int
    applied_generation: int
    entries: tuple[dict[str, Any], ...]  # {"deployment_id", "version", "image", "weight", "role"}
    release_id: str | None
    desired_at: int
    applied_at: int | None


@dataclass(frozen=True, slots=True)
class RouteSpan:
    """One row of route history: this version had this weight here, from then to then (None: still)."""

    endpoint: str
    host: str
    version: int
    image: str | None
    weight: int
    role: str
    generation: int
    release_id: str | None
    from_at: int
    to_at: int | None


@dataclass(frozen=True, slots=True)
class Release:
    """One change of an endpoint: its plan, its verdict, its undo."""

    id: str
    endpoint: str
    kind: str  # promote, rollback, deploy
    from_version: int | None
    to_version: int
    state: str  # pending, running, held, completed, aborted, failed
    verdict: str  # passed, failed, no data, aborted, "" while open
    reason: str
    detail: str
    basis: str
    plan: dict[str, Any]
    evidence: dict[str, Any]
    undo: dict[str, Any]
    settings_revision: int
    actor: str
    job_id: str | None
    reverted_by: str | None
    requested_at: int
    started_at: int | None
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One plan step of a release, as it went."""

    release_id: str
    number: int
    kind: str
    title: str
    host: str | None
    args: dict[str, Any]
    state: str  # pending, running, done, skipped, held, failed
    verdict: str
    observed: dict[str, Any]
    started_at: int | None
    ended_at: int | None


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
class Schedule:
    """When which job is to be enqueued."""

    id: str
    model: str
    kind: str
    trigger: str  # "every 5m" or "cron 0 3 * * *"
    catch_up: str  # skip, once, all
    grace_s: int
    settings_revision: int
    paused_at: int | None
    next_at: int | None
    last_at: int | None
    last_job_id: str | None
    jitter_s: int = 0
    overlap: str = "skip"  # skip, queue
    skipped: int = 0  # firings passed over, each with its event


@dataclass(frozen=True, slots=True)
class Monitor:
    """The watch over one endpoint."""

    name: str
    model: str
    every_s: int
    window_s: int
    by: str  # received, event
    lateness_s: int
    settings_revision: int
    last_run_at: int | None
    last_job_id: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """One version's traffic in one span of time, and what was seen there. A later label makes a later `revision`."""

    id: str
    monitor: str
    model: str
    version: int
    from_at: int
    to_at: int
    revision: int
    verdict: str  # ok, drift, degraded, no data
    rows: int
    errors: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    coverage: float | None  # share of predictions whose outcome has come
    metrics: dict[str, dict[str, Any]]  # name -> {"value", "low", "high", "n", "note"}
    features: tuple[dict[str, Any], ...]  # see engine.monitoring.drift
    computed_at: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should look at, with its evidence."""

    id: str
    model: str
    kind: str  # drift, performance, errors, data
    key: str
    state: str  # open, acknowledged, resolved
    severity: str  # warning, critical
    title: str
    evidence: dict[str, Any]
    count: int
    opened_at: int
    seen_at: int
    acknowledged_by: str | None
    acknowledged_at: int | None
    resolved_at: int | None


@dataclass(frozen=True, slots=True)
class OutcomeBatch:
    """One delivery of outcomes; its rows are in Parquet."""

    id: str
    model: str
    origin: str
    rows: int
    matched: int
    revised: int
    unknown: int
    actor: str
    received_at: int


@dataclass(frozen=True, slots=True)
class Event:
    """One link of the hash chain."""

    seq: int
    at: int
    actor: str
    via: str | None
    action: str
    subject_kind: str
    subject_id: str
    model: str | None
    reason: str
    body: dict[str, Any]
    previous_hash: str
    hash: str
