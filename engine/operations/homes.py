"""Where the operations of each noun are written, so that asking one of them loads its file and not all of them.

A word is the first part of an operation's id, or the first that is typed for it. A test holds the table to the
catalogue; a word that it lacks is looked up there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from engine.operations.operation import Operation

HOMES: dict[str, tuple[str, ...]] = {
    "access": ("access",),
    "alerts": ("alerts",),
    "aliases": ("models", "history"),
    "approvals": ("approvals",),
    "at": ("history",),
    "audit": ("audit", "deck"),
    "backup": ("keeping",),
    "bundle": ("bundles",),
    "cards": ("governance",),
    "comments": ("comments",),
    "compliance": ("compliance",),
    "cost": ("serving",),
    "data": ("data", "review", "runs", "erasures"),
    "deck": ("deck", "files", "history", "keeping"),
    "deploy": ("serving",),
    "deployments": ("serving",),
    "endpoints": ("serving",),
    "erasures": ("erasures",),
    "events": ("deck",),
    "experiments": ("tracking",),
    "gc": ("keeping",),
    "handover": ("handover",),
    "hosts": ("hosts", "images"),
    "images": ("images",),
    "incident": ("handover",),
    "jobs": ("work",),
    "keys": ("keys",),
    "lineage": ("lineage",),
    "models": ("models", "notes"),
    "monitors": ("watching", "retraining"),
    "notifications": ("notifying",),
    "outcomes": ("watching",),
    "predictions": ("tracing",),
    "promote": ("serving",),
    "pulse": ("deck",),
    "releases": ("serving",),
    "reproduce": ("runs",),
    "retention": ("retention",),
    "rollback": ("serving",),
    "runs": ("runs", "tracking", "notes"),
    "schedules": ("work",),
    "serving": ("serving",),
    "show": ("deck",),
    "tests": ("behaviour",),
    "trace": ("tracing",),
    "train": ("runs",),
    "versions": ("models", "notes", "runs", "explain"),
}


def named(id: str) -> Operation:
    """Return the operation of that id.

    Raises:
        UnknownName: there is none.
    """
    for found in below(id.partition(".")[0]):
        if found.id == id:
            return found
    from engine.operations.catalog import operation_named

    return operation_named(id)


def below(word: str) -> Iterator[Operation]:
    """Yield the operations whose id, or whose words, begin with a word, each file loaded as it is come to."""
    for name in HOMES.get(word, ()):
        for found in importlib.import_module(f"engine.operations.{name}").OPERATIONS:
            if word in (found.id.partition(".")[0], *found.words[:1]):
                yield found
