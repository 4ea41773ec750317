"""Draws docs/console.svg from the real console on a real deck: `python -m console.picture DECK`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from console import terminal

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "console.svg"
SIZE = (80, 24)
WITHIN_S = 20.0


async def draw(folder: Path) -> str:
    """Return the Pulse of a workspace as SVG, its second model selected."""
    profile = terminal.profile({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, encoding="utf-8")
    terminal.prepare(profile, os.environ)
    from console.deck_app import DeckApp
    from engine.client import connect
    from engine.workspace import Workspace

    workspace = Workspace(folder.resolve())
    app = DeckApp(lambda: connect(workspace), profile, deck_name=workspace.root.name)
    async with app.run_test(size=SIZE) as pilot:
        async with asyncio.timeout(WITHIN_S):
            while not app.desk.page.loaded:
                await pilot.pause(0.05)
        await pilot.press("j")
        await pilot.pause()
        drawn = app.export_screenshot(title="modeldeck")
    return drawn.replace("<text ", '<text xml:space="preserve" ')  # else some readers eat the spaces of a run


def main() -> int:
    """Write the picture of the deck that the command line names."""
    PICTURE.write_text(asyncio.run(draw(Path(sys.argv[1]))), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
