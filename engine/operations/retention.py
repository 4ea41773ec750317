"""Operations on how long what is kept is kept."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """Let go of what the settings no longer keep."""

    dry_run: bool = argument("only say what would go", flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class KeptKind:
    """One kind of one model, or of the deck (`model` is ""): for how long it is kept, and what of it is due."""

    model: str
    kind: str  # predictions, attributions, outcomes, access log, unneeded
    keep_s: float | None  # None: for ever
    before_at: int | None  # what is older goes
    due: int  # days, deliveries or things
    due_bytes: int
    held: str  # why nothing of it goes at present


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What went, or would."""

    dry_run: bool
    removed: int
    removed_bytes: int
    kinds: tuple[KeptKind, ...]


_HANDLERS = "engine.service.handlers.retention"

OPERATIONS = (
    Operation(
        "retention.list",
        ("retention",),
        "for how long what is kept, and what is due",
        NoRequest,
        KeptKind,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:kinds",
        many=True,
    ),
    Operation(
        "retention.run",
        ("retention", "run"),
        "let go of what is due now",
        RetentionRequest,
        RetentionReport,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:run",
    ),
)
