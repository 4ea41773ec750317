"""What a verb of the command line is."""

from __future__ import annotations

from engine.operations.operation import Danger, Operation
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: its words, its request as a dataclass, and `module:function` that runs it, imported on use."""

    words: tuple[str, ...]
    help: str
    request: type
    run: str
    operation: Operation | None = None
    needs_deck: bool = True
    changes: bool = False  # of a verb without an operation: the engine's door does not see it


def generated(operation: Operation) -> Verb | None:
    """Return the verb of an operation, None where it has none."""
    if not (operation.command_line and operation.words):
        return None
    run = f"console.commands.{'reading' if operation.danger is Danger.READ else 'operation'}:run"
    return Verb(operation.words, operation.help, operation.request, run, operation)
