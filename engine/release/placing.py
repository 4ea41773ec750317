"""Where the servers of a version were before a deploy, as its release records it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.rows import Deployment
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Placement:
    """Where servers of a version were: what going back to them takes."""

    host: str
    deployment_id: str
    replicas: int
    image: str | None
    settings_revision: int


def placement_of(deployment: Deployment) -> Placement:
    """Return where a deployment is, as a release records it."""
    return Placement(
        deployment.host, deployment.id, deployment.replicas, deployment.image, deployment.settings_revision
    )


def placements(evidence: Mapping[str, Any]) -> tuple[Placement, ...]:
    """Return where servers were before a deploy, as its release recorded it."""
    return tuple(Placement(**told) for told in evidence.get("former", ()))
