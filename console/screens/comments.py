"""The page of what people say of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from console.poller import Asks
from console.render.comments import thread_lines
from console.render.words import short_id
from console.screens import subjects
from console.screens.document_page import DocumentKind, DocumentPage
from engine.operations.comments import CommentsRequest
from store.rows import Comment


@dataclass(frozen=True, slots=True)
class Thread:
    """A row of some list or page, and what is said of it."""

    of: Any
    comments: tuple[Comment, ...]


def thread_page(row: Any) -> DocumentPage:
    """Return the thread of what is selected."""
    kind, id = subjects.kind_of(row), subjects.identity(row)

    def read(client: Asks) -> Thread:
        return Thread(row, tuple(client.call("comments.list", CommentsRequest(kind, id, limit=1000))))

    return DocumentPage(
        DocumentKind(
            scope="thread",
            name=f"thread:{kind}:{id}",
            title=f"said of {kind} {id if kind in ('model', 'version') else short_id(id)}",
            command=f"modeldeck comments {kind} {id if kind in ('model', 'version') else id[:16]}",
            lines=lambda subject, width, now: thread_lines(subject.comments, width, now),
            read=read,
            row=lambda subject: subject.of,
        )
    )
