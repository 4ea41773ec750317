"""The hash chain of events, and how far spool files have been taken in."""

from __future__ import annotations

from sqlalchemy import Index

from store.tables.columns import Table, moment, serial, text


class EventTable(Table, table=True):
    """One link of the chain. Triggers of the migration keep it append-only."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_model_seq", "model", "seq"),
        Index("ix_event_subject_kind_subject_id_seq", "subject_kind", "subject_id", "seq"),
    )

    seq: int = serial(primary_key=True)
    at: int = moment()
    actor: str = text()
    via: str | None = text(default=None)
    action: str = text()
    subject_kind: str = text()
    subject_id: str = text()
    model: str | None = text(default=None)
    reason: str = text()
    body: str = text()
    previous_hash: str = text()
    hash: str = text()


class SpoolOffsetTable(Table, table=True):
    """How many bytes of a spool file are in the registry."""

    __tablename__ = "spool_offset"

    name: str = text(primary_key=True)
    offset_bytes: int = moment()
    taken_at: int = moment()
