"""Handlers of retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.operations.common import NoRequest
from engine.operations.retention import KeptKind, RetentionReport, RetentionRequest
from engine.service.context import ServiceContext

if TYPE_CHECKING:
    from engine.keeping.retention import Kept


def kinds(context: ServiceContext, _request: NoRequest) -> list[KeptKind]:
    """Return for how long each kind is kept, and what is due."""
    from engine.keeping import retention

    return [_told(context, one) for one in retention.look(context.deck)]


def run(context: ServiceContext, request: RetentionRequest) -> RetentionReport:
    """Let go of what is due, or say what would go."""
    from engine.keeping import retention

    found = [_told(context, one) for one in retention.look(context.deck)]
    if not request.dry_run:
        retention.run(context.deck, actor=context.caller.actor, via=context.caller.via)
    return RetentionReport(
        request.dry_run, sum(one.due for one in found), sum(one.due_bytes for one in found), tuple(found)
    )


def _told(context: ServiceContext, one: Kept) -> KeptKind:
    from engine.keeping.retention import unneeded_now

    due, size = len(one.due), one.due_bytes
    if one.kind == "unneeded" and one.keep_s is not None and not one.held:
        due, size = unneeded_now(context.deck, one.keep_s, context.caller.actor)
    return KeptKind(one.model, one.kind, one.keep_s, one.before_us, due, size, one.held)
