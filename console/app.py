"""Opens the console on a workspace: the terminal's profile first, Textual only then."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from console import terminal

if TYPE_CHECKING:
    from engine.workspace import Workspace


def run(workspace: Workspace, *, ascii_only: bool = False) -> int:
    """Open the console on a workspace; return the exit code."""
    profile = terminal.profile(os.environ, ascii_only=ascii_only)
    terminal.prepare(profile, os.environ)
    from console.deck_app import DeckApp
    from engine.client import connect

    app = DeckApp(
        client=lambda: connect(workspace),
        profile=profile,
        deck_name=workspace.root.name,
        state_path=workspace.runtime_folder() / "console.json",
    )
    app.run(mouse=profile.mouse)
    return app.return_code or 0
