"""What a message says: JSON for a webhook, title and text for people. Pure; the same on every attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.settings.notify import SEVERITIES
from store.json_rows import EPOCH, rfc3339
from store.rows import Event, Notification
from store.rows.frozen import dataclass

CONTRACT = 1  # of the webhook's body; a field is added without a new number, never renamed or taken away
MOST_TOLD = 50  # events in one message; the count tells of all
_SHOWN = {"alert": "show alert", "release": "releases show", "job": "show job", "comment": "show comment"}


@dataclass(frozen=True, slots=True)
class Message:
    """What one notification tells: `told` is itself and what was merged into it, oldest first."""

    id: str
    deck: str
    zone: str
    target: str
    told: tuple[Notification, ...]
    events: dict[int, Event]  # by seq

    @property
    def severity(self) -> str:
        """The worst of what is told."""
        return max((one.severity for one in self.told), key=SEVERITIES.index)


def chosen(told: Sequence[Notification]) -> list[Notification]:
    """Return what a message shows one by one: the worst where they are many, oldest first."""
    worst = sorted(told, key=lambda one: -SEVERITIES.index(one.severity))[:MOST_TOLD]
    return sorted(worst, key=lambda one: one.event_seq or 0)


def title(message: Message) -> str:
    """Return the one line: what happened, or how much of it."""
    told = message.told
    if len(told) == 1:
        only = told[0]
        return f"[{message.deck}] {only.severity}: {only.title}"
    kinds = Counter(one.event for one in told)
    parts = ", ".join(f"{count} {name}" for name, count in kinds.most_common(4))
    critical = sum(1 for one in told if one.severity == "critical")
    worst = f", {critical} critical" if critical else ""
    return f"[{message.deck}] {len(told)} events{worst}: {parts}{', …' if len(kinds) > 4 else ''}"


def text(message: Message) -> str:
    """Return what a person reads: each event with its time in the deck's zone, and the command that shows more."""
    shown = chosen(message.told)
    lines = [line for one in shown for line in _lines(message, one)]
    if len(shown) < len(message.told):
        lines.append(f"and {len(message.told) - len(shown)} more: modeldeck notifications --target {message.target}")
    lines += ["", f"deck {message.deck}, notification {message.id}"]
    return "\n".join(lines)


def _lines(message: Message, one: Notification) -> list[str]:
    event = message.events.get(one.event_seq or 0)
    at = EPOCH + timedelta(microseconds=event.at if event else one.created_at)
    when = at.astimezone(ZoneInfo(message.zone)).strftime("%Y-%m-%d %H:%M:%S %Z")
    lines = [f"{when}  {one.severity}  {one.title}"]
    if event:
        more = _SHOWN.get(one.subject_kind)
        lines.append(
            f"    {one.event} by {event.actor}" + (f"; modeldeck {more} {one.subject_id[:12]}" if more else "")
        )
    return lines


def body(message: Message) -> dict[str, Any]:
    """Return what a webhook is sent, documented in docs/notifications.md."""
    return {
        "contract": CONTRACT,
        "id": message.id,
        "deck": message.deck,
        "target": message.target,
        "severity": message.severity,
        "title": title(message),
        "count": len(message.told),
        "events": [_told(one, message.events.get(one.event_seq or 0)) for one in chosen(message.told)],
    }


def _told(one: Notification, event: Event | None) -> dict[str, Any]:
    return {
        "event": one.event,
        "seq": one.event_seq,
        "at": rfc3339(event.at if event else one.created_at),
        "severity": one.severity,
        "title": one.title,
        "model": one.model,
        "subject": {"kind": one.subject_kind, "id": one.subject_id},
        "actor": event.actor if event else None,
        "reason": event.reason if event else "",
        "details": event.body if event else {},
    }
