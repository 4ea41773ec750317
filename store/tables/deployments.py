"""Endpoints, deployments, replicas and routes, with what the routes were."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql

from store.tables.columns import Table, count, moment, one_of, refers, text


class EndpointTable(Table, table=True):
    """Where a model answers."""

    __tablename__ = "endpoint"
    __table_args__ = (refers("model", "model", "name"), UniqueConstraint("model"))

    name: str = text(primary_key=True)
    model: str = text()
    created_at: int = moment()
    stopped_at: int | None = moment(default=None)


class EndpointAddressTable(Table, table=True):
    """An endpoint's one address on a host."""

    __tablename__ = "endpoint_address"
    __table_args__ = (refers("endpoint", "endpoint", "name"), refers("host", "host", "name"))

    endpoint: str = text(primary_key=True)
    host: str = text(primary_key=True)
    url: str = text()
    set_at: int = moment()


class DeploymentTable(Table, table=True):
    """Desired: this version on this host for this endpoint."""

    __tablename__ = "deployment"
    __table_args__ = (
        one_of("role", "champion", "challenger", "warm"),
        one_of("desired", "serving", "warm", "stopped"),
        CheckConstraint("weight BETWEEN 0 AND 100", name="weight"),
        CheckConstraint("replicas > 0", name="replicas"),
        refers("endpoint", "endpoint", "name"),
        refers("host", "host", "name"),
        refers("model version", "version", "model number"),
        refers("image", "image", "id"),
        refers("settings_revision", "settings_revision", "revision"),
        refers("release_id", "release", "id"),
        Index(None, "endpoint", "ended_at"),
        Index(None, "host", "ended_at"),
    )

    id: str = text(primary_key=True)
    endpoint: str = text()
    host: str = text()
    model: str = text()
    version: int = count()
    image: str | None = text(default=None)
    role: str = text()
    desired: str = text()
    weight: int = count()
    replicas: int = count()
    generation: int = count()
    settings_revision: int = count()
    release_id: str | None = text(default=None)
    created_at: int = moment()
    ended_at: int | None = moment(default=None)


class ReplicaTable(Table, table=True):
    """Observed: one server process or container."""

    __tablename__ = "replica"
    __table_args__ = (
        one_of("state", "starting", "ready", "unready", "draining", "exited"),
        refers("deployment_id", "deployment", "id"),
        Index(None, "deployment_id", "number"),
    )

    id: str = text(primary_key=True)
    deployment_id: str = text()
    number: int = count()
    state: str = text()
    pid: int | None = count(default=None)
    pid_started: str | None = text(default=None)
    port: int | None = count(default=None)
    detail: str = text()
    proof: str = text()
    started_at: int = moment()
    observed_at: int = moment()


class RouteTable(Table, table=True):
    """Which generation a host's router should apply for an endpoint, and which one it says it has."""

    __tablename__ = "route"
    __table_args__ = (
        refers("endpoint", "endpoint", "name"),
        refers("host", "host", "name"),
        refers("endpoint host desired_generation", "route_generation", "endpoint host generation", deferred=True),
        CheckConstraint("applied_generation <= desired_generation", name="applied_generation"),
    )

    endpoint: str = text(primary_key=True)
    host: str = text(primary_key=True)
    desired_generation: int = count()
    applied_generation: int = count()
    applied_at: int | None = moment(default=None)


class RouteGenerationTable(Table, table=True):
    """What each generation of a route says; written once."""

    __tablename__ = "route_generation"
    __table_args__ = (
        refers("endpoint", "endpoint", "name"),
        refers("host", "host", "name"),
        refers("release_id", "release", "id"),
    )

    endpoint: str = text(primary_key=True)
    host: str = text(primary_key=True)
    generation: int = count(primary_key=True)
    entries: str = text()
    release_id: str | None = text(default=None)
    desired_at: int = moment()


class RouteHistoryTable(Table, table=True):
    """From when to when a deployment had which weight, as routers acknowledged it."""

    __tablename__ = "route_history"
    __table_args__ = (
        refers("endpoint", "endpoint", "name"),
        refers("host", "host", "name"),
        refers("release_id", "release", "id"),
        Index(None, "endpoint", "from_at"),
        Index(
            "ix_route_history_open",
            "endpoint",
            "host",
            sqlite_where=sql("to_at IS NULL"),
            postgresql_where=sql("to_at IS NULL"),
        ),
    )

    endpoint: str = text(primary_key=True)
    host: str = text(primary_key=True)
    generation: int = count(primary_key=True)
    deployment_id: str = text(primary_key=True)
    version: int = count()
    image: str | None = text(default=None)
    weight: int = count()
    role: str = text()
    release_id: str | None = text(default=None)
    from_at: int = moment()
    to_at: int | None = moment(default=None)


class EndpointKeyTable(Table, table=True):
    """A key that opens a model's endpoint. The key itself is nowhere; a revoked one keeps its name."""

    __tablename__ = "endpoint_key"
    __table_args__ = (refers("model", "model", "name"), UniqueConstraint("digest"))

    model: str = text(primary_key=True)
    name: str = text(primary_key=True)
    digest: str = text()
    made_by: str = text()
    made_at: int = moment()
    revoked_by: str | None = text(default=None)
    revoked_at: int | None = moment(default=None)
