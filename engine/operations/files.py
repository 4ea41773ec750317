"""Operations on a deck's files as a folder: what applying it would change, applying it, and the files back."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import Done, NoRequest
from engine.operations.operation import Danger, Operation
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class FileText:
    """One file of a deck: `path` is deck.toml, models/NAME.toml or a module's, within the folder."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class FolderRequest:
    """A whole folder. `overwrite` lets it replace files that were changed on the deck itself."""

    files: tuple[FileText, ...]
    reason: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """What becomes of one file."""

    path: str
    kind: str  # deck, model, code
    name: str  # of the model, else of the file
    action: str  # created, changed, removed, unchanged; extra: code that only the deck has, left alone
    drift: str  # how the deck's own file differs from what was applied; "" where it does not
    differences: tuple[str, ...]  # of what is applied: `gates.mae.max: 30 -> 25`


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """What applying a folder would change. `changes` counts files created, changed and removed."""

    revision: int | None  # that is applied now
    files: tuple[PlannedFile, ...]
    changes: int
    drifted: int


@dataclass(frozen=True, slots=True)
class DeckFiles:
    """Every file of a deck."""

    revision: int
    files: tuple[FileText, ...]


_HANDLERS = "engine.service.handlers.files"

OPERATIONS = (
    Operation(
        "deck.plan_folder",
        (),
        "what applying a folder would change",
        FolderRequest,
        FolderPlan,
        Role.OPERATOR,
        Danger.READ,
        f"{_HANDLERS}:plan",
        command_line=False,
        takes_rows=True,
    ),
    Operation(
        "deck.apply_folder",
        (),
        "bring the deck to what a folder says",
        FolderRequest,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:apply",
        command_line=False,
        on_record=True,
        takes_rows=True,
    ),
    Operation(
        "deck.files",
        (),
        "the deck's files as they are applied",
        NoRequest,
        DeckFiles,
        Role.OPERATOR,
        Danger.READ,
        f"{_HANDLERS}:files",
        command_line=False,
    ),
)
