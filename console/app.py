"""Opens the console on a workspace: the terminal's profile first, Textual only then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from console import terminal
from console.usage import read_only_of

if TYPE_CHECKING:
    from console.poller import Asks
    from engine.service.shared import SharedDeck
    from engine.workspace import Workspace


def run(place: Workspace | SharedDeck, *, ascii_only: bool = False, read_only: bool = False) -> int:
    """Open the console on a workspace, or on a shared deck by its socket; return the exit code.

    `read_only`, or MODELDECK_READ_ONLY, has the engine refuse every change of this session.

    Raises:
        ModeldeckError: the shared deck cannot be reached: said before the screen is taken.
    """
    read_only = read_only or bool(read_only_of(os.environ))
    profile = terminal.profile(os.environ, ascii_only=ascii_only)
    terminal.prepare(profile, os.environ)
    from console.deck_app import DeckApp
    from engine.workspace import Workspace

    name, state_path = _named(place)
    if not isinstance(place, Workspace):
        from engine.client import SharedClient

        SharedClient(place).health()
    app = DeckApp(
        client=lambda: _connected(place, read_only),
        profile=profile,
        deck_name=name,
        state_path=state_path,
        read_only=read_only,
    )
    app.run(mouse=profile.mouse)
    return app.return_code or 0


def _connected(place: Workspace | SharedDeck, read_only: bool) -> Asks:
    """Return a client; it is loaded by the thread that asks, behind the first frame."""
    from engine.client import connect

    return connect(place, read_only=read_only)


def _named(place: Workspace | SharedDeck) -> tuple[str, Path]:
    """Return the deck's name, and where this person's place on its screens is kept."""
    from engine.workspace import Workspace

    if isinstance(place, Workspace):
        return place.root.name, place.runtime_folder() / "console.json"
    return place.name, Path.home() / ".local" / "state" / "modeldeck" / f"shared-{place.name}" / "console.json"
