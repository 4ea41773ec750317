"""The screen of who has to say yes to what, and the page of one approval."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render import approvals as render
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import ListKind, ListPage
from engine.operations.approvals import ApprovalsRequest
from store.rows import Approval

_OPEN_FIRST = {"open": 0, "granted": 1}


def _read(client: Asks) -> list[Approval]:
    """Return what waits for an answer first, else the newest first."""
    found: list[Approval] = list(client.call("approvals.list", ApprovalsRequest(all=True)))
    return sorted(found, key=lambda row: _OPEN_FIRST.get(row.state, 2))


def approvals_page() -> ListPage:
    """`:approvals`."""
    return ListPage(
        ListKind(
            name="approvals",
            title="Approvals",
            command="modeldeck approvals --all",
            columns=render.COLUMNS,
            key=lambda row: row.id,
            read=_read,
            empty=(
                "Nobody was asked to approve anything yet.",
                "approvals = 1 under [gates] in models/NAME.toml asks for it; {approvals.request} on a version does.",
            ),
            opens=approval_page,
            detail=render.approval_lines,
        )
    )


def approval_page(row: Approval) -> DocumentPage:
    """Return the page of an approval."""

    def read(client: Asks) -> Any:
        return next((one for one in _read(client) if one.id == row.id), None)

    kind = DocumentKind(
        "approval",
        f"approval:{row.id}",
        f"{row.kind} of {row.model}@{row.version}",
        f"modeldeck show approval {row.id[:16]}",
        render.approval_lines,
        read,
    )
    return DocumentPage(kind, row)
