"""`modeldeck init`: lay out a workspace, empty or from an example."""

from __future__ import annotations

import re
from pathlib import Path

from console.commands.session import Session
from console.demo.files import copy_example, write_deck
from engine.operations.common import Done

NAMES_ONLY = re.compile(r"[^a-z0-9_-]+")

MODEL_HINT = (
    "modeldeck models new NAME FILE --target COLUMN writes models/NAME.toml; modeldeck settings tells every key"
)


def run(session: Session) -> int:
    """Make the folder, its deck.toml and models/; a folder that has a deck.toml is left as it is."""
    request, out = session.said.request, session.output
    root = Path(request.folder).expanduser()
    if (root / "deck.toml").exists():
        done = Done(f"already a workspace: {root}", already=True)
    else:
        (root / "models").mkdir(parents=True, exist_ok=True)
        if request.example:
            copy_example(request.example, root, with_deck=True)
        else:
            write_deck(root, deck_name(root))
        done = Done(f"made {root}", body={"workspace": str(root.resolve())})
    if out.as_json:
        out.data(done)
    else:
        out.line(done.message)
        if not done.already:
            out.note(f"next: cd {root}; " + ("modeldeck check" if request.example else MODEL_HINT))
    return 0


def deck_name(root: Path) -> str:
    """Return a deck's name made from its folder's."""
    return NAMES_ONLY.sub("-", root.resolve().name.lower()).strip("-_")[:63] or "deck"
