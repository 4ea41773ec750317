"""Open a deck in process: registry, artifacts and clock of a workspace."""

from __future__ import annotations

from engine.deck import Deck
from engine.workspace import Workspace
from store.clock import Clock, SystemClock


def open_deck(workspace: Workspace, clock: Clock | None = None) -> Deck:
    """Open a deck whose registry is there and of this schema.

    Raises:
        Unavailable: the registry is absent, older or newer.
    """
    from store.artifacts import Artifacts
    from store.database import open_database

    clock = clock or SystemClock()
    return Deck(workspace, open_database(workspace.registry, clock), Artifacts(workspace.artifacts), clock)


def make_deck(workspace: Workspace, clock: Clock | None = None) -> Deck:
    """Open a deck, making or upgrading its registry first; only for who holds the deck's lock."""
    from store.artifacts import Artifacts
    from store.database import create_or_upgrade

    clock = clock or SystemClock()
    database = create_or_upgrade(workspace.registry, clock)
    return Deck(workspace, database, Artifacts(workspace.artifacts), clock)
