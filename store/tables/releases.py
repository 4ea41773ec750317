"""Releases and their steps."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy import text as sql

from store.tables.columns import Table, count, moment, one_of, refers, text


class ReleaseTable(Table, table=True):
    """One change of an endpoint; at most one is under way per endpoint."""

    __tablename__ = "release"
    __table_args__ = (
        one_of("kind", "promote", "rollback", "deploy"),
        one_of("state", "pending", "running", "held", "completed", "aborted", "failed"),
        refers("endpoint", "endpoint", "name"),
        refers("model to_version", "version", "model number"),
        refers("model from_version", "version", "model number"),
        refers("settings_revision", "settings_revision", "revision"),
        refers("reverted_by", "release", "id"),
        refers("job_id", "job", "id", deferred=True),
        Index(None, "endpoint", "id"),
        Index(
            "uq_release_active",
            "endpoint",
            unique=True,
            sqlite_where=sql("state IN ('pending', 'running', 'held')"),
            postgresql_where=sql("state IN ('pending', 'running', 'held')"),
        ),
    )

    id: str = text(primary_key=True)
    endpoint: str = text()
    model: str = text()
    kind: str = text()
    from_version: int | None = count(default=None)
    to_version: int = count()
    state: str = text()
    verdict: str = text()
    reason: str = text()
    detail: str = text()
    basis: str = text()
    plan: str = text()
    evidence: str = text()
    undo: str = text()
    settings_revision: int = count()
    actor: str = text()
    via: str | None = text(default=None)
    job_id: str | None = text(default=None)
    reverted_by: str | None = text(default=None)
    requested_at: int = moment()
    started_at: int | None = moment(default=None)
    ended_at: int | None = moment(default=None)


class StepTable(Table, table=True):
    """One plan step of a release, as it went."""

    __tablename__ = "step"
    __table_args__ = (
        one_of("state", "pending", "running", "done", "skipped", "held", "failed"),
        refers("release_id", "release", "id"),
        refers("host", "host", "name"),
    )

    release_id: str = text(primary_key=True)
    number: int = count(primary_key=True)
    kind: str = text()
    title: str = text()
    host: str | None = text(default=None)
    args: str = text()
    state: str = text()
    verdict: str = text()
    observed: str = text()
    started_at: int | None = moment(default=None)
    ended_at: int | None = moment(default=None)
