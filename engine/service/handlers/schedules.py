"""Handlers of operations on schedules."""

from __future__ import annotations

from engine.operations.common import NoRequest
from engine.operations.work import Firing, ScheduleChange, ScheduleDetail, ScheduleRequest, ScheduleShow
from engine.service.context import ServiceContext
from engine.service.handlers.settings import time_zone
from engine.settings.triggers import due_between, read_trigger
from engine.settings.work import terms
from store.errors import Refused
from store.rows import Job, Schedule

NEXT = 5  # firings that are told ahead
RECENT = 50  # events among which the last passing over is looked for


def schedules(context: ServiceContext, _request: NoRequest) -> list[Schedule]:
    """Return what runs when."""
    from store import schedules as table

    return table.listed(context.deck.database)


def show(context: ServiceContext, request: ScheduleShow) -> ScheduleDetail:
    """Return one schedule with its next times and its last job."""
    from store import events, jobs
    from store import schedules as table

    zone, now = time_zone(context), context.deck.clock.now()
    with context.deck.database.reading() as reader:
        row = table.schedule(reader, request.id)
        recent = events.events(reader, limit=RECENT, subject=("schedule", row.id))
        passed = next((one for one in recent if one.action == "schedule.skipped"), None)
        paused = row.paused_at is not None and next((one for one in recent if one.action == "schedule.paused"), None)
        return ScheduleDetail(
            row,
            zone,
            _next_times(row, zone, now),
            jobs.job(reader, row.last_job_id) if row.last_job_id else None,
            passed.reason if passed else "",
            passed.at if passed else None,
            paused.actor if paused else "",
            paused.reason if paused else "",
        )


def _next_times(row: Schedule, zone: str, now: int) -> tuple[Firing, ...]:
    """Return the next firings, the one that is set first; its jitter, where it has one, is in that one alone."""
    if row.paused_at is not None:
        return ()
    try:
        trigger = read_trigger(row.trigger, zone)
    except Refused:
        return ()
    found = [row.next_at] if row.next_at is not None else []
    at = max(found[0], now) if found else now
    while len(found) < NEXT and (after := trigger.after(at)) is not None:
        found.append(after)
        at = after
    return tuple(Firing(at) for at in found)


def pause(context: ServiceContext, request: ScheduleChange) -> Schedule:
    """Fire a schedule no more until it is resumed."""
    from store import schedules as table

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        return table.pause(tx, request.id, actor=caller.actor, reason=request.reason, via=caller.via)


def resume(context: ServiceContext, request: ScheduleChange) -> Schedule:
    """Let a paused schedule fire from now on; what fell due meanwhile is recorded as passed over, never made up for."""
    from store import schedules as table

    caller, zone = context.caller, time_zone(context)
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        row = table.schedule(tx, request.id)
        if row.paused_at is not None:
            skipped = _due_while_paused(row, zone, tx.at)
            if skipped:
                table.skip(tx, row, "paused", skipped, "it was paused")
        return table.resume(tx, request.id, actor=caller.actor, reason=request.reason, via=caller.via)


def _due_while_paused(row: Schedule, zone: str, now: int) -> int:
    if row.next_at is None:
        return 0
    try:
        return due_between(read_trigger(row.trigger, zone), row.next_at, now, 1)[0]
    except Refused:
        return 0  # a trigger that says no time has missed none


def run_schedule(context: ServiceContext, request: ScheduleRequest) -> Job:
    """Ask for a schedule's job now, paused or not; where its last one has not ended, that is the answer."""
    from store import jobs, settings
    from store import schedules as table

    with context.deck.database.write(dry_run=request.dry_run) as tx:
        row = table.schedule(tx, request.id)
        applied = settings.current(tx)
        job = jobs.enqueue(
            tx,
            kind=row.kind,
            model=row.model,
            args={"schedule": row.id},
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=row.settings_revision,
            dedupe_key=f"schedule:{row.id}",
            terms=terms(applied.body if applied else {}, row.kind),
        )
        table.was_run(tx, row.id, job.id)
        return job
