"""Settings revisions and the hosts they declare."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy import text as sql

from store.tables.columns import Table, count, moment, one_of, refers, text


class SettingsRevisionTable(Table, table=True):
    """One applied state of the settings files; triggers of the migration keep it immutable."""

    __tablename__ = "settings_revision"
    __table_args__ = (Index(None, "hash"),)

    revision: int = count(primary_key=True)
    hash: str = text()
    body: str = text()
    actor: str = text()
    reason: str = text()
    applied_at: int = moment()


class HostTable(Table, table=True):
    """A place that serves; at most one is this machine."""

    __tablename__ = "host"
    __table_args__ = (
        one_of("kind", "process", "docker"),
        refers("settings_revision", "settings_revision", "revision"),
        Index(
            "uq_host_process",
            "kind",
            unique=True,
            sqlite_where=sql("kind = 'process' AND removed_at IS NULL"),
            postgresql_where=sql("kind = 'process' AND removed_at IS NULL"),
        ),
    )

    name: str = text(primary_key=True)
    kind: str = text()
    address: str = text()
    settings_revision: int = count()
    added_at: int = moment()
    removed_at: int | None = moment(default=None)
