"""What one verb is given: the parsed line, where to print, the workspace it is about and a client to its deck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from console.output import Output
from console.parser import Invocation
from engine.workspace import Workspace, find_workspace
from store.errors import Refused

if TYPE_CHECKING:
    from engine.client import Client


@dataclass(slots=True)
class Session:
    """One run of one verb."""

    said: Invocation
    output: Output
    environment_folder: str | None = None

    def workspace(self) -> Workspace:
        """Return the workspace this line is about, and print times in its zone from here on.

        Raises:
            Refused: there is none.
        """
        workspace = workspace_at(self.said.workspace, self.environment_folder)
        self.output.zone = zone_of(workspace)
        return workspace

    def client(self) -> Client:
        """Return a client to the deck of this workspace."""
        from engine.client import connect

        return connect(self.workspace())


def workspace_at(folder: str | None, environment_folder: str | None) -> Workspace:
    """Return the workspace named by -w or MODELDECK_WORKSPACE, else the nearest one upward."""
    named = folder or environment_folder
    if not named:
        return find_workspace(Path.cwd())
    root = Path(named).expanduser().resolve()
    if not (root / "deck.toml").is_file():
        raise Refused(f"no deck.toml in {named}", f"make a workspace: modeldeck init {named}")
    return Workspace(root)


def zone_of(workspace: Workspace) -> tzinfo:
    """Return the deck's time zone as deck.toml says it; a broken file is told by the verbs that need it."""
    import tomllib
    from zoneinfo import ZoneInfo

    try:
        deck = tomllib.loads((workspace.root / "deck.toml").read_text("utf-8"))
        return ZoneInfo(deck["time_zone"])
    except (OSError, ValueError, KeyError, TypeError):
        return UTC
