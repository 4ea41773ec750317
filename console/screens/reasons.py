"""The page of whether the reasons of a model's answers moved."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render.reasons import reasons_lines
from console.screens.document_page import DocumentKind, DocumentPage
from engine.operations.watching import AttributionMoved, AttributionsRequest


def reasons_page(model: str, row: Any) -> DocumentPage:
    """Return what columns contributed to the newest explained answers; actions act on the model's monitor."""
    found: list[list[AttributionMoved]] = []

    def read(client: Asks) -> list[AttributionMoved]:
        # kept attributions are compared in a process of its own: once for a page, not with every change of the deck
        if not found:
            found.append(client.call("monitors.attributions", AttributionsRequest(model)))
        return found[0]

    return DocumentPage(
        DocumentKind(
            scope="text",
            name=f"reasons:{model}",
            title=f"reasons of {model}",
            command=f"modeldeck monitors attributions {model}",
            lines=reasons_lines,
            read=read,
            row=lambda _: row,
        )
    )
