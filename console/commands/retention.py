"""How long what is kept is kept, as the command line writes it."""

from __future__ import annotations

from console.commands.values import count, kilobytes, seconds
from console.output import Column, Output
from console.render.words import plural
from engine.operations.retention import KeptKind, RetentionReport

KINDS = (
    Column("model", lambda row, _: row.model or "the deck", shrink=True),
    Column("kind", "kind"),
    Column("kept", lambda row, _: "for ever" if row.keep_s is None else seconds(row.keep_s), right=True),
    Column("older than", lambda row, out: out.minute(row.before_at) if row.before_at is not None else "-"),
    Column("due", lambda row, _: count(row.due), right=True),
    Column("size", lambda row, _: kilobytes(row.due_bytes) if row.due else "-", right=True),
    Column("held", lambda row, _: row.held or "-", shrink=True),
)

RETENTION_COLUMNS: dict[type, tuple[Column, ...]] = {KeptKind: KINDS}


def retention(answer: RetentionReport, out: Output) -> None:
    """Write what went, or would, kind by kind."""
    due = [one for one in answer.kinds if one.due or one.held]
    if due:
        out.table(KINDS, due)
    verb = "would go" if answer.dry_run else "went"
    size = f" ({kilobytes(answer.removed_bytes)})" if answer.removed else ""
    out.note(f"{plural(answer.removed, 'thing') if answer.removed else 'nothing'} {verb}{size}")
