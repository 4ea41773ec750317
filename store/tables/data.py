"""Snapshots and the blobs that hold content."""

from __future__ import annotations

from sqlalchemy import Index

from store.tables.columns import Table, moment, one_of, refers, text


class SnapshotTable(Table, table=True):
    """Immutable data of a model; two models over the same rows share the content, not the row."""

    __tablename__ = "snapshot"
    __table_args__ = (refers("model", "model", "name"), Index(None, "id"), Index(None, "model", "created_at"))

    model: str = text(primary_key=True)
    id: str = text(primary_key=True)
    rows: int = moment()
    columns: str = text()
    time_column: str | None = text(default=None)
    from_at: int | None = moment(default=None)
    to_at: int | None = moment(default=None)
    origin: str = text()
    size_bytes: int = moment()
    created_at: int = moment()


class BlobTable(Table, table=True):
    """Content by hash; an erased blob keeps its row and says what took its place."""

    __tablename__ = "blob"
    __table_args__ = (one_of("state", "present", "erased"), refers("replaced_by", "blob", "hash"))

    hash: str = text(primary_key=True)
    kind: str = text()
    size_bytes: int = moment()
    state: str = text()
    replaced_by: str | None = text(default=None)
    created_at: int = moment()
    erased_at: int | None = moment(default=None)
