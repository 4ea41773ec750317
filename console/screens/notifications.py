"""The screen of what was told to whom, and the page of one notification."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render import notifications as render
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import ListKind, ListPage
from engine.operations.notifying import NotificationsRequest
from store.rows import Notification

MOST = 500


def _read(client: Asks) -> list[Notification]:
    """Return what did not arrive first, else the newest first."""
    found: list[Notification] = list(client.call("notifications.list", NotificationsRequest(limit=MOST)))
    return sorted(found, key=lambda row: not render.needs_a_look(row))


def notifications_page() -> ListPage:
    """`0` Notifications."""
    return ListPage(
        ListKind(
            name="notifications",
            title="Notifications",
            command="modeldeck notifications",
            columns=render.COLUMNS,
            key=lambda row: row.id,
            read=_read,
            empty=(
                "Nothing was told to anybody yet.",
                "deck.toml says who is told of what; docs/notifications.md tells the rest. For example:",
                "[notify.oncall]",
                'url = "env:ONCALL_URL"',
                'on = ["alert.*", "release.held", "job.failed"]',
            ),
            opens=notification_page,
            detail=render.notification_lines,
        )
    )


def notification_page(row: Notification) -> DocumentPage:
    """Return the page of a notification."""

    def read(client: Asks) -> Any:
        return next((one for one in _read(client) if one.id == row.id), None)

    kind = DocumentKind(
        "notification",
        f"notification:{row.id}",
        f"{row.event} to {row.target}",
        f"modeldeck show notification {row.id[:16]}",
        render.notification_lines,
        read,
    )
    return DocumentPage(kind, row)
