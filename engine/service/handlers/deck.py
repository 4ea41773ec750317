"""Handlers of operations on the deck itself."""

from __future__ import annotations

import os
from typing import Any

from engine.deck import Deck
from engine.operations.common import Done, NoRequest
from engine.operations.deck import (
    ApplyRequest,
    AuditReport,
    AuditRequest,
    Changes,
    Damage,
    EventsRequest,
    Shown,
    ShowRequest,
)
from engine.service.call import operation_named
from engine.service.context import ServiceContext
from engine.service.filters import parse
from engine.service.handlers.show import whole
from engine.settings.apply import apply_settings
from store.errors import CorruptArtifact, Refused, WorkFailed
from store.rows import Event

MOST_SEARCHED = 100_000  # events looked at for one filtered page
PAGE = 1000
MOST_ROWS = 1_000_000


def apply(context: ServiceContext, request: ApplyRequest) -> Done:
    """Apply the settings files."""
    revision, already, differences = apply_settings(
        context.deck, context.caller.actor, request.reason, dry_run=request.dry_run
    )
    body = {"revision": revision.revision, "hash": revision.hash, "differences": differences}
    if already:
        return Done(f"already applied as revision {revision.revision}", already=True, body=body)
    if request.dry_run:
        return Done(f"would be revision {revision.revision}; nothing was changed", body=body)
    return Done(f"applied as revision {revision.revision}", body=body)


def changes(context: ServiceContext, _request: NoRequest) -> Changes:
    """Return the token of the registry's state."""
    return Changes(f"{os.getpid()}-{context.deck.database.changes()}")


def events(context: ServiceContext, request: EventsRequest) -> list[Event]:
    """Return the newest events that match, looking back as far as `MOST_SEARCHED`."""
    from store import events as feed

    check_limit(request.limit)
    wanted = parse(request.filter)
    found: list[Event] = []
    before: int | None = None
    looked_at = 0
    size = max(PAGE, request.limit) if wanted.terms else request.limit
    while len(found) < request.limit and looked_at < MOST_SEARCHED:
        page = feed.events(context.deck.database, limit=size, before_seq=before, scheduled_jobs=request.all)
        found += wanted.select(page)
        if len(page) < size:
            break
        looked_at += len(page)
        before = page[-1].seq
    return found[: request.limit]


def verify(context: ServiceContext, request: AuditRequest) -> AuditReport:
    """Check the hash chain, and with `deep` the registry's pages and every artifact. What does not hold is an event."""
    from store import events as feed

    if request.deep:
        report = _deep(context.deck)
    else:
        ok, verified, head, broken_seq, detail = feed.verify(context.deck.database)
        report = AuditReport(ok, verified, head, broken_seq, detail)
    if not report.ok and not context.caller.read_only:
        damaged = [f"{one.what} {one.name[:19]}: {one.detail}" for one in report.damage]
        why = next((each for each in (report.detail, *damaged) if each), "")
        context.refusals.refused(context.deck, context.caller, operation_named("audit.verify"), why, "audit.failed")
    return report


def _deep(deck: Deck) -> AuditReport:
    """Look at everything, whatever is found damaged on the way."""
    from store import blobs
    from store import events as feed
    from store.whole import damage

    path = str(deck.workspace.registry)
    found = [Damage("registry", path, said) for said in damage(deck.workspace.registry)]
    chain, artifacts = feed.Chain(False, 0, "", None, "the registry cannot be read"), 0
    try:
        chain = feed.verify(deck.database)
        for row in blobs.present(deck.database):
            artifacts += 1
            try:
                deck.artifacts.verify(row["hash"])
            except CorruptArtifact as error:
                found.append(Damage("artifact", row["hash"], error.line()))
    except WorkFailed as error:
        found = found or [Damage("registry", path, error.line())]
    ok = chain.ok and not found
    return AuditReport(ok, chain.verified, chain.head, chain.broken_seq, chain.detail, artifacts, tuple(found))


def show(context: ServiceContext, request: ShowRequest) -> Shown:
    """Return one thing, whole."""
    identity, body = whole(context.deck.database, request.kind, request.id)
    return Shown(request.kind, identity, body)


def check_limit(limit: int) -> None:
    """Refuse a page without rows, or of more than anybody reads.

    Raises:
        Refused: the limit is below 1 or above `MOST_ROWS`.
    """
    if limit < 1:
        raise Refused(f"--limit {limit} lists nothing", "give 1 or more")
    if limit > MOST_ROWS:
        raise Refused(f"--limit {limit} is too many at once", f"give {MOST_ROWS} or fewer")


def as_body(row: Any) -> dict[str, Any]:
    """Return a row's fields as JSON values."""
    from store.rows import to_json

    body: dict[str, Any] = to_json(row)
    return body
