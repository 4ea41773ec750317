"""Handlers of operations on jobs and schedules."""

from __future__ import annotations

from engine.jobs.report import log_of
from engine.operations.common import NoRequest, Page
from engine.operations.work import CancelRequest, JobLogs, JobLogsRequest, JobRequest
from engine.service.call import ServiceContext
from engine.service.filters import parse
from engine.service.handlers.deck import check_limit
from engine.workspace import Workspace
from store.errors import Refused
from store.rows import Job, Schedule

MOST_SEARCHED = 10_000
PIECE_BYTES = 64 * 1024


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

    with context.deck.database.write() as tx:
        found = queue.job(tx, request.id)
        if found.ended_at is None:
            queue.request_cancel(
                tx, found.id, actor=context.caller.actor, reason=request.reason, via=context.caller.via
            )
        return queue.job(tx, found.id)


def schedules(context: ServiceContext, _request: NoRequest) -> list[Schedule]:
    """Return what runs when."""
    from store import watching

    return watching.schedules(context.deck.database)
