"""Handlers of operations on jobs and schedules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.availability import PAUSABLE
from engine.jobs.report import log_of
from engine.jobs.turns import Turns
from engine.operations.common import Done, Page
from engine.operations.work import (
    NOTHING_ELSE,
    Attempt,
    CancelRequest,
    JobDetail,
    JobLogs,
    JobLogsRequest,
    JobRequest,
)
from engine.service.context import ServiceContext
from engine.service.filters import parse
from engine.service.handlers.deck import check_limit
from engine.workspace import Workspace
from store.errors import Refused
from store.rows import Job, rfc3339

if TYPE_CHECKING:
    from store.database import Reader

MOST_SEARCHED = 10_000
PIECE_BYTES = 64 * 1024
MOST_EVENTS = 1000  # of one job that are looked through for its attempts


def jobs(context: ServiceContext, request: Page) -> list[Job]:
    """Return the newest jobs that match."""
    from store import jobs as queue

    check_limit(request.limit)
    wanted = parse(request.filter)
    rows = queue.jobs(context.deck.database, limit=MOST_SEARCHED if wanted.terms else request.limit)
    return list(wanted.select(rows))[: request.limit]


def job(context: ServiceContext, request: JobRequest) -> Job:
    """Return one job."""
    from store import jobs as queue

    return queue.job(context.deck.database, request.id)


def show(context: ServiceContext, request: JobRequest) -> JobDetail:
    """Return one job with what it waits for, its attempts, and the jobs before and after it."""
    from store import jobs as queue

    found = job(context, request)
    with context.deck.database.reading() as reader:
        needs = queue.needs(reader, found.id)
        after = queue.needed_by(reader, found.id)
        waits_for = _waits_for(context, reader, found, needs) if found.state == "queued" else ""
        return JobDetail(found, waits_for, _attempts(reader, found), tuple(needs), tuple(after))


def _waits_for(context: ServiceContext, reader: Reader, waiting: Job, needs: list[Job]) -> str:
    from store import jobs as queue
    from store import settings

    unmet = [each.id[:16] for each in needs if each.state != "succeeded"]
    if unmet:
        return f"job {', '.join(unmet)} to succeed"
    if waiting.not_before_at is not None and waiting.not_before_at > context.deck.clock.now():
        return f"attempt {waiting.attempt + 1} of {waiting.retries + 1}, not before {rfc3339(waiting.not_before_at)}"
    applied = settings.current(reader)
    return Turns(applied.body if applied else {}, queue.running(reader)).why_not(waiting) or NOTHING_ELSE


def _attempts(reader: Reader, found: Job) -> tuple[Attempt, ...]:
    from store import events

    attempts: list[Attempt] = []
    for event in reversed(events.events(reader, subject=("job", found.id), limit=MOST_EVENTS)):
        if event.action == "job.started":
            attempts.append(Attempt(event.body["attempt"], "running", "", event.at, None))
        elif attempts and event.action in ("job.requeued", "job.ended"):
            state = event.body.get("state", "requeued")
            attempts[-1] = replace(attempts[-1], state=state, reason=event.reason, ended_at=event.at)
    return tuple(attempts)


def logs(context: ServiceContext, request: JobLogsRequest) -> JobLogs:
    """Return a piece of what the job printed, from a byte offset on."""
    found = job(context, JobRequest(request.id))
    if request.offset < 0:
        raise Refused(f"--offset {request.offset} is before the beginning", "give 0 or more")
    text, next_offset = read_piece(context.deck.workspace, found.id, request.offset)
    return JobLogs(found.id, text, next_offset)


def read_piece(workspace: Workspace, job_id: str, offset: int) -> tuple[str, int]:
    """Read at most `PIECE_BYTES` of a job's log; a character cut at the end is left for the next piece."""
    path = log_of(workspace, job_id)
    try:
        if offset > path.stat().st_size:
            return "", offset
        with path.open("rb") as log:
            log.seek(offset)
            piece = log.read(PIECE_BYTES)
    except FileNotFoundError:
        return "", offset
    for cut in range(min(4, len(piece))):
        try:
            whole = piece[: len(piece) - cut]
            return whole.decode(), offset + len(whole)
        except UnicodeDecodeError:
            continue
    return piece.decode(errors="replace"), offset + len(piece)


def cancel(context: ServiceContext, request: CancelRequest) -> Job:
    """Ask a job to stop: a queued one ends at once, a running one gets SIGTERM from the worker."""
    from store import jobs as queue

    with context.deck.database.write(dry_run=request.dry_run) as tx:
        found = queue.job(tx, request.id)
        if found.ended_at is None:
            queue.request_cancel(
                tx, found.id, actor=context.caller.actor, reason=request.reason, via=context.caller.via
            )
        return queue.job(tx, found.id)


def pause(context: ServiceContext, request: CancelRequest) -> Done:
    """Let a backfill begin nothing more; what it has begun goes on to its end."""
    return _paused(context, request, paused=True)


def resume(context: ServiceContext, request: CancelRequest) -> Done:
    """Let a paused backfill go on."""
    return _paused(context, request, paused=False)


def _paused(context: ServiceContext, request: CancelRequest, *, paused: bool) -> Done:
    from store import jobs as queue
    from store import pausing

    said = "paused" if paused else "running"
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        found = queue.job(tx, request.id)
        named = f"{found.kind} {found.id[:16]}"
        if found.kind not in PAUSABLE:
            raise Refused(
                f"a job of kind {found.kind} is not paused: only a backfill is",
                f"end it: modeldeck jobs cancel {found.id[:16]}",
            )
        if found.ended_at is not None:
            raise Refused(f"{named} has {found.state} already", "the same command again tries what is left")
        actor, via = context.caller.actor, context.caller.via
        if not pausing.record(tx, found, paused=paused, actor=actor, reason=request.reason, via=via):
            return Done(f"already {said}: {named}", already=True)
    if request.dry_run:
        return Done(f"would be {said}: {named}")
    return Done(f"{said}: {named}")
