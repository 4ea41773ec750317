"""`modeldeck demo`: make or take up a demo deck, run its stages, then open the console or print a summary."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from console.commands.session import Session, zone_of
from console.demo.files import recipe
from console.demo.run import run_demo
from console.demo.summary import summary
from console.demo.workspace import prepare
from engine.operations.deck import Pulse
from store.rows import to_json


def run(session: Session) -> int:
    """Run the demo and return 0 once the deck is finished and serving."""
    from engine.client import connect

    request, out = session.said.request, session.output
    workspace, examples, existed = prepare(Path(request.folder), request.example)
    out.zone_or_how = zone_of(workspace)
    out.note(f"{'opening' if existed else 'made'} {workspace.root}: {', '.join(examples)}")
    with connect(workspace, start_daemon=True) as client:
        told = run_demo(client, examples, out)
        if told.ran == 0:
            out.note("this demo deck is finished")
        recipes = [recipe(name) for name in examples]
        opens = not request.no_tui and not out.as_json and sys.stdin.isatty() and sys.stdout.isatty()
        if out.as_json:
            pulse: Pulse = client.call("deck.pulse")
            out.data({"workspace": str(workspace.root), "pulse": to_json(pulse)})
        elif not opens:
            summary(client, [each.model for each in recipes], out)
    return int(importlib.import_module("console.app").run(workspace)) if opens else 0
