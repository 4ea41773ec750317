"""The question what stands behind a thing, and what came of it."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass

KINDS = ("source", "snapshot", "run", "version", "image", "release", "endpoint", "prediction")


@dataclass(frozen=True, slots=True)
class LineageRequest:
    """Both directions from one thing."""

    kind: str = argument(f"{', '.join(KINDS[:-1])} or {KINDS[-1]}")
    id: str = argument("its id, a unique prefix is enough; a version as model@7 or model@champion")
    limit: int = argument("at most this many of one kind below one node", flag="--limit", default=50)


@dataclass(frozen=True, slots=True)
class LineageNode:
    """One thing on the way. Nodes stand in the order of the tree: what hangs on a node follows it, one level deeper."""

    depth: int  # 1: next to what was asked for
    kind: str
    id: str
    model: str | None = None
    at: int | None = None  # when it came to be
    until_at: int | None = None  # of what has ended
    actor: str = ""
    rows: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What stands behind a thing, down to the source of its data, and what came of it, down to outcomes."""

    kind: str
    id: str
    model: str | None
    detail: str
    behind: tuple[LineageNode, ...]
    after: tuple[LineageNode, ...]
    left_out: int  # nodes beyond the limit


OPERATIONS = (
    Operation(
        "lineage.show",
        ("lineage",),
        "what stands behind a thing, and what came of it",
        LineageRequest,
        Lineage,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.lineage:lineage",
    ),
)
