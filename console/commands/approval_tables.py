"""Which columns a list of approvals shows, and what a change of one came to, in one line."""

from __future__ import annotations

from console.output import Column, Output
from store.rows import Approval


def asked_and_given(row: Approval) -> str:
    """Return who has said yes, of how many."""
    names = ", ".join(one.actor.removeprefix("user:") for one in row.granted)
    return f"{len(row.granted)} of {row.asked}" + (f": {names}" if names else "")


def standing(row: Approval, out: Output) -> str:
    """Return what is to be known beside the state: until when, or why it ended."""
    if row.detail:
        return row.detail
    until = f"due {out.minute(row.due_at)}" if row.due_at is not None else ""
    return until or row.reason or "-"


APPROVALS = (
    Column("approval", lambda row, out: out.short(row.id)),
    Column("version", lambda row, _: f"{row.model}@{row.version}", shrink=True),
    Column("kind", "kind"),
    Column("state", "state"),
    Column("granted", lambda row, _: asked_and_given(row), shrink=True),
    Column("requested by", lambda row, _: row.requested_by.removeprefix("user:"), shrink=True),
    Column("requested", lambda row, out: out.minute(row.requested_at)),
    Column("detail", standing, shrink=True),
)

APPROVAL_COLUMNS: dict[type, tuple[Column, ...]] = {Approval: APPROVALS}


def changed(row: Approval, *, would: bool = False) -> str:
    """Say how it stands now, or would, and what comes next."""
    name = f"{row.model}@{row.version}"
    head = f"{row.kind} of {name} {'would be ' * would}{row.state}, {asked_and_given(row)}"
    if would or row.kind != "approval":
        return head
    if row.state == "open":
        who = " or ".join(row.users) if row.users else {"approver": "an approver", "admin": "an admin"}[row.role]
        return f"{head}; {who}: modeldeck approvals grant {row.model} {row.version}"
    return f"{head}; next: modeldeck promote {row.model} {row.version}" if row.state == "granted" else head
