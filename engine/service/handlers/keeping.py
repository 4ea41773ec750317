"""Handlers of operations that keep a deck."""

from __future__ import annotations

from engine.operations.common import Done
from engine.operations.keeping import BackupMade, GcItem, GcReport, GcRequest
from engine.service.context import ServiceContext
from engine.settings.durations import seconds
from store.errors import Refused


def record_backup(context: ServiceContext, request: BackupMade) -> Done:
    """Put a backup on record: who made it, what it proves, by which hash it is known."""
    from dataclasses import asdict

    from store import events

    with context.deck.database.write() as tx:
        event = events.append(
            tx,
            actor=context.caller.actor,
            via=context.caller.via,
            action="backup.created",
            subject_kind="deck",
            subject_id=request.sha256,
            body=asdict(request),
        )
    return Done(f"recorded as event {event.seq}")


def gc(context: ServiceContext, request: GcRequest) -> GcReport:
    """Collect garbage, or say what would go."""
    from engine.keeping.gc import KEPT, REMOVED, collect
    from engine.keeping.holds import holds_now

    try:
        grace_s = seconds(request.grace)
    except ValueError as error:
        raise Refused(f"--grace {request.grace[:40]!r} is no duration", str(error)) from None
    caller = context.caller
    found = collect(context.deck, grace_s, dry_run=request.dry_run, actor=caller.actor, via=caller.via)
    removed = [item for item in found if item.verdict == REMOVED]
    kept = [item for item in found if item.verdict == KEPT]
    return GcReport(
        dry_run=request.dry_run,
        removed=len(removed),
        removed_bytes=sum(item.size_bytes for item in removed),
        kept=len(kept),
        kept_bytes=sum(item.size_bytes for item in kept),
        items=tuple(GcItem(i.kind, i.name, i.size_bytes, i.verdict, i.why) for i in (*removed, *kept)),
        hold=holds_now(context.deck.database).told(),
    )
