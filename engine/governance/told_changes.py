"""Which events of the record are worth telling whoever was away, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.operations.changes import words
from engine.operations.handover import Change
from store.rows import Event

ROUTINE = ("job.", "run.", "notification.", "route.", "gc.", "watch.", "schedule.", "access.limited", "outcomes.")
ARRIVING = ("release.", "alias.", "settings.", "version.", "snapshot.", "fault.", "endpoint.")  # what may be a cause


def told(events: Iterable[Event], *, begin: tuple[str, ...] = (), models: tuple[str, ...] = ()) -> list[Change]:
    """Return events as changes, in their order, without what is routine unless it failed.

    `begin` keeps only actions that begin so; `models` only what is of one of them or of none.
    """
    return [
        Change(event.seq, event.at, event.actor, event.model, said(event), event.reason)
        for event in events
        if is_told(event)
        and (not begin or event.action.startswith(begin))
        and (not models or event.model is None or event.model in models)
    ]


def is_told(event: Event) -> bool:
    """Say whether an event is told: changes that people look for, and jobs that failed."""
    if event.action == "job.ended":
        return event.body.get("state") in ("failed", "abandoned")
    if event.action == "release.running":
        return bool(event.reason)  # somebody let it go on, past what held it
    if event.body.get("quiet") is True:
        return False
    return not event.action.startswith(ROUTINE)


def said(event: Event) -> str:
    """Return one event in words; an alert by its title, settings by their number."""
    if event.action == "job.ended":
        return f"{event.body.get('kind') or 'job'} failed".strip()
    if event.subject_kind == "settings":
        return f"settings revision {event.subject_id} applied"
    title = str(event.body.get("title") or "")
    if event.subject_kind == "alert" and title:
        return f"{words(event)}: {title}"
    return words(event)
