"""All operations, by id."""

from __future__ import annotations

from engine.operations import (
    access,
    alerts,
    approvals,
    comments,
    data,
    deck,
    explain,
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

_NOUNS = (
    access,
    alerts,
    approvals,
    comments,
    data,
    deck,
    explain,
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
