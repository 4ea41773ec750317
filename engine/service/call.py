"""The one door: role, limits and refusals, then the operation's handler."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from engine.operations.operation import Danger, Operation
from engine.service.context import ServiceContext
from engine.service.wire import request_of
from store.errors import BadBundle, CorruptArtifact, NotAllowed, Refused

LIFT = "leave out --read-only, or set MODELDECK_READ_ONLY=0"


def operation_named(operation_id: str) -> Operation:
    """Return the operation.

    Raises:
        UnknownName: there is none of that id.
    """
    from engine.operations import catalog  # a daemon that starts answers for itself before it needs them

    return catalog.operation_named(operation_id)


def call(context: ServiceContext, operation_id: str, body: dict[str, Any]) -> Any:
    """Check who asks, build the typed request and run the handler; wake the loop after a change.

    A read of personal columns is on the access log before its answer leaves. Of operations that are `on_record` a
    request that is refused for what it says is an event too.

    Raises:
        NotAllowed: the caller's role does not reach the operation, recorded once per minute; or its session is
            read-only, recorded nowhere, for such a session leaves nothing behind.
        ModeldeckError: as the handler says.
    """
    operation = operation_named(operation_id)
    if context.caller.read_only:
        refuse_change(operation)
    if context.caller.role < operation.role:
        context.refusals.refused(context.deck, context.caller, operation)
        raise NotAllowed(
            f"{context.caller.actor} is {context.caller.role.name.lower()}; "
            f"{operation.id} needs {operation.role.name.lower()}",
            "the deck's owner sets roles under [access] in deck.toml",
        )
    request = request_of(operation, body)
    try:
        answer = resolve(operation.handler)(context, request)
    except (Refused, CorruptArtifact, BadBundle) as error:
        if operation.on_record:
            _put_on_record(context, operation, request, error)
        raise
    if operation.danger is not Danger.READ:
        context.wake()
    if operation.personal:
        from engine.service.personal_reads import record

        record(context, operation, request)
    return answer


def _put_on_record(
    context: ServiceContext, operation: Operation, request: Any, error: Refused | CorruptArtifact | BadBundle
) -> None:
    """Put on record that a request was refused: of a read only where damage was found, of a dry run nothing."""
    is_read = operation.danger is Danger.READ
    if context.caller.read_only or getattr(request, "dry_run", False) or (is_read and isinstance(error, Refused)):
        return
    context.refusals.refused(context.deck, context.caller, operation, error.message, "request.refused")


def refuse_change(operation: Operation) -> None:
    """Refuse what a read-only session may not ask: whatever is not a pure read, a change that is only tried too.

    Raises:
        NotAllowed: it is.
    """
    if operation.danger is not Danger.READ:
        raise NotAllowed(f"this session is read-only, and {operation.id} is a change", LIFT)


def resolve(dotted: str) -> Callable[..., Any]:
    """Import `module:function`."""
    module, _, function = dotted.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
