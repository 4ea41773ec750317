"""`modeldeck doctor`: what runs here and whether it can work: versions, workspace, daemon, disk, terminal."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from console import preferences
from console.commands.session import Session
from console.terminal import profile
from engine.product import VERSION
from engine.service.lock import socket_of
from engine.workspace import Workspace
from store.errors import ModeldeckError

LIBRARIES = ("textual", "sqlmodel", "scikit-learn", "skops", "pyarrow", "duckdb", "uvicorn")
MOST_LINES = 20  # of one fact
LEAST_FREE = 1 << 30  # bytes; below this a snapshot or an artifact may not fit


def run(session: Session) -> int:
    """Print what was found; exits 0, since telling is all it does."""
    facts = _facts(session)
    if session.output.as_json:
        session.output.data(facts)
        return 0
    session.output.pairs([pair for name, value in facts.items() for pair in _lines(name, value)])
    if facts["disk_free_bytes"] < LEAST_FREE:
        session.output.note(f"the disk is nearly full: {_gigabytes(facts['disk_free_bytes'])} left")
    return 0


def _facts(session: Session) -> dict[str, Any]:
    try:
        workspace: Workspace | None = session.workspace()
    except ModeldeckError:
        workspace = None
    root = workspace.root if workspace else Path.cwd()
    facts = {
        "modeldeck": VERSION,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "libraries": [f"{name} {_version(name)}" for name in LIBRARIES],
        "workspace": str(root) if workspace else "none here: modeldeck init DIR",
        "registry": _registry(workspace) if workspace else "none",
        "missing": _missing(workspace) if workspace else [],
        "daemon": _daemon(workspace) if workspace else "none",
        "socket": str(socket_of(workspace)) if workspace else "none",
        "disk_free_bytes": shutil.disk_usage(root).free,
        "writable": os.access(root, os.W_OK),
        "terminal": _terminal(workspace),
    }
    return facts if workspace else {**facts, **_shared(session)}


def _shared(session: Session) -> dict[str, Any]:
    """Return the facts of a deck named by its socket: what there is of it for an operator."""
    try:
        deck = session.shared()
    except ModeldeckError:
        return {}
    try:
        daemon = f"running, pid {deck.health()['pid']}"
    except ModeldeckError as error:
        daemon = error.line()
    return {"workspace": f"its owner's: deck {deck.name} is shared", "daemon": daemon, "socket": str(deck.socket)}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _registry(workspace: Workspace) -> str:
    path = workspace.registry
    return f"{path} ({path.stat().st_size / 1e6:.1f} MB)" if path.exists() else "none yet: modeldeck apply"


def _missing(workspace: Workspace) -> list[str]:
    """Return a line for each content of a version that is gone from the disk, or why nobody looked."""
    if not workspace.registry.exists():
        return []
    from engine.deck import open_deck
    from engine.keeping.missing import missing
    from engine.service.identity import owner_here

    try:
        owner_here(workspace)  # to open a registry is to make files beside it
        deck = open_deck(workspace)
        try:
            return missing(deck)
        finally:
            deck.database.close()
    except ModeldeckError as error:
        return [error.line()]


def _daemon(workspace: Workspace) -> str:
    from engine.service.lock import holder

    found = holder(workspace)
    if found is None or found.role != "daemon":
        return "stopped"
    same = "" if found.product in ("", VERSION) else f", version {found.product}: modeldeck daemon restart"
    return f"running, pid {found.pid}{same}"


def _terminal(workspace: Workspace | None) -> list[str]:
    columns, lines = shutil.get_terminal_size((80, 24))
    told = [f"{os.environ.get('TERM', 'unknown')}, {columns}x{lines}"]
    try:
        chosen = preferences.load(workspace.root if workspace else None, os.environ)
    except ModeldeckError as error:
        return [*told, error.line()]
    found = profile(os.environ, ascii_only=chosen["glyphs"] == "ascii", theme=chosen["theme"])
    return [*told, *found.lines(), "settings: modeldeck console"]


def _lines(name: str, value: Any) -> list[tuple[str, str]]:
    """Return a fact as lines; the name stands before the first."""
    if isinstance(value, list):
        if len(value) > MOST_LINES:
            value = [*value[:MOST_LINES], f"and {len(value) - MOST_LINES} more: modeldeck doctor --json"]
        return [(name if place == 0 else "", str(line)) for place, line in enumerate(value)]
    if isinstance(value, bool):
        return [(name, "yes" if value else "no")]
    return [("disk free", _gigabytes(value))] if isinstance(value, int) else [(name, str(value))]


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
