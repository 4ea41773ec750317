"""Handlers of operations on monitors, windows and outcomes."""

from __future__ import annotations

from typing import Any

from engine.operations.common import ModelRequest, NoRequest
from engine.operations.watching import (
    AttributionMoved,
    AttributionsRequest,
    BackfillRequest,
    MonitorDetail,
    MonitorNewest,
    OutcomesRequest,
    OutcomesTaken,
    PartsRequest,
    WindowsRequest,
)
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from engine.service.handlers.settings import time_zone
from engine.settings.apply import current_settings, require_model
from engine.settings.work import terms
from store.clock import read_span
from store.errors import Refused
from store.rows import Job, Monitor, Window, WindowPart

PARTS = ("host", "slice")


def monitors(context: ServiceContext, _request: NoRequest) -> list[Monitor]:
    """Return the watch over each endpoint."""
    from store import watching

    return watching.monitors(context.deck.database)


def newest(context: ServiceContext, _request: NoRequest) -> list[MonitorNewest]:
    """Return what each monitor saw last."""
    from engine.service.handlers.monitor_newest import newest_of

    with context.deck.database.reading() as reader:
        return newest_of(reader)


def windows(context: ServiceContext, request: WindowsRequest) -> list[Window]:
    """Return a model's windows, newest first."""
    from store import models, watching

    check_limit(request.limit)
    models.model(context.deck.database, request.model)
    return watching.windows(context.deck.database, request.model, limit=request.limit)


def parts(context: ServiceContext, request: PartsRequest) -> list[WindowPart]:
    """Return hosts or slices of a model's newest windows, the worst first in each."""
    from store import models, watching

    if request.by not in PARTS:
        raise Refused(f"windows are not told by {request.by!r}", f"by {' or '.join(PARTS)}")
    check_limit(request.windows)
    models.model(context.deck.database, request.model)
    return watching.window_parts(
        context.deck.database, request.model, request.by, request.windows, request.number or None
    )


def attributions(context: ServiceContext, request: AttributionsRequest) -> list[AttributionMoved]:
    """Return what columns contributed to the newest explained predictions, the one that moved most first."""
    from engine.service import apart
    from store import models, versions

    check_limit(request.rows)
    models.model(context.deck.database, request.model)
    if request.number:
        versions.version(context.deck.database, request.model, request.number)
    told = {"model": request.model, "version": request.number or None, "rows": request.rows}
    return [AttributionMoved(**one) for one in apart.attributions(context.deck.workspace, told)]


def detail(context: ServiceContext, request: ModelRequest) -> MonitorDetail:
    """Return how good a model's newest version is, window by window."""
    from engine.service.handlers.monitor_detail import detail_of
    from store import models

    models.model(context.deck.database, request.model)
    return detail_of(context.deck.database, request.model)


def run(context: ServiceContext, request: ModelRequest) -> Job:
    """Enqueue one look."""
    return _enqueue(context, "monitor", request.model, {})


def backfill(context: ServiceContext, request: BackfillRequest) -> Job:
    """Enqueue a look at every window of a span of time."""
    first, last = read_span(request.span, time_zone(context))
    return _enqueue(context, "monitor-backfill", request.model, {"from_us": first, "to_us": last})


def _enqueue(context: ServiceContext, kind: str, model: str, args: dict[str, Any]) -> Job:
    from store import jobs
    from store import settings as applied

    settings, revision = current_settings(context.deck)
    require_model(settings, model)
    with context.deck.database.write() as tx:
        return jobs.enqueue(
            tx,
            kind=kind,
            model=model,
            args=args,
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=revision,
            terms=terms(applied.get(tx, revision).body, kind),
        )


def record_outcomes(context: ServiceContext, request: OutcomesRequest) -> OutcomesTaken:
    """Take outcomes: the daemon by a process of its own, which reads the log they belong to."""
    from store import models

    models.model(context.deck.database, request.model)
    if context.transport == "socket":
        from engine.service import apart

        return apart.record(context.deck.workspace, request, context.caller.actor)
    from engine.monitoring.outcomes import record

    return record(context.deck, request.model, list(request.rows), request.origin, context.caller.actor)
