"""Who is told of what: the targets of `[notify.NAME]`, as applied. Standard library only.

A secret is never in here: `url` and `secrets` say where it lies, `env:NAME` or `file:PATH`. Only a webhook whose
address is no secret stands in `url` as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from store.rows.frozen import dataclass

SEVERITIES = ("info", "warning", "critical")
EVENTS = (
    "alert.opened",
    "alert.reopened",
    "alert.escalated",
    "alert.acknowledged",
    "alert.snoozed",
    "alert.resolved",
    "approval.requested",
    "approval.granted",
    "approval.refused",
    "approval.withdrawn",
    "approval.lapsed",
    "approval.used",
    "comment.added",
    "comment.edited",
    "comment.withdrawn",
    "duty.taken",
    "duty.given",
    "fault.found",
    "fault.cleared",
    "incident.opened",
    "incident.closed",
    "maintenance.begun",
    "maintenance.ended",
    "release.requested",
    "release.running",
    "release.held",
    "release.completed",
    "release.rolled_back",
    "release.aborted",
    "release.failed",
    "promotion.refused",
    "version.registered",
    "alias.moved",
    "job.failed",
    "job.succeeded",
    "job.cancelled",
    "outcomes.recorded",
    "snapshot.taken",
    "data.checked",
    "data.quarantined",
    "endpoint.stopped",
    "endpoint.key_added",
    "endpoint.key_revoked",
    "schedule.held",
    "schedule.skipped",
    "schedule.paused",
    "schedule.resumed",
    "access.refused",
    "request.refused",
    "audit.failed",
    "settings.applied",
    "backup.created",
    "backup.restored",
)
GROUPS = tuple(dict.fromkeys(name.partition(".")[0] for name in EVENTS))
WATCHED = (
    *("alert", "alias", "approval", "comment", "duty", "endpoint", "fault", "incident", "maintenance", "release"),
    "version",
)
WATCHED_TOO = ("data.quarantined", "job.failed", "promotion.refused")  # of what else happens to a watched thing
DEFAULT_ON = (
    "audit.failed",
    "alert.opened",
    "alert.reopened",
    "alert.escalated",
    "approval.requested",
    "fault.found",
    "release.held",
    "release.rolled_back",
    "release.aborted",
    "release.failed",
    "job.failed",
)


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """One target. `quiet` is (from, to) in minutes of the day in the deck's zone; None: never quiet."""

    kind: str  # webhook, apprise
    url: str  # env:NAME, file:PATH, or a webhook's address
    secrets: tuple[str, ...] = ()  # each env:NAME or file:PATH; two while one replaces the other
    on: tuple[str, ...] = DEFAULT_ON  # names of events, or alert.* for all that begin so
    models: tuple[str, ...] = ()  # none: all, and what is about no model
    people: tuple[str, ...] = ()  # who read it: told of comments that call them, and of what they watch
    severity: str = "info"  # this and above
    quiet: tuple[int, int] | None = None  # only what is critical is told then, the rest afterwards
    per_minute: int = 3  # messages; what is more within a minute leaves as one with a count
    timeout_s: float = 10.0
    plain_http: bool = False  # to others than this machine, without TLS

    def to_body(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @property
    def reached_by(self) -> tuple[object, ...]:
        """Return what an attempt depends on: another of these is reason to try again."""
        return self.kind, self.url, self.secrets, self.timeout_s, self.plain_http


def is_watched(name: str) -> bool:
    """Say whether who watches a thing is told of an event of that name."""
    return name.partition(".")[0] in WATCHED or name in WATCHED_TOO


def from_body(body: Mapping[str, Any]) -> dict[str, NotifySettings]:
    """Return the targets of a settings body by name; settings older than targets have none."""
    return {name: _target(stated) for name, stated in sorted(body.get("notify", {}).items())}


def _target(stated: Mapping[str, Any]) -> NotifySettings:
    lists = {name: tuple(stated.get(name, ())) for name in ("secrets", "on", "models", "people")}
    quiet = stated["quiet"]
    return NotifySettings(**{**stated, **lists, "quiet": (quiet[0], quiet[1]) if quiet else None})
