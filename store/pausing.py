"""Jobs that are paused: what the newest of their two events says, so that a killed attempt forgets nothing."""

from __future__ import annotations

from store import events
from store.database import Reader, Write
from store.rows import Job

PAUSED, RESUMED = "job.paused", "job.resumed"


def is_paused(reader: Reader, job_id: str) -> bool:
    """Say whether a job begins nothing new until it is resumed."""
    last = events.newest(reader, "job", job_id, PAUSED, RESUMED)
    return last is not None and last.action == PAUSED


def record(tx: Write, job: Job, *, paused: bool, actor: str, reason: str = "", via: str | None = None) -> bool:
    """Pause a job or resume it, as an event; returns whether anything changed."""
    if is_paused(tx, job.id) is paused:
        return False
    events.append(
        tx,
        actor=actor,
        action=PAUSED if paused else RESUMED,
        subject_kind="job",
        subject_id=job.id,
        model=job.model,
        via=via,
        reason=reason,
    )
    return True
