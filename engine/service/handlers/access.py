"""Handler of the question who may do what."""

from __future__ import annotations

from engine.access import Role
from engine.operations.access import AccessLogRequest, AccessReport, AccessRow, RoleHolders
from engine.operations.catalog import OPERATIONS
from engine.operations.common import NoRequest
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from engine.service.handlers.settings import time_zone
from engine.service.identity import owner_of, user_name
from engine.settings.model import DeckSettings
from store.rows import PersonalRead


def show(context: ServiceContext, _request: NoRequest) -> AccessReport:
    """Return the matrix of roles and operations, who holds which role, and where the caller stands."""
    from store import settings

    current = settings.current(context.deck.database)
    applied = DeckSettings.from_body(current.body) if current else None
    caller = context.caller
    return AccessReport(
        actor=caller.actor,
        via=caller.via or "",
        role=caller.role.name.lower(),
        owner=user_name(owner_of(context.deck.workspace)),
        group=applied.group if applied else "",
        roles=tuple(
            RoleHolders(role.name.lower(), applied.access.get(role.name.lower(), ()) if applied else ())
            for role in Role
        ),
        operations=tuple(
            AccessRow(
                operation=operation.id,
                verb=" ".join(operation.words),
                danger=operation.danger.value,
                viewer=operation.role <= Role.VIEWER,
                operator=operation.role <= Role.OPERATOR,
                approver=operation.role <= Role.APPROVER,
                admin=operation.role <= Role.ADMIN,
                you=operation.role <= caller.role,
            )
            for operation in sorted(OPERATIONS.values(), key=lambda each: (each.role, each.id))
        ),
    )


def log(context: ServiceContext, request: AccessLogRequest) -> list[PersonalRead]:
    """Return reads of personal columns, newest first."""
    from itertools import islice

    from store import access_log, models
    from store.clock import read_past

    check_limit(request.limit)
    if request.model:
        models.there(context.deck.database, request.model)
    zone = time_zone(context)
    now = context.deck.clock.now()
    bounds = [read_past(text, zone, now) if text else None for text in (request.since, request.until)]
    found = access_log.rows(context.deck.workspace.access_log, access_log.Span(*bounds))
    wanted = (
        row
        for row in found
        if (not request.by or request.by in (row.actor, row.actor.partition(":")[2]))
        and (not request.model or row.model in (request.model, "*"))
    )
    return list(islice(wanted, request.limit))
