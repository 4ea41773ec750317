"""Experiments, runs and what they log."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql

from store.tables.columns import BY_KEY, Table, count, measure, moment, one_of, refers, serial, text


def _index(columns: str, where: str) -> Index:
    """Declare an index of some runs only."""
    return Index(None, *columns.split(), sqlite_where=sql(where), postgresql_where=sql(where))


class ExperimentTable(Table, table=True):
    """Runs that belong together; every model owns one of its name."""

    __tablename__ = "experiment"
    __table_args__ = (refers("model", "model", "name"),)

    name: str = text(primary_key=True)
    model: str | None = text(default=None)
    created_at: int = moment()
    deleted_at: int | None = moment(default=None)
    description: str = text(default="", sa_column_kwargs={"server_default": ""})


class RunTable(Table, table=True):
    """One training run, or a trial of the run `parent_id`.

    `number` is what tables of this registry that hold much know the run by, in a tenth of the room; nobody is told it.
    """

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("id"),
        one_of("state", "running", "finished", "failed", "abandoned", "cancelled"),
        refers("experiment", "experiment", "name"),
        refers("model", "model", "name"),
        refers("parent_id", "run", "id"),
        refers("settings_revision", "settings_revision", "revision"),
        refers("model snapshot_id", "snapshot", "model id"),
        refers("job_id", "job", "id"),
        _index("parent_id number", "parent_id IS NOT NULL"),
        Index(None, "model", "parent_id", "number"),
        _index("job_id", "job_id IS NOT NULL"),
        Index(None, "experiment", "number"),
    )

    number: int = serial(primary_key=True)
    id: str = text()
    experiment: str = text()
    model: str | None = text(default=None)
    parent_id: str | None = text(default=None)
    kind: str = text()
    name: str = text()
    state: str = text()
    reason: str = text()
    settings_revision: int | None = count(default=None)
    snapshot_id: str | None = text(default=None)
    job_id: str | None = text(default=None)
    actor: str = text()
    started_at: int = moment()
    ended_at: int | None = moment(default=None)
    deleted_at: int | None = moment(default=None)
    note: str = text(default="", sa_column_kwargs={"server_default": ""})


class RunParamTable(Table, table=True):
    """What a run was told."""

    __tablename__ = "run_param"
    __table_args__ = (refers("run_number", "run", "number"), Index(None, "key", "value", "run_number"), BY_KEY)

    run_number: int = moment(primary_key=True)
    key: str = text(primary_key=True)
    value: str = text()


class RunMetricTable(Table, table=True):
    """Every point of a metric; a value that is not a number is null."""

    __tablename__ = "run_metric"
    __table_args__ = (refers("run_number", "run", "number"), BY_KEY)

    run_number: int = moment(primary_key=True)
    key: str = text(primary_key=True)
    step: int = moment(primary_key=True)
    at: int = moment()
    value: float | None = measure(default=None)


class RunMetricLatestTable(Table, table=True):
    """The newest point of each metric, so that a list of runs reads no histories."""

    __tablename__ = "run_metric_latest"
    __table_args__ = (refers("run_number", "run", "number"), Index(None, "key", "value", "run_number"), BY_KEY)

    run_number: int = moment(primary_key=True)
    key: str = text(primary_key=True)
    step: int = moment()
    at: int = moment()
    value: float | None = measure(default=None)


class RunTagTable(Table, table=True):
    """A word and its value on a run."""

    __tablename__ = "run_tag"
    __table_args__ = (refers("run_number", "run", "number"), Index(None, "key", "value", "run_number"), BY_KEY)

    run_number: int = moment(primary_key=True)
    key: str = text(primary_key=True)
    value: str = text()


class RunArtifactTable(Table, table=True):
    """A file that a run kept, by the path the run gave it."""

    __tablename__ = "run_artifact"
    __table_args__ = (refers("run_id", "run", "id"), Index(None, "hash"))

    run_id: str = text(primary_key=True)
    path: str = text(primary_key=True)
    hash: str = text()
    size_bytes: int = moment()
    logged_at: int = moment()
