"""Handlers of operations on notifications."""

from __future__ import annotations

from engine.operations.notifying import NotificationChange, NotificationsRequest, NotificationTest
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from engine.settings.apply import current_settings
from engine.settings.model import DeckSettings
from engine.settings.work import terms
from store.errors import Refused
from store.rows import Job, Notification

STATES = ("pending", "sending", "delivered", "merged", "failed", "cancelled")


def notifications(context: ServiceContext, request: NotificationsRequest) -> list[Notification]:
    """Return notifications, newest first."""
    from store import notifying

    check_limit(request.limit)
    if request.state and request.state not in STATES:
        raise Refused(f"no state {request.state!r}", f"states: {', '.join(STATES)}")
    return notifying.notifications(
        context.deck.database, request.limit, state=request.state or None, target=request.target or None
    )


def replay(context: ServiceContext, request: NotificationChange) -> Notification:
    """Have one sent again, where its target is still declared."""
    from store import notifying

    settings, _ = current_settings(context.deck)
    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        _target(settings, notifying.notification(tx, request.id).target)
        return notifying.replay(tx, request.id, caller.actor, request.reason, caller.via)


def test(context: ServiceContext, request: NotificationTest) -> Job:
    """Ask for the job that sends a test message."""
    from store import jobs
    from store import settings as applied

    settings, revision = current_settings(context.deck)
    _target(settings, request.name)
    with context.deck.database.write() as tx:
        return jobs.enqueue(
            tx,
            kind="notify",
            args={"target": request.name, "test": True},
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=revision,
            terms=terms(applied.get(tx, revision).body, "notify"),
        )


def _target(settings: DeckSettings, name: str) -> None:
    from store.lookup import unknown

    if name not in settings.notify:
        raise unknown("target", name, settings.notify)
