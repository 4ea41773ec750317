"""Monitors, windows, alerts and outcomes."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from store.rows.frozen import dataclass


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


FAIRNESS = "fairness_"  # begins the name of how far groups of a window are apart
PLAIN = "plain_"  # begins the name of what a metric would have been, had the plainest answer been given
ESTIMATED = "estimated_"  # begins the name of a window's metric that was expected, before outcomes came


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
    notes: tuple[dict[str, Any], ...] = ()  # what a rule saw and did not hold for an alert: {"rule", "title", "why"}
    quality: dict[str, Any] = field(default_factory=dict)  # see engine.monitoring.window_quality


@dataclass(frozen=True, slots=True)
class WindowPart:
    """One host's or one slice's share of a window; a small one is never judged."""

    kind: str  # host, slice
    name: str  # the column of a slice; "" for a host
    value: str  # the host, or the group of the column
    rows: int  # answered and failed
    errors: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    coverage: float | None
    metrics: dict[str, dict[str, Any]]  # the primary one, realised and estimated
    answers: dict[str, Any]  # how far its answers moved: {"effect", "threshold", "p_value", "drifted", …}
    ratio: float | None  # loss in times what the holdout promised of it
    is_worse: bool | None  # beyond doubt; None: it cannot be told
    is_small: bool  # fewer rows than a judgement needs
    version: int = 0
    from_at: int = 0
    to_at: int = 0


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should look at, with its evidence."""

    id: str
    model: str | None  # None: it is about a host
    kind: str  # drift, performance, volume, errors, latency, data, silent
    key: str
    state: str  # open, acknowledged, snoozed, muted (in maintenance), resolved
    severity: str  # warning, critical
    title: str
    evidence: dict[str, Any]
    count: int
    opened_at: int
    seen_at: int
    acknowledged_by: str | None
    acknowledged_at: int | None
    resolved_at: int | None
    resolved_by: str | None = None
    rule: str = ""  # the rule that it came of; "" where none is: a monitor or a host that is silent
    host: str | None = None
    owner: str | None = None  # who has taken it
    until_at: int | None = None  # when an acknowledgement or a snooze ends by itself
    snoozed_by: str | None = None
    reopened: int = 0  # how often it came back after it had resolved by itself
    reopened_at: int | None = None
    maintenance_id: str | None = None
    comments: int = 0  # that stand on it
    left_version: int | None = None  # the version it is about, where that served and no longer does


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A time in which no alert opens: of one model, or of the whole deck. What is seen meanwhile is counted."""

    id: str
    model: str | None  # None: every model and host
    from_at: int
    to_at: int
    reason: str
    actor: str
    ended_by: str | None  # who ended it before its time


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
