"""Takes up releases whose job died for good, so that traffic never stays on a half-judged version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.release.opening import give_job
from engine.release.routing import is_applied, left_standing, return_to_champion, stop_left
from store import deployments, jobs, releases
from store.database import Reader, Write
from store.rows import Release

if TYPE_CHECKING:
    from engine.deck import Deck

LIVE_JOB_STATES = ("queued", "running")
ENDED_STATES = ("completed", "aborted", "failed")
RECENT = 10  # ended releases of an endpoint that may still have work left
ACTOR = "reconciler:release"


def recover(deck: Deck, actor: str = ACTOR) -> list[Release]:
    """Take up what dead jobs left: returns the releases that were failed, their traffic back with the champion.

    The worker calls this once it has decided which dead jobs get another attempt. A held release has no job and is
    left as it is; it waits for a person. Ended releases with work left get a job, or their servers stopped.
    """
    failed = []
    for endpoint in deployments.endpoints(deck.database):
        found = releases.active(deck.database, endpoint.name)
        if found is not None and _is_orphan(deck.database, found):
            with deck.database.write() as tx:
                release = releases.active(tx, endpoint.name)
                if release is not None and _is_orphan(tx, release):
                    failed.append(_fail(tx, release, actor))
        for ended in releases.releases(deck.database, endpoint=endpoint.name, limit=RECENT):
            if ended.state in ENDED_STATES and not _has_live_job(deck.database, ended):
                _clear(deck, ended, actor)
    return failed


def _fail(tx: Write, release: Release, actor: str) -> Release:
    generations = return_to_champion(tx, release.endpoint, release.id)
    detail = "its job ended before it did; traffic is with the champion"
    evidence = {**release.evidence, "cause": "error", "returned": generations}
    releases.set_state(tx, release.id, "failed", verdict="failed", detail=detail, evidence=evidence, actor=actor)
    return give_job(tx, release, actor=actor, via=None)


def _clear(deck: Deck, ended: Release, actor: str) -> None:
    """Finish an ended release that nobody works on; nothing is written where nothing is left."""
    reader = deck.database
    if ended.state == "completed" and any(
        one.state in ("pending", "running") for one in releases.steps(reader, ended.id)
    ):
        with deck.database.write() as tx:
            if not _has_live_job(tx, releases.release(tx, ended.id)):
                give_job(tx, ended, actor=actor, via=None)
        return
    routes = [one for one in deployments.routes(reader) if one.endpoint == ended.endpoint]
    let_go = all(is_applied(reader, one.endpoint, one.host, one.desired_generation) for one in routes)
    if let_go and left_standing(reader, ended):
        with deck.database.write() as tx:
            stop_left(tx, ended)


def _is_orphan(reader: Reader, release: Release) -> bool:
    return release.state in ("pending", "running") and not _has_live_job(reader, release)


def _has_live_job(reader: Reader, release: Release) -> bool:
    return release.job_id is not None and jobs.job(reader, release.job_id).state in LIVE_JOB_STATES
