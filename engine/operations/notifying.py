"""Operations on notifications: what was told to whom, again, and as a test."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import DRY_RUN
from engine.operations.operation import Danger, Operation, argument
from store.rows import Job, Notification
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class NotificationsRequest:
    """Notifications, newest first."""

    state: str = argument(
        "only these: pending, sending, delivered, merged, failed or cancelled", flag="--state", default=""
    )
    target: str = argument("only to this target", flag="--target", default="")
    limit: int = argument("at most this many rows", flag="--limit", default=100)


@dataclass(frozen=True, slots=True)
class NotificationChange:
    """Send one notification again."""

    id: str = argument("the notification's id; a unique prefix is enough")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class NotificationTest:
    """A test message to one target."""

    name: str = argument("the target's name, as in [notify.NAME]")


_HANDLERS = "engine.service.handlers.notifying"

OPERATIONS = (
    Operation(
        "notifications.list",
        ("notifications",),
        "what was told to whom, newest first",
        NotificationsRequest,
        Notification,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:notifications",
        many=True,
    ),
    Operation(
        "notifications.replay",
        ("notifications", "replay"),
        "send one again, with the same id",
        NotificationChange,
        Notification,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:replay",
    ),
    Operation(
        "notifications.test",
        ("notifications", "test"),
        "send a test, and say what came back",
        NotificationTest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:test",
        job=True,
    ),
)
