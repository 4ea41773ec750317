"""All operations, by id."""

from __future__ import annotations

from engine.operations import (
    access,
    alerts,
    approvals,
    audit,
    behaviour,
    bundles,
    comments,
    compliance,
    data,
    deck,
    erasures,
    explain,
    files,
    governance,
    handover,
    history,
    hosts,
    images,
    keeping,
    keys,
    lineage,
    models,
    notes,
    notifying,
    retention,
    retraining,
    review,
    runs,
    serving,
    tracing,
    tracking,
    watching,
    work,
)
from engine.operations.operation import Operation
from store.errors import UnknownName

_NOUNS = (
    access,
    alerts,
    approvals,
    behaviour,
    comments,
    compliance,
    audit,
    bundles,
    data,
    deck,
    erasures,
    explain,
    files,
    governance,
    handover,
    history,
    hosts,
    images,
    keeping,
    keys,
    lineage,
    models,
    notes,
    notifying,
    retention,
    retraining,
    review,
    runs,
    serving,
    tracing,
    tracking,
    watching,
    work,
)

OPERATIONS: dict[str, Operation] = {operation.id: operation for noun in _NOUNS for operation in noun.OPERATIONS}


def operation_named(id: str) -> Operation:
    """Return the operation of that id.

    Raises:
        UnknownName: there is none.
    """
    operation = OPERATIONS.get(id)
    if operation is None:
        raise UnknownName(f"no operation named {id!r}", "modeldeck --help lists them")
    return operation
