"""The hash chain of events, and how far spool files have been taken in."""

from __future__ import annotations

from store.tables.columns import BY_KEY, Table, moment, serial, text


class EventTable(Table, table=True):
    """One link of the chain. Triggers of the migration keep it append-only, and place every full hundred of them."""

    __tablename__ = "event"

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


class EventSubjectTable(Table, table=True):
    """Where the events of a subject are, up to the last full hundred; `event_by_subject` reads the newest too."""

    __tablename__ = "event_subject"
    __table_args__ = (BY_KEY,)

    subject_kind: str = text(primary_key=True)
    subject_id: str = text(primary_key=True)
    seq: int = serial(primary_key=True)


class EventModelTable(Table, table=True):
    """Where the events of a model are, up to the last full hundred; `event_by_model` reads the newest too."""

    __tablename__ = "event_model"
    __table_args__ = (BY_KEY,)

    model: str = text(primary_key=True)
    seq: int = serial(primary_key=True)


class SpoolOffsetTable(Table, table=True):
    """How many bytes of a spool file are in the registry."""

    __tablename__ = "spool_offset"

    name: str = text(primary_key=True)
    offset_bytes: int = moment()
    taken_at: int = moment()
