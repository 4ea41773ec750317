"""Takes up releases whose job died for good, so that traffic never stays on a half-judged version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.release.opening import give_job
from engine.release.routing import of_release, return_to_champion
from store import deployments, jobs, releases
from store.database import Reader
from store.rows import Release

if TYPE_CHECKING:
    from engine.deck import Deck

LIVE_JOB_STATES = ("queued", "running")
ACTOR = "reconciler:release"


def recover(deck: Deck, actor: str = ACTOR) -> list[Release]:
    """Fail every running release without a live job, its traffic back with the champion; returns those.

    The worker calls this once it has decided which dead jobs get another attempt. A held release has no job and is
    left as it is; it waits for a person.
    """
    recovered = []
    for endpoint in deployments.endpoints(deck.database):
        found = releases.active(deck.database, endpoint.name)
        if found is None or not _is_orphan(deck.database, found):
            continue
        with deck.database.write() as tx:
            release = releases.active(tx, endpoint.name)
            if release is None or not _is_orphan(tx, release):
                continue
            generations = return_to_champion(tx, release.endpoint, release.id)
            detail = "its job ended before it did; traffic is with the champion"
            evidence = {**release.evidence, "cause": "error", "returned": generations}
            releases.set_state(
                tx, release.id, "failed", verdict="failed", detail=detail, evidence=evidence, actor=actor
            )
            recovered.append(give_job(tx, release, actor=actor, via=None))
    return recovered


def left_over(reader: Reader, endpoint: str) -> list[str]:
    """Return the ids of ended releases of an endpoint whose servers still stand by."""
    past = [one for one in releases.releases(reader, endpoint=endpoint, limit=20) if one.state in ("aborted", "failed")]
    return [one.id for one in past if any(mine.role != "champion" for mine in of_release(reader, endpoint, one.id))]


def _is_orphan(reader: Reader, release: Release) -> bool:
    if release.state not in ("pending", "running"):
        return False
    return release.job_id is None or jobs.job(reader, release.job_id).state not in LIVE_JOB_STATES
