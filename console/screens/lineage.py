"""The page of what stands behind a thing and what came of it."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render.cells import Line, line
from console.render.lineage import AFTER, BEHIND, NONE_AFTER, NONE_BEHIND, branches, short
from console.render.words import ago, plural
from console.screens.document_page import DocumentKind, DocumentPage
from engine.operations.lineage import Lineage, LineageRequest


def lineage_page(kind: str, id: str, row: Any) -> DocumentPage:
    """Return the lineage of a thing; actions act on its row."""
    found: list[Lineage] = []

    def read(client: Asks) -> Lineage:
        # counting the log takes a process of its own: once for a page, not with every change of the deck
        if not found:
            found.append(client.call("lineage.show", LineageRequest(kind, id)))
        return found[0]

    return DocumentPage(
        DocumentKind(
            scope="text",
            name=f"lineage:{kind}:{id}",
            title=f"lineage of {kind} {short(id)[:19]}",
            command=f"modeldeck lineage {kind} {id}",
            lines=lineage_lines,
            read=read,
            row=lambda _: row,
        )
    )


def lineage_lines(found: Lineage, _width: int, now: int) -> list[Line]:
    """Return both trees."""
    lines = [line("  ", (f"{found.kind} ", "dim"), (short(found.id), "strong"), (f"  {found.detail}", "dim"))]
    for title, nodes, none in ((BEHIND, found.behind, NONE_BEHIND), (AFTER, found.after, NONE_AFTER)):
        lines += [(), line("  ", (title, "strong"))]
        lines += [
            line("  ", (strokes, "rule"), (name, "name"), (f"  {about}" if about else "", "dim"))
            for strokes, name, about in branches(nodes, lambda at: ago(at, now))
        ]
        if not nodes:
            lines.append(line("  ", (none, "dim")))
    if found.left_out:
        lines += [(), line("  ", (f"{plural(found.left_out, 'node')} left out", "warn"))]
    return lines
