"""Opens the console on a workspace: the terminal's profile first, Textual only then."""

from __future__ import annotations

import gc
import os
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from console import preferences, terminal
from console.render.display import SHOWN

if TYPE_CHECKING:
    from console.poller import Asks
    from engine.service.shared import SharedDeck
    from engine.workspace import Workspace


def run(place: Workspace | SharedDeck, *, ascii_only: bool = False, read_only: bool = False) -> int:
    """Open the console on a workspace, or on a shared deck by its socket; return the exit code.

    `read_only`, or MODELDECK_READ_ONLY, has the engine refuse every change of this session.

    Raises:
        ModeldeckError: a setting is broken, or the shared deck cannot be reached: said before the screen is taken.
    """
    from engine.workspace import Workspace

    chosen = preferences.load(place.root if isinstance(place, Workspace) else None, os.environ, read_only=read_only)
    ascii_only = ascii_only or chosen["glyphs"] == "ascii"
    profile = terminal.profile(os.environ, ascii_only=ascii_only, theme=chosen["theme"])
    terminal.prepare(profile, os.environ)
    from console.deck_app import DeckApp

    name, state_path = _named(place)
    if not isinstance(place, Workspace):
        from engine.client import SharedClient

        SharedClient(place).health()
    app = DeckApp(
        client=lambda: _connected(place, chosen["read_only"]),
        profile=profile,
        deck_name=name,
        state_path=state_path,
        preferences=chosen,
    )
    SHOWN.zone = _zone(chosen["time_zone"], place)
    SHOWN.glyphs = "ascii" if profile.ascii_only else chosen["glyphs"]
    gc.freeze()  # what was loaded stays: the collector need not go through it to find what a screen left behind
    app.run(mouse=profile.mouse)
    return app.return_code or 0


def _zone(name: str, place: Workspace | SharedDeck) -> tzinfo | None:
    """Return the zone that times are shown in; None is this machine's own."""
    if name in ("UTC", "local"):
        return UTC if name == "UTC" else None
    from console.commands.session import zone_named, zone_of
    from engine.workspace import Workspace

    if name != "deck":
        return zone_named(name)
    return zone_of(place) if isinstance(place, Workspace) else zone_named(place.health().get("time_zone"))


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
