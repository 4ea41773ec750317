"""Erasures of a person's rows."""

from __future__ import annotations

from sqlalchemy import Index

from store.tables.columns import Table, moment, one_of, refers, text


class ErasureTable(Table, table=True):
    """One person, by keyed tokens of columns: the value itself is nowhere in the registry."""

    __tablename__ = "erasure"
    __table_args__ = (one_of("state", "running", "done"), refers("job_id", "job", "id"))

    id: str = text(primary_key=True)
    state: str = text()
    sought: str = text()
    key_id: str = text()
    models: str = text()
    reason: str = text()
    actor: str = text()
    via: str | None = text(default=None)
    job_id: str | None = text(default=None)
    asked_at: int = moment()
    ended_at: int | None = moment(default=None)
    lifted_at: int | None = moment(default=None)
    lifted_by: str | None = text(default=None)


class ErasureItemTable(Table, table=True):
    """A place that held rows of the person; `found` before it is rewritten, `erased` after."""

    __tablename__ = "erasure_item"
    __table_args__ = (
        one_of("state", "found", "erased"),
        refers("erasure_id", "erasure", "id"),
        Index(None, "name"),
    )

    erasure_id: str = text(primary_key=True)
    kind: str = text(primary_key=True)
    model: str = text(primary_key=True)
    name: str = text(primary_key=True)
    rows: int = moment()
    state: str = text()
    replaced_by: str | None = text(default=None)
    at: int = moment()


class ErasureDecisionTable(Table, table=True):
    """What becomes of a model's versions that were made of the rows."""

    __tablename__ = "erasure_decision"
    __table_args__ = (
        one_of("decision", "retrain", "suppress", "accept"),
        refers("erasure_id", "erasure", "id"),
        refers("model", "model", "name"),
        refers("job_id", "job", "id"),
    )

    erasure_id: str = text(primary_key=True)
    model: str = text(primary_key=True)
    decision: str = text()
    reason: str = text()
    actor: str = text()
    job_id: str | None = text(default=None)
    decided_at: int = moment()
