"""The demo's folder: laid out once, known again by its marker, and never anyone else's folder."""

from __future__ import annotations

import json
from pathlib import Path

from console.demo.files import copy_example, default_names, demo_names, write_deck
from engine.workspace import Workspace
from store.errors import Refused, UnknownName

MARKER = "demo.json"  # in .modeldeck: this is a demo deck, of these examples


def prepare(folder: Path, example: str | None) -> tuple[Workspace, list[str], bool]:
    """Return the workspace, its examples, and whether it was there before.

    Raises:
        Refused: the folder holds something else.
        UnknownName: there is no such example.
    """
    wanted = _wanted(example)
    root = folder.expanduser().resolve()
    workspace = Workspace(root)
    found = _marked(workspace)
    if found is None and root.exists() and any(root.iterdir()):
        raise Refused(f"{folder} is not empty and no demo deck", "choose another folder with --dir")
    if found is not None and example is not None and found != wanted:
        raise Refused(f"{folder} is a demo of {', '.join(found)}", "choose another folder with --dir")
    if found is not None and (root / "deck.toml").is_file():
        return workspace, found, True
    examples = found or wanted
    workspace.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The marker comes first and deck.toml last: a demo killed in between lays out the rest the next time.
    (workspace.state / MARKER).write_text(json.dumps({"examples": examples}) + "\n", encoding="utf-8")
    for name in examples:
        copy_example(name, root, with_deck=False)
    write_deck(root, root.name.lower() if root.name == "modeldeck-demo" else "demo")
    return workspace, examples, False


def _wanted(example: str | None) -> list[str]:
    known = demo_names()
    if example is None:
        return default_names()
    if example not in known:
        raise UnknownName(f"no example named {example!r} for a demo", f"there are: {', '.join(known)}")
    return [example]


def _marked(workspace: Workspace) -> list[str] | None:
    try:
        said = json.loads((workspace.state / MARKER).read_text(encoding="utf-8"))
        return [str(name) for name in said["examples"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
