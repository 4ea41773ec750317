"""Monitors, windows, alerts and deliveries of outcomes."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql

from store.tables.columns import Table, count, measure, moment, one_of, refers, text


class MonitorTable(Table, table=True):
    """The watch over one endpoint."""

    __tablename__ = "monitor"
    __table_args__ = (
        one_of("by", "received", "event"),
        refers("model", "model", "name"),
        refers("settings_revision", "settings_revision", "revision"),
        refers("last_job_id", "job", "id"),
        Index(None, "model"),
    )

    name: str = text(primary_key=True)
    model: str = text()
    every_s: int = count()
    window_s: int = count()
    by: str = text()
    lateness_s: int = count()
    settings_revision: int = count()
    last_run_at: int | None = moment(default=None)
    last_job_id: str | None = text(default=None)
    removed_at: int | None = moment(default=None)


class WindowTable(Table, table=True):
    """One version's traffic in one span of time; a later label makes a later revision."""

    __tablename__ = "window"
    __table_args__ = (
        one_of("verdict", "ok", "drift", "degraded", "no data"),
        refers("monitor", "monitor", "name"),
        refers("model version", "version", "model number"),
        UniqueConstraint("monitor", "version", "from_at", "to_at", "revision"),
        Index(None, "model", "to_at", "version"),
    )

    id: str = text(primary_key=True)
    monitor: str = text()
    model: str = text()
    version: int = count()
    from_at: int = moment()
    to_at: int = moment()
    revision: int = count()
    verdict: str = text()
    rows: int = moment()
    errors: int = moment()
    latency_p50_ms: float | None = measure(default=None)
    latency_p99_ms: float | None = measure(default=None)
    coverage: float | None = measure(default=None)
    metrics: str = text()
    features: str = text()
    latest: int = count()
    computed_at: int = moment()
    notes: str = text(sa_column_kwargs={"server_default": "[]"})
    quality: str = text(sa_column_kwargs={"server_default": "{}"})


class WindowPartTable(Table, table=True):
    """One host's or one slice's share of a window, of each kind the worst first."""

    __tablename__ = "window_part"
    __table_args__ = (one_of("kind", "host", "slice"), refers("window_id", "window", "id"))

    window_id: str = text(primary_key=True)
    number: int = count(primary_key=True)
    kind: str = text()
    name: str = text()
    value: str = text()
    rows: int = moment()
    errors: int = moment()
    latency_p50_ms: float | None = measure(default=None)
    latency_p99_ms: float | None = measure(default=None)
    coverage: float | None = measure(default=None)
    metrics: str = text()
    answers: str = text()
    ratio: float | None = measure(default=None)
    is_worse: int | None = count(default=None)
    is_small: int = count()


class AlertTable(Table, table=True):
    """Something a person should look at; of one key at most one is not resolved."""

    __tablename__ = "alert"
    __table_args__ = (
        one_of("state", "open", "acknowledged", "snoozed", "muted", "resolved"),
        one_of("severity", "warning", "critical"),
        refers("model", "model", "name"),
        Index(None, "state", "id"),
        Index(None, "key", "id"),
        Index(
            "uq_alert_open",
            "key",
            unique=True,
            sqlite_where=sql("state IN ('open', 'acknowledged', 'snoozed', 'muted')"),
            postgresql_where=sql("state IN ('open', 'acknowledged', 'snoozed', 'muted')"),
        ),
    )

    id: str = text(primary_key=True)
    model: str | None = text(default=None)
    kind: str = text()
    key: str = text()
    state: str = text()
    severity: str = text()
    title: str = text()
    evidence: str = text()
    count: int = count()
    opened_at: int = moment()
    seen_at: int = moment()
    acknowledged_by: str | None = text(default=None)
    acknowledged_at: int | None = moment(default=None)
    resolved_by: str | None = text(default=None)
    resolved_at: int | None = moment(default=None)
    rule: str = text()
    host: str | None = text(default=None)
    owner: str | None = text(default=None)
    until_at: int | None = moment(default=None)
    snoozed_by: str | None = text(default=None)
    reopened: int = moment()
    reopened_at: int | None = moment(default=None)
    maintenance_id: str | None = text(default=None)


class MaintenanceTable(Table, table=True):
    """A time in which no alert opens: of one model, or of the whole deck."""

    __tablename__ = "maintenance"
    __table_args__ = (refers("model", "model", "name"), Index(None, "to_at"))

    id: str = text(primary_key=True)
    model: str | None = text(default=None)
    from_at: int = moment()
    to_at: int = moment()
    reason: str = text()
    actor: str = text()
    ended_by: str | None = text(default=None)


class OutcomeBatchTable(Table, table=True):
    """One delivery of outcomes; its rows are in Parquet."""

    __tablename__ = "outcome_batch"
    __table_args__ = (refers("model", "model", "name"), Index(None, "model", "received_at"))

    id: str = text(primary_key=True)
    model: str = text()
    origin: str = text()
    rows: int = moment()
    matched: int = moment()
    revised: int = moment()
    unknown: int = moment()
    actor: str = text()
    received_at: int = moment()
