"""The outbox of notifications, and how far the record was read for it."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql

from store.tables.columns import Table, count, moment, one_of, text

_LIVE = "state IN ('pending', 'sending')"


class NotificationTable(Table, table=True):
    """One event told to one target."""

    __tablename__ = "notification"
    __table_args__ = (
        one_of("state", "pending", "sending", "delivered", "merged", "failed", "cancelled"),
        one_of("severity", "info", "warning", "critical"),
        UniqueConstraint("target", "event_seq"),
        Index("ix_notification_live", "target", "event_seq", sqlite_where=sql(_LIVE), postgresql_where=sql(_LIVE)),
        Index(None, "target", "attempted_at"),
        Index(None, "merged_into"),
        Index(None, "state", "id"),
    )

    id: str = text(primary_key=True)
    target: str = text()
    kind: str = text()
    event: str = text()
    event_seq: int | None = moment(default=None)
    subject_kind: str = text()
    subject_id: str = text()
    model: str | None = text(default=None)
    severity: str = text()
    title: str = text()
    state: str = text()
    attempts: int = count()
    most_attempts: int = count()
    merged_into: str | None = text(default=None)
    not_before_at: int | None = moment(default=None)
    created_at: int = moment()
    attempted_at: int | None = moment(default=None)
    ended_at: int | None = moment(default=None)
    status: int | None = count(default=None)
    response: str = text()
    error: str = text()


class NotificationCursorTable(Table, table=True):
    """The newest event that was looked at, and the settings revision that held then. One row."""

    __tablename__ = "notification_cursor"

    name: str = text(primary_key=True)
    seq: int = moment()
    settings_revision: int = moment()
