"""What a version or a run was trained on, column by column."""

from __future__ import annotations

from console.poller import Asks
from console.render.cells import Line
from console.render.snapshots import snapshot_lines
from console.screens.document_page import DocumentKind, DocumentPage
from engine.operations.data import SnapshotDetail, SnapshotRequest


def snapshot_page(snapshot_id: str) -> DocumentPage:
    """Return the page of a snapshot."""

    def read(client: Asks) -> SnapshotDetail:
        found: SnapshotDetail = client.call("data.show", SnapshotRequest(snapshot_id))
        return found

    def lines(subject: SnapshotDetail, width: int, now: int) -> list[Line]:
        return snapshot_lines(subject, width, now)

    short = snapshot_id.removeprefix("sha256:")[:12]
    kind = DocumentKind(
        scope="snapshot",
        name=f"snapshot:{snapshot_id}",
        title=f"data {short}",
        command=f"modeldeck data show {short}",
        lines=lines,
        read=read,
        row=lambda subject: subject.snapshot,
    )
    return DocumentPage(kind)
