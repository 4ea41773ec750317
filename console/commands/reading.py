"""Runs every verb that is generated from a read. What the answer at hand does not need is not loaded for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.commands.session import Session
from console.output import Output
from engine.operations.operation import Operation
from store.errors import Unavailable

if TYPE_CHECKING:
    from engine.client import Client
    from engine.operations.work import JobLogs

BROKEN = 1


def run(session: Session) -> int:
    """Run one operation and return the exit code."""
    operation, out = session.operation(), session.output
    with session.client() as client:
        session.name_versions(client)
        answer, after = _asked(client, operation, session.said.request, by_columns=not out.as_json)
        if operation.id == "jobs.logs" and (session.said.request.follow or not out.as_json):
            return _log(client, answer, session)
        why = _why_none(client, operation, session) if operation.many and not answer and not out.as_json else ""
    if out.as_json:
        out.data(list(answer) if operation.many else answer)
    elif operation.many:
        from console.commands.lists import rows

        rows(operation.id, operation.answer, answer, out, why)
    else:
        show(answer, out)
    if after:
        out.note(f"more: --after {after}")
    return _verdict(operation, answer)


def show(answer: Any, out: Output) -> None:
    """Write an answer that is no list."""
    from console.commands import render  # a list is written without it

    render.one(answer, out)


def _verdict(operation: Operation, answer: Any) -> int:
    """Return the exit code of an answer that is itself a verdict: 0 where it is none, or good."""
    if operation.id == "audit.verify":
        return 0 if answer.ok else BROKEN
    unfit = operation.id == "hosts.check" and any(one.verdict == "failed" for one in answer)
    return Unavailable.exit_code if unfit else 0


def _asked(client: Client, operation: Operation, request: Any, *, by_columns: bool) -> tuple[Any, str | None]:
    """Return the answer, and the cursor of the page after it where there is one."""
    if operation.pages is None:
        return client.call(operation.id, request, by_columns=by_columns), None
    page = client.call((operation.listed if by_columns else None) or operation.pages, request)
    return page.rows, page.next


def _why_none(client: Client, operation: Operation, session: Session) -> str:
    """Say why a list is empty: its filter let nothing through, or nothing is there yet."""
    from console.commands.empty import filled
    from console.commands.unmatched import told

    request = session.said.request
    return told(client, operation.id, request) or filled(operation.id, request)


def _log(client: Client, piece: JobLogs, session: Session) -> int:
    out = session.output
    if session.said.request.follow:
        from console.commands.logs import follow_log

        return follow_log(client, piece, out)
    from engine.operations.work import JobLogsRequest

    while piece.text:
        out.block(piece.text)
        piece = client.call("jobs.logs", JobLogsRequest(piece.id, piece.next_offset))
    return 0
