"""Runs of behaviour tests."""

from __future__ import annotations

from sqlalchemy import Index

from store.tables.columns import Table, count, moment, one_of, refers, text


class BehaviourRunTable(Table, table=True):
    """What a model's behaviour tests said of one version at one time."""

    __tablename__ = "behaviour_run"
    __table_args__ = (
        one_of("place", "training", "promotion", "endpoint", "asked"),
        one_of("verdict", "passed", "failed"),
        refers("model version", "version", "model number"),
        Index(None, "model", "version", "id"),
    )

    id: str = text(primary_key=True)
    model: str = text()
    version: int = count()
    place: str = text()
    verdict: str = text()
    tests_hash: str = text()
    code_hash: str = text()
    results: str = text()
    actor: str = text()
    job_id: str | None = text(default=None)
    ran_at: int = moment()
