"""What checks found in data, and what they rejected."""

from __future__ import annotations

from sqlalchemy import Index

from store.tables.columns import Table, moment, one_of, refers, text


class DataCheckTable(Table, table=True):
    """One look of a model's checks at its rows."""

    __tablename__ = "data_check"
    __table_args__ = (
        refers("model", "model", "name"),
        one_of("verdict", "passed", "warning", "failed"),
        Index(None, "model", "checked_at"),
    )

    id: str = text(primary_key=True)
    model: str = text()
    snapshot_id: str | None = text(default=None)
    settings_revision: int = moment()
    verdict: str = text()
    rows: int = moment()
    rejected: int = moment()
    findings: str = text()
    actor: str = text()
    checked_at: int = moment()


class QuarantineTable(Table, table=True):
    """A batch of rejected rows; the rows are content."""

    __tablename__ = "quarantine"
    __table_args__ = (
        refers("model", "model", "name"),
        refers("blob_hash", "blob", "hash"),
        one_of("state", "open", "replayed", "superseded"),
        Index(None, "model", "state"),
    )

    id: str = text(primary_key=True)
    model: str = text()
    blob_hash: str = text()
    rows: int = moment()
    rules: str = text()
    state: str = text()
    actor: str = text()
    created_at: int = moment()
    settled_at: int | None = moment(default=None)
