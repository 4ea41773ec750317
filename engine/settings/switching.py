"""Putting a set of files in the place of others, whole or not at all, also where the process is killed in between.

What is to be done and what stood before lie beside the registry before the first file moves. The registry's commit
decides: what finds a journal goes on to the end where the revision it names is applied, and back where it is not.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.deck import Deck
from engine.workspace import Workspace
from store import settings
from store.storage import writing_to

STAGE = "applying-"  # begins the name of a folder of files on their way
_JOURNAL = "journal.json"


def switch(
    workspace: Workspace,
    stage: Path,
    put: Sequence[str],
    gone: Sequence[str],
    kept: Mapping[str, str],
    settings_hash: str,
) -> None:
    """Move files from `stage` into the workspace and take others away; `kept` is written into the state folder.

    To be called as the last thing before the commit that makes `settings_hash` the applied revision. Where it raises,
    everything is as it was.
    """
    outer = stage.parent
    with writing_to(outer):
        for path in (*put, *gone):
            source = workspace.root / path
            if source.is_file():
                target = outer / "before" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        for name, text in kept.items():
            (outer / name).write_text(text, encoding="utf-8")
        journal = {"hash": settings_hash, "put": list(put), "gone": list(gone), "kept": list(kept)}
        _durably(outer / _JOURNAL, json.dumps(journal))
        try:
            _forward(workspace, outer, journal)
        except BaseException:
            _back(workspace, outer, journal)
            raise


def recover(deck: Deck) -> bool:
    """Finish, or take back, what a killed process left half done; returns whether there was any."""
    left = [path.parent for path in deck.workspace.state.glob(f"{STAGE}*/{_JOURNAL}")]
    if not left:
        return False
    with deck.database.write() as tx, writing_to(deck.workspace.root):
        current = settings.current(tx)
        for outer in left:
            try:
                journal = json.loads((outer / _JOURNAL).read_text("utf-8"))
            except FileNotFoundError:
                continue  # whoever was at it has finished
            if current is not None and current.hash == journal["hash"]:
                _forward(deck.workspace, outer, journal)
            else:
                _back(deck.workspace, outer, journal)
            shutil.rmtree(outer)
    return True


def _forward(workspace: Workspace, outer: Path, journal: Mapping[str, object]) -> None:
    for path in _names(journal, "put"):
        source, target = outer / "after" / path, workspace.root / path
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_file():
                source.chmod(target.stat().st_mode & 0o777)
            source.replace(target)
    for path in _names(journal, "gone"):
        (workspace.root / path).unlink(missing_ok=True)
    for name in _names(journal, "kept"):
        if (outer / name).is_file():
            (outer / name).replace(workspace.state / name)


def _back(workspace: Workspace, outer: Path, journal: Mapping[str, object]) -> None:
    for path in (*_names(journal, "put"), *_names(journal, "gone")):
        before, target = outer / "before" / path, workspace.root / path
        if before.is_file():
            shutil.copy2(before, target)
        else:
            target.unlink(missing_ok=True)


def _names(journal: Mapping[str, object], key: str) -> list[str]:
    found = journal.get(key)
    return [str(one) for one in found] if isinstance(found, list) else []


def _durably(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    fresh.replace(path)
