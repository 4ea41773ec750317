"""Handlers of operations on schedules."""

from __future__ import annotations

from engine.operations.common import NoRequest
from engine.operations.work import ScheduleChange, ScheduleRequest
from engine.service.call import ServiceContext
from engine.service.handlers.settings import time_zone
from engine.settings.triggers import due_between, read_trigger
from engine.settings.work import terms
from store.errors import Refused
from store.rows import Job, Schedule


def schedules(context: ServiceContext, _request: NoRequest) -> list[Schedule]:
    """Return what runs when."""
    from store import schedules as table

    return table.schedules(context.deck.database)


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
