"""What the sample deck told its targets: delivered, failed, tried again, merged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sample_releases import MINUTE, NOW, identity

from store.rows import Notification


def told(number: int, state: str, **fields: Any) -> Notification:
    """Return a notification of a minute ago for each number."""
    made = Notification(
        id=identity(500 + number),
        target="oncall",
        kind="apprise",
        event="alert.opened",
        event_seq=number,
        subject_kind="alert",
        subject_id=identity(401),
        model="post-moderation",
        severity="critical",
        title="post-moderation: no positive label in 3 windows: log_loss 1.31, 0.40 in training",
        state=state,
        attempts=1,
        merged_into=None,
        not_before_at=None,
        created_at=NOW - number * MINUTE,
        attempted_at=NOW - number * MINUTE,
        ended_at=NOW - number * MINUTE,
        status=None,
        response="",
        error="",
    )
    return replace(made, **fields)


NOTIFICATIONS = (
    told(1, "delivered"),
    told(
        2,
        "failed",
        target="pipeline",
        kind="webhook",
        event="release.aborted",
        title="nightly-rates: promote to version 3 aborted: errors",
        attempts=12,
        status=503,
        response="upstream is away",
        error="answered 503 Service Unavailable",
    ),
    told(3, "pending", attempts=2, error="no answer within 10 s", not_before_at=NOW + 20_000_000, ended_at=None),
    told(4, "merged", merged_into=identity(501)),
)
