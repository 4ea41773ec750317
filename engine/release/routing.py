"""Desired routes of a release, host by host: who gets which share. Every change is made in the caller's transaction."""

from __future__ import annotations

from typing import Any

from store import deployments, versions
from store.database import Reader, Write
from store.rows import Deployment, Release, Route


def entry(deployment: Deployment, weight: int, role: str) -> dict[str, Any]:
    """Return one route entry."""
    return {
        "deployment_id": deployment.id,
        "version": deployment.version,
        "image": deployment.image,
        "weight": weight,
        "role": role,
    }


def split(champion: Deployment, new: Deployment, weight: int) -> list[dict[str, Any]]:
    """Return the entries that give `weight` percent to the new version and the rest to the champion."""
    return [entry(champion, 100 - weight, "champion"), entry(new, weight, "challenger")]


def shadowed(champion: Deployment, new: Deployment) -> list[dict[str, Any]]:
    """Return the entries that leave all traffic with the champion and send copies of it to the new version."""
    return [entry(champion, 100, "champion"), entry(new, 0, "shadow")]


def all_to(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the entries that give one deployment everything."""
    return [entry(deployment, 100, "champion")]


def with_others(reader: Reader, endpoint: str, host: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add what else runs on the host at weight 0: no traffic, but a request may name its version."""
    named = {one["deployment_id"] for one in entries}
    others = [one for one in live(reader, endpoint, host) if one.id not in named and one.desired == "warm"]
    return [*entries, *(entry(one, 0, "warm") for one in others)] if entries else entries


def live(reader: Reader, endpoint: str, host: str | None = None) -> list[Deployment]:
    """Return the endpoint's deployments that have not ended."""
    return deployments.deployments(reader, endpoint=endpoint, host=host)


def champion_of(reader: Reader, endpoint: str, host: str) -> Deployment | None:
    """Return the deployment that serves as champion on a host."""
    return next(
        (one for one in live(reader, endpoint, host) if one.role == "champion" and one.desired == "serving"), None
    )


def of_release(reader: Reader, endpoint: str, release_id: str) -> list[Deployment]:
    """Return the live deployments that a release started."""
    return [one for one in live(reader, endpoint) if one.release_id == release_id]


def is_applied(reader: Reader, endpoint: str, host: str, generation: int) -> bool:
    """Say whether the host's router reports this generation, or a newer one."""
    route: Route | None = deployments.route(reader, endpoint, host)
    return route is not None and route.applied_generation >= generation


def hand_over(tx: Write, endpoint: str, arriving: list[Deployment], release_id: str) -> dict[str, int]:
    """Give all traffic to the arriving deployments, keep what they replace warm, stop what was warm before.

    Returns the desired generation of each host.
    """
    generations: dict[str, int] = {}
    staying = {one.id for one in arriving}
    for deployment in arriving:
        for other in live(tx, endpoint, deployment.host):
            if other.id in staying:
                continue
            was_serving = other.role == "champion" and other.desired == "serving"
            deployments.set_desired(tx, other.id, "warm" if was_serving else "stopped", role="warm")
        deployments.set_desired(tx, deployment.id, "serving", role="champion")
        entries = with_others(tx, endpoint, deployment.host, all_to(deployment))
        generations[deployment.host] = deployments.set_routes(tx, endpoint, deployment.host, entries, release_id)
    return generations


def leave(tx: Write, endpoint: str, host: str, release_id: str) -> int:
    """Take all traffic from a host that is no longer named and have its servers end once they are drained.

    Returns the desired generation there.
    """
    for deployment in live(tx, endpoint, host):
        deployments.set_desired(tx, deployment.id, "stopped", role=deployment.role)
    return deployments.set_routes(tx, endpoint, host, [], release_id)


def return_to_champion(tx: Write, endpoint: str, release_id: str) -> dict[str, int]:
    """Take the traffic from what a release started and give it to the champion, on every host that differs.

    What the release started is kept warm until the router has let go of it; `stop_left` then ends it.
    """
    generations: dict[str, int] = {}
    for route in deployments.routes(tx):
        if route.endpoint != endpoint:
            continue
        champion = champion_of(tx, endpoint, route.host)
        wanted = with_others(tx, endpoint, route.host, all_to(champion)) if champion else []
        if list(route.entries) != wanted:
            generations[route.host] = deployments.set_routes(tx, endpoint, route.host, wanted, release_id)
    for deployment in of_release(tx, endpoint, release_id):
        if deployment.role != "champion":
            deployments.set_desired(tx, deployment.id, "warm", role="challenger")
    return generations


def left_standing(reader: Reader, release: Release) -> list[Deployment]:
    """Return what runs on after a release has ended and need not: what it started in vain, or what it rolled back."""
    if release.state != "completed":
        left = [one for one in of_release(reader, release.endpoint, release.id) if one.role != "champion"]
    elif release.kind == "rollback" and release.from_version == release.to_version:
        taken_back = str(release.evidence.get("reverts"))
        left = [one for one in of_release(reader, release.endpoint, taken_back) if one.role == "warm"]
    elif release.kind == "rollback" and _is_abandoned(reader, release):
        every = live(reader, release.endpoint)
        left = [one for one in every if one.role == "warm" and one.version == release.from_version]
    else:
        left = []
    return [one for one in left if one.desired != "stopped"]


def _is_abandoned(reader: Reader, release: Release) -> bool:
    # Promoted again since then, the version may be warm in its own right.
    left = release.from_version
    return left is not None and versions.version(reader, release.endpoint, left).abandoned_at is not None


def stop_left(tx: Write, release: Release) -> list[str]:
    """Stop what an ended release has left; returns the deployment ids. Only once the routers have let go of it."""
    left = left_standing(tx, release)
    for deployment in left:
        deployments.set_desired(tx, deployment.id, "stopped", role=deployment.role)
    return [one.id for one in left]
