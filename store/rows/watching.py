"""Monitors, windows, alerts and outcomes."""

from __future__ import annotations

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
