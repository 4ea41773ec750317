"""What any router of a host can do. Only the reconciler speaks to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

ORDERS = 2  # of the orders a router process takes: one outlives the daemon, also a newer one that gives more of them
BUCKETS_MS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)


@dataclass(frozen=True, slots=True)
class DeploymentStats:
    """What passed through to one deployment since the router started. `latency` counts answers per bucket of
    `BUCKETS_MS`, the last count being those above all."""

    requests: int = 0
    errors: int = 0  # answers of 500 and above
    in_flight: int = 0
    latency: tuple[int, ...] = field(default=(0,) * (len(BUCKETS_MS) + 1))


@dataclass(frozen=True, slots=True)
class Guard:
    """What an endpoint takes, and from whom. Zero: no limit of its own."""

    keys: frozenset[str] | None = None  # sha256 of each key that opens it, in hexadecimal; None: it is open
    requests_per_s: int = 0
    at_once: int = 0
    body_bytes: int = 0


OPEN = Guard()


class Router(Protocol):
    """Divides an endpoint's requests between deployments by weight; never looks into bodies.

    `entries` are `{"deployment_id", "version", "image", "weight", "role"}`. What is applied survives the router's
    own death. Calls raise `Unavailable` while the router cannot be reached.
    """

    def address(self) -> str:
        """Return the base URL at which endpoints answer, below `/<endpoint>`."""
        ...

    def add(self, deployment_id: str, replicas: Sequence[str]) -> None:
        """Say which addresses (`host:port`) a deployment has now, all of them; an empty sequence forgets it."""
        ...

    def apply(self, endpoint: str, generation: int, entries: Sequence[Mapping[str, Any]]) -> None:
        """Divide the endpoint's requests so; an older generation than the applied one is ignored."""
        ...

    def applied(self) -> dict[str, int]:
        """Return the applied generation of every endpoint."""
        ...

    def entries(self, endpoint: str) -> list[dict[str, Any]]:
        """Return the applied entries of an endpoint, empty where it has none."""
        ...

    def stats(self) -> dict[str, DeploymentStats]:
        """Return counts by deployment id."""
        ...

    def drain(self, deployment_id: str, timeout_s: float) -> bool:
        """Send a deployment nothing new; return whether its last request was answered in time."""
        ...

    def shadow(self, endpoint: str, deployment_id: str | None, percent: int = 100) -> None:
        """Copy a share of the endpoint's requests to a deployment and drop its answers; None ends it."""
        ...

    def guard(self, endpoint: str, guard: Guard) -> None:
        """Say what an endpoint takes and from whom, also before it has a route; `OPEN` takes the guard away."""
        ...
