"""What follows once the traffic is where it belongs: drain, stop what is left over, record. May be run again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.release.routing import is_applied, live, of_release, stop_left
from engine.release.work import POLL_S, SECOND_US, Work
from store import deployments, faults, releases
from store.errors import WorkFailed
from store.rows import Release, Step

DRAIN_WAIT_S = 60.0


def finish(work: Work, release: Release) -> Release:
    """Do what is left of a release that has ended, whichever way it ended.

    Raises:
        WorkFailed: the champion has moved on record, but a router has not followed yet.
    """
    if release.state == "completed":
        _finish_completed(work, release)
    elif release.state in ("aborted", "failed"):
        _finish_returned(work, release)
    return work.release()


def _finish_completed(work: Work, release: Release) -> None:
    steps = work.steps()
    left = [step for step in steps if step.state in ("pending", "running")]
    if not left:
        return
    # of a warm rollback this is all its job does: the traffic went back as it was asked for
    work.progress((left[0].number - 1) / len(steps), f"traffic is with {release.endpoint}@{release.to_version}")
    followed = _await_routers(work, release.endpoint)
    for step in left:
        work.progress((step.number - 1) / len(steps), step.title)
        observed = _seen(work, release, step, followed)
        verdict = "passed" if followed else "no data"
        with work.deck.database.write(work.fence) as tx:
            releases.set_step(tx, release.id, step.number, "done", verdict=verdict, observed=observed)
    if not followed:
        raise WorkFailed(
            f"{release.endpoint} v{release.to_version} is champion, but its router has not followed for"
            f" {DRAIN_WAIT_S:.0f} s",
            "it will once the daemon reconciles again: modeldeck daemon status",
        )


def _seen(work: Work, release: Release, step: Step, followed: bool) -> dict[str, Any]:
    if step.kind == "drain":
        return _drain(work, release, followed)
    if step.kind == "leave":
        assert step.host is not None
        route = deployments.route(work.deck.database, release.endpoint, step.host)
        away = faults.silent(work.deck.database, step.host) is not None
        return {"drained": followed and not away, "generation": route.desired_generation if route else 0}
    return evidence(work)


def _drain(work: Work, release: Release, drained: bool) -> dict[str, Any]:
    left: list[str] = []
    if drained:
        with work.deck.database.write(work.fence) as tx:
            left = stop_left(tx, release)
    warm = [one.id for one in live(work.deck.database, release.endpoint) if one.desired == "warm"]
    return {"drained": drained, "stopped": left, "warm": warm, "silent": _silent(work, release.endpoint)}


def _finish_returned(work: Work, release: Release) -> None:
    drained = _await_routers(work, release.endpoint)
    with work.deck.database.write(work.fence) as tx:
        stopped = stop_left(tx, release) if drained else []
        for step in work.steps():
            if step.state in ("pending", "running"):
                releases.set_step(tx, release.id, step.number, "skipped")
    away = _silent(work, release.endpoint)
    later = f"; not answering, returns when it is back: {', '.join(away)}" if away else ""
    told = f"{len(stopped)} {'deployment' if len(stopped) == 1 else 'deployments'} stopped"
    work.progress(1.0, f"traffic is with the champion; {told}{later}")


def evidence(work: Work) -> dict[str, Any]:
    """Return what the record step keeps: what every step saw, and where the routes stand."""
    release = work.release()
    routes = [one for one in deployments.routes(work.deck.database) if one.endpoint == release.endpoint]
    return {
        "steps": [{"kind": one.kind, "host": one.host, "verdict": one.verdict} for one in work.steps()],
        "routes": {one.host: {"desired": one.desired_generation, "applied": one.applied_generation} for one in routes},
        "started": [one.id for one in of_release(work.deck.database, release.endpoint, release.id)],
    }


def _await_routers(work: Work, endpoint: str) -> bool:
    """Wait until every router of the endpoint has let go of what it should; a late one keeps its servers.

    A host that does not answer is not waited for: its reconciler applies the route when it is back, and ends nothing
    that still has traffic there.
    """
    database = work.deck.database

    def is_so() -> bool:
        routes = [one for one in deployments.routes(database) if one.endpoint == endpoint]
        late = [one.host for one in routes if not is_applied(database, endpoint, one.host, one.desired_generation)]
        return all(faults.silent(database, host) for host in late)

    return wait_until(work, is_so, DRAIN_WAIT_S)


def _silent(work: Work, endpoint: str) -> list[str]:
    database = work.deck.database
    hosts = [one.host for one in deployments.routes(database) if one.endpoint == endpoint]
    return [host for host in hosts if faults.silent(database, host)]


def wait_until(work: Work, is_so: Callable[[], bool], for_s: float) -> bool:
    """Wait without asking whether the release runs: it has ended."""
    until = work.deck.clock.now() + int(for_s * SECOND_US)
    while not is_so():
        if work.deck.clock.now() >= until:
            return False
        work.sleep(POLL_S)
    return True
