"""What of a request is a read of personal columns: of which model, of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.governance.reads import EVERY, Reader, put

if TYPE_CHECKING:
    from engine.operations.operation import Operation
    from engine.service.context import ServiceContext


def record(context: ServiceContext, operation: Operation, request: Any) -> None:
    """Record an answered read before its answer leaves.

    Raises:
        StorageUnwritable: it cannot be recorded.
    """
    caller = context.caller
    reader = Reader(caller.actor, caller.via, context.transport, operation.id)
    model, subject = _of_what(context, request)
    columns: list[str] = []
    if operation.personal == "sought":
        columns = sorted({term.partition("=")[0] for term in request.person})
    put(context.deck, reader, model=model, subject=subject, told=operation.personal, columns=columns)


def _of_what(context: ServiceContext, request: Any) -> tuple[str, str]:
    if hasattr(request, "model"):
        prediction = getattr(request, "prediction", None)
        number = getattr(request, "version", None)
        return request.model, prediction or (f"{request.model}@{number}" if number is not None else "")
    if hasattr(request, "id"):
        from store import snapshots

        found = snapshots.find(context.deck.database, request.id)
        return found.model, found.id
    return EVERY, getattr(request, "file", "")
