"""An open deck: the workspace, its registry, its artifacts and a clock, handed to whoever works on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.rows.frozen import dataclass

if TYPE_CHECKING:
    from engine.settings.apart import SettingsFiles
    from engine.workspace import Workspace
    from store.artifacts import Artifacts
    from store.clock import Clock
    from store.database import Database


@dataclass(frozen=True, slots=True)
class Deck:
    """What every room is given instead of globals."""

    workspace: Workspace
    database: Database
    artifacts: Artifacts
    clock: Clock
    settings_files: SettingsFiles | None = None  # of a process that stays; any other reads them itself


def open_deck(workspace: Workspace, clock: Clock | None = None) -> Deck:
    """Open a deck whose registry is there and of this schema.

    Raises:
        Unavailable: the registry is absent, older or newer.
    """
    from store.artifacts import Artifacts
    from store.clock import SystemClock
    from store.database import open_database

    clock = clock or SystemClock()
    return Deck(workspace, open_database(workspace.registry, clock), Artifacts(workspace.artifacts), clock)


def make_deck(workspace: Workspace, clock: Clock | None = None, *, stays: bool = False) -> Deck:
    """Open a deck, making or upgrading its registry first; only for who holds the deck's lock.

    `stays` says that this process will live for weeks, so it does not load what one operation needs.
    """
    from store.artifacts import Artifacts
    from store.clock import SystemClock
    from store.opening import create_or_upgrade

    clock = clock or SystemClock()
    if stays:
        from store.upgrade_apart import upgrade_apart

        upgrade_apart(workspace.registry)
    database = create_or_upgrade(workspace.registry, clock)
    files = None
    if stays:
        from engine.settings.apart import SettingsFiles

        files = SettingsFiles(workspace)
    return Deck(workspace, database, Artifacts(workspace.artifacts), clock, files)
