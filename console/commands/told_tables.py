"""Which columns a list of notifications shows."""

from __future__ import annotations

from console.output import Column
from store.rows import Notification


def ending(row: Notification) -> str:
    """Return what came of it: the last error, the status of HTTP, or in whose message it was told."""
    if row.error:
        return row.error
    if row.merged_into:
        return f"told in {row.merged_into[:12]}"
    return str(row.status) if row.status is not None else "-"


NOTIFICATIONS = (
    Column("notification", lambda row, out: out.short(row.id)),
    Column("made", lambda row, out: out.minute(row.created_at)),
    Column("target", lambda row, _: row.target, shrink=True),
    Column("event", lambda row, _: row.event, shrink=True),
    Column("state", "state"),
    Column("tries", lambda row, _: str(row.attempts), right=True),
    Column("came back", lambda row, _: ending(row), shrink=True),
)

TOLD_COLUMNS: dict[type, tuple[Column, ...]] = {Notification: NOTIFICATIONS}
