"""Who has the watch, and incidents."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy import text as sql

from store.tables.columns import Table, moment, one_of, text


class DutyTable(Table, table=True):
    """Somebody's watch over the deck; at most one has not ended."""

    __tablename__ = "duty"
    __table_args__ = (
        one_of("state", "standing", "ended"),
        Index(None, "actor", "ended_at"),
        Index(
            "uq_duty_standing",
            "state",
            unique=True,
            sqlite_where=sql("state = 'standing'"),
            postgresql_where=sql("state = 'standing'"),
        ),
    )

    id: str = text(primary_key=True)
    state: str = text()
    actor: str = text()
    given_by: str = text()
    note: str = text()
    taken_at: int = moment()
    ended_at: int | None = moment(default=None)
    ended_by: str | None = text(default=None)


class IncidentTable(Table, table=True):
    """A time in which something went wrong; its notes are comments on it."""

    __tablename__ = "incident"
    __table_args__ = (Index(None, "closed_at", "id"),)

    id: str = text(primary_key=True)
    title: str = text()
    models: str = text()
    from_at: int = moment()
    opened_by: str = text()
    opened_at: int = moment()
    via: str | None = text(default=None)
    closed_at: int | None = moment(default=None)
    closed_by: str | None = text(default=None)
    resolution: str = text()
