"""What a monitor saw, window by window."""

from __future__ import annotations

from console.render import window_list
from console.render.cells import Line
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import MOST, ListKind, ListPage
from engine.operations.watching import WindowsRequest
from store.rows import Window


def windows_page(model: str) -> ListPage:
    """Return the windows of a model's monitor, newest first."""
    return ListPage(
        ListKind(
            name=f"windows:{model}",
            title=f"windows of {model}",
            command=f"modeldeck monitors windows {model}",
            columns=window_list.WINDOWS,
            key=lambda row: row.id,
            read=lambda client: client.call("monitors.windows", WindowsRequest(model, limit=MOST)),
            empty=(
                "No window has been computed yet.",
                "The first is once it is over; modeldeck monitors run looks now.",
            ),
            opens=_window_page,
        )
    )


def _window_page(row: Window) -> DocumentPage:
    def lines(subject: Window, width: int, now: int) -> list[Line]:
        return window_list.window_page(subject, width, now)

    return DocumentPage(
        DocumentKind(
            scope="window",
            name=f"window:{row.id}",
            title=f"window {window_list.began(row)} v{row.version}",
            command=f"modeldeck monitors windows {row.model} --json",
            lines=lines,
        ),
        row,
    )
