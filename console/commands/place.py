"""Which deck a line is about: a workspace folder, or a shared deck by its socket, and never a guess between two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.workspace import Workspace, find_workspace
from store.errors import NotAllowed, Refused

if TYPE_CHECKING:
    from engine.service.shared import SharedDeck

WORKSPACE = "MODELDECK_WORKSPACE"
SOCKET = "MODELDECK_SOCKET"


def place_of(folder: str | None, deck: str | None, environment: Mapping[str, str]) -> Workspace | SharedDeck:
    """Return the deck meant: what the line says, else what the environment says, else the nearest deck.toml upward.

    Raises:
        Refused: two are named at once, or none is found.
        NotAllowed: the folder is another user's.
    """
    if folder and deck:
        raise Refused("-w names a workspace and --deck a shared deck", "give one of them")
    if folder:
        return workspace_at(folder)
    if deck:
        from engine.service.shared import shared_deck

        return shared_deck(deck)
    named, socket = environment.get(WORKSPACE), environment.get(SOCKET)
    if named and socket:
        raise Refused(f"both {WORKSPACE} and {SOCKET} are set", "unset one, or say -w DIR or --deck NAME")
    if socket:
        from engine.service.shared import deck_at

        return deck_at(socket)
    return workspace_at(named) if named else _nearest()


def workspace_at(folder: str) -> Workspace:
    """Return the workspace in this folder.

    Raises:
        Refused: there is none.
        NotAllowed: the folder is another user's.
    """
    root = Path(folder).expanduser().resolve()
    try:
        if not (root / "deck.toml").is_file():
            raise Refused(f"no deck.toml in {folder}", f"make a workspace: modeldeck init {folder}")
    except PermissionError:
        raise _closed(folder) from None
    return Workspace(root)


def _nearest() -> Workspace:
    try:
        return find_workspace(Path.cwd())
    except PermissionError:
        raise _closed(".") from None


def _closed(folder: str) -> NotAllowed:
    return NotAllowed(f"{folder} is another user's, and closed", "ask its owner to share the deck, then: --deck NAME")
