"""All operations, by id."""

from __future__ import annotations

from engine.operations import deck, hosts, models, runs, serving, watching, work
from engine.operations.operation import Operation

OPERATIONS: dict[str, Operation] = {
    operation.id: operation
    for noun in (deck, hosts, models, runs, serving, watching, work)
    for operation in noun.OPERATIONS
}
