"""Handlers of operations on alerts and maintenance."""

from __future__ import annotations

import re
from typing import TypedDict

from engine.operations.alerts import (
    AckRequest,
    AlertChange,
    AlertDetail,
    AlertRequest,
    AlertsRequest,
    MaintenanceRequest,
    SnoozeRequest,
    worst_first,
)
from engine.operations.common import NoRequest
from engine.service.context import ServiceContext
from engine.service.handlers.alert_detail import with_left
from engine.service.handlers.comments import counted
from engine.service.handlers.settings import time_zone
from engine.settings.durations import seconds
from store.clock import parse_time
from store.errors import Refused
from store.rows import Alert, Maintenance

WHOLE_DECK = "all"


class _Told(TypedDict):
    actor: str
    reason: str
    via: str | None


_USER = re.compile(r"(user:)?([A-Za-z0-9_][A-Za-z0-9_.@-]{0,63})")


def alerts(context: ServiceContext, request: AlertsRequest) -> list[Alert]:
    """Return alerts, the worst first."""
    from store import alerts as table

    reader = context.deck.database
    found = worst_first(with_left(reader, table.alerts(reader, open_only=not request.all)))
    return counted(reader, "alert", found, lambda row: row.id)


def detail(context: ServiceContext, request: AlertRequest) -> AlertDetail:
    """Return one alert with all that is known around it."""
    from engine.service.handlers.alert_detail import detail_of
    from store import alerts as table

    with context.deck.database.reading() as reader:
        return detail_of(reader, table.alert(reader, request.id), context.deck.clock.now())


def acknowledge(context: ServiceContext, request: AckRequest) -> Alert:
    """Take an alert, or give it to somebody; where another has it already, theirs it stays."""
    from store import alerts as table

    caller, until_at = context.caller, _until(context, request.until, request.lasts)
    owner = _user(request.owner) if request.owner else None
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        found = table.alert(tx, request.id)
        if found.state == "resolved":
            return found
        return table.acknowledge(
            tx, found.id, caller.actor, owner=owner, until_at=until_at, reason=request.reason, via=caller.via
        )


def snooze(context: ServiceContext, request: SnoozeRequest) -> Alert:
    """Put an alert aside until a time."""
    from store import alerts as table

    caller, until_at = context.caller, _until(context, request.until, request.lasts)
    if until_at is None:
        raise Refused("a snooze needs an end", "say --for 4h, or --until 2026-01-31T08:00")
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        return table.snooze(tx, request.id, caller.actor, until_at, reason=request.reason, via=caller.via)


def resolve(context: ServiceContext, request: AlertChange) -> Alert:
    """Say that an alert is over."""
    from store import alerts as table

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        return table.resolve(tx, request.id, caller.actor, reason=request.reason, via=caller.via)


def change_maintenance(context: ServiceContext, request: MaintenanceRequest) -> Maintenance:
    """Begin, move or end maintenance."""
    from store import maintenance, models

    caller, until_at = context.caller, _until(context, request.until, request.lasts)
    if request.end == (until_at is not None):
        raise Refused(
            "say when maintenance ends, or that it ends now", "with --for 2h, --until 2026-01-31T08:00, or --end"
        )
    model = None if request.model == WHOLE_DECK else request.model
    told: _Told = {"actor": caller.actor, "reason": request.reason, "via": caller.via}
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        if model is not None:
            models.model(tx, model)
        if until_at is None:
            return maintenance.end(tx, model, **told)
        if not request.reason and maintenance.of(tx, model) is None:
            raise Refused("maintenance needs a reason", 'say --reason "why nobody is to be told"')
        return maintenance.begin(tx, model, until_at, **told)


def maintenances(context: ServiceContext, _request: NoRequest) -> list[Maintenance]:
    """Return maintenance under way and over, newest first."""
    from store import maintenance

    return maintenance.newest(context.deck.database)


def _until(context: ServiceContext, until: str, lasts: str) -> int | None:
    """Read an end as microseconds UTC: a time as the deck's clock shows it, or a duration from now."""
    if until and lasts:
        raise Refused("both --until and --for say when it ends", "give one of them")
    if until:
        return parse_time(until, time_zone(context))
    if not lasts:
        return None
    try:
        found = seconds(lasts)
    except ValueError as error:
        raise Refused(f"--for {lasts[:40]!r} is no duration", str(error)) from None
    if found < 1:
        raise Refused(f"--for {lasts!r} is over at once", 'such as "30m", "4h" or "2d"')
    return context.deck.clock.now() + round(found * 1_000_000)


def _user(name: str) -> str:
    found = _USER.fullmatch(name)
    if found is None:
        raise Refused(f"--owner {name!r} is no user's name", "give a name such as anna")
    return f"user:{found[2]}"
