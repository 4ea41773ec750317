"""Notifications: what was told to whom, and what came back."""

from __future__ import annotations

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Notification:
    """One event told to one target. `id` goes with every attempt, so that a receiver can tell a repeat.

    Of several in a short time the first carries the others: they are `merged`, `merged_into` names it.
    """

    id: str
    target: str
    kind: str  # webhook, apprise
    event: str  # its name as settings say it: job.failed; "test" where nothing happened
    event_seq: int | None
    subject_kind: str
    subject_id: str
    model: str | None
    severity: str  # info, warning, critical
    title: str
    state: str  # pending, sending, delivered, merged, failed, cancelled
    attempts: int
    merged_into: str | None
    not_before_at: int | None
    created_at: int
    attempted_at: int | None
    ended_at: int | None
    status: int | None  # of HTTP
    response: str  # the first characters of what came back
    error: str
