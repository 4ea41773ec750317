"""Hosts, endpoints, deployments, replicas and routes."""

from __future__ import annotations

from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong on a host, until it is cleared. `model` is None where it concerns the host itself."""

    host: str
    key: str
    model: str | None
    detail: str
    since_at: int
    asked_seq: int | None  # the event by which somebody asked to have it mended


@dataclass(frozen=True, slots=True)
class Host:
    """A place that serves. Kind `process` or `docker`, fixed when added."""

    name: str
    kind: str
    address: str
    added_at: int
    faults: tuple[Fault, ...] = ()  # what stands against it, or what runs there


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers; one per model, one address per host."""

    name: str
    model: str
    created_at: int
    stopped_at: int | None
    champion: int | None
    addresses: dict[str, str]  # host -> URL
    faults: tuple[Fault, ...] = ()  # what stands against it, or against a host it answers on
    servers: int = 0  # that were ready when they were last looked at


@dataclass(frozen=True, slots=True)
class Deployment:
    """Desired: this version on this host for this endpoint."""

    id: str
    endpoint: str
    host: str
    version: int
    image: str | None
    role: str  # champion, challenger, warm
    desired: str  # serving, warm, stopped
    weight: int
    replicas: int
    generation: int
    settings_revision: int
    release_id: str | None
    created_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Replica:
    """Observed: one server process or container."""

    id: str
    deployment_id: str
    number: int
    state: str  # starting, ready, unready, draining, exited
    pid: int | None
    pid_started: str | None  # boot id and start tick, so that a reused pid is never ours
    port: int | None
    detail: str
    proof: dict[str, Any]
    started_at: int
    observed_at: int


@dataclass(frozen=True, slots=True)
class Route:
    """What a host's router should do for an endpoint, and what it says it does."""

    endpoint: str
    host: str
    desired_generation: int
    applied_generation: int
    entries: tuple[dict[str, Any], ...]  # {"deployment_id", "version", "image", "weight", "role"}
    release_id: str | None
    desired_at: int
    applied_at: int | None


@dataclass(frozen=True, slots=True)
class RouteSpan:
    """One row of route history: this version had this weight here, from then to then (None: still)."""

    endpoint: str
    host: str
    version: int
    image: str | None
    weight: int
    role: str
    generation: int
    release_id: str | None
    from_at: int
    to_at: int | None


@dataclass(frozen=True, slots=True)
class Served:
    """What had traffic at a moment, with its weight then; since when and until when (None: still) it had any.

    The release and the person that brought it; no release where a route was desired outside of one.
    """

    model: str
    endpoint: str
    host: str
    version: int
    image: str | None
    weight: int
    role: str
    generation: int
    since_at: int
    until_at: int | None
    release_id: str | None
    release_kind: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class EndpointKey:
    """A key that opens a model's endpoint; the key itself is known to whoever was shown it."""

    model: str
    name: str
    made_by: str
    made_at: int
    revoked_by: str | None
    revoked_at: int | None
