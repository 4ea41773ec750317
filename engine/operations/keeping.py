"""Operations that keep a deck: its backups on record, and the garbage it leaves."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import Done
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that the caller's process has made; `file` is its name without a folder."""

    file: str
    sha256: str
    size_bytes: int
    events: int
    head: str
    keys: bool
    left_out: int


@dataclass(frozen=True, slots=True)
class GcRequest:
    """Remove what nothing needs any more."""

    dry_run: bool = argument("only say what would go, and what stays for which reason", flag="--dry-run", default=False)
    grace: str = argument("how long deleted things and ended jobs' files stay", flag="--grace", default="30d")


@dataclass(frozen=True, slots=True)
class GcItem:
    """One thing looked at: `verdict` is removed (or would be) or kept; `why` names what needs it."""

    kind: str  # model, snapshot, bundle, … as recorded; unrecorded, incoming, log, attempt, server folder, spool
    name: str
    size_bytes: int
    verdict: str
    why: str


@dataclass(frozen=True, slots=True)
class GcReport:
    """What a collection removed (or would) and kept; sizes in bytes. `hold` is which holds stood, empty for none."""

    dry_run: bool
    removed: int
    removed_bytes: int
    kept: int
    kept_bytes: int
    items: tuple[GcItem, ...]
    hold: str = ""


OPERATIONS = (
    Operation(
        "backup.record",
        (),
        "put a backup on record",
        BackupMade,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        "engine.service.handlers.keeping:record_backup",
        command_line=False,
        personal="copied",
    ),
    Operation(
        "deck.gc",
        ("gc",),
        "remove artifacts and files that nothing needs",
        GcRequest,
        GcReport,
        Role.ADMIN,
        Danger.CHANGE,
        "engine.service.handlers.keeping:gc",
    ),
)
