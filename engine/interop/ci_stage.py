"""A throw-away workspace of a checkout: settings and code copied, data in reach, a baseline's registry below."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.deck import Deck, make_deck, open_deck
from engine.interop.ci_baseline import bundles_of
from engine.keeping import backup
from engine.keeping.restore import restore
from engine.operations.files import FileText
from engine.settings.folder import files_of
from engine.workspace import Workspace
from store.clock import SystemClock
from store.errors import Refused

ACTOR = "user:ci"
STATE = ".modeldeck"


@contextmanager
def staged(checkout: Path, baseline: Path | None) -> Iterator[tuple[Deck, tuple[FileText, ...]]]:
    """Give a deck of a checkout's own, and the checkout's settings and code; all of it is gone afterwards.

    `baseline` is a backup of a deck, or a workspace: its versions are the champions that gates compare with. Bundles
    are imported later, once the models that they are of are applied.

    Raises:
        Refused: the checkout is no deck's folder, or the baseline no backup and no workspace.
        engine.keeping.archive.Damaged: the backup is not what was written.
    """
    if not (checkout / "deck.toml").is_file():
        raise Refused(f"{checkout} holds no deck.toml", "name the folder that holds deck.toml and models/")
    files = tuple(FileText(path, text) for path, text in files_of(checkout).items())
    outer = Path(tempfile.mkdtemp(prefix="modeldeck-ci-")).resolve()
    try:
        root = outer / "deck"
        if baseline is not None and not bundles_of(baseline):
            _restored(baseline, root, outer)
            _clear(root)
        root.mkdir(exist_ok=True)
        _link(checkout, root)
        workspace = Workspace(root)
        workspace.state.mkdir(mode=0o700, exist_ok=True)
        deck = make_deck(workspace)
        try:
            yield deck, files
        finally:
            deck.database.close()
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _restored(baseline: Path, root: Path, outer: Path) -> None:
    clock = SystemClock()
    if baseline.is_dir():
        workspace = Workspace(baseline.resolve())
        if not workspace.registry.is_file():
            raise Refused(
                f"{baseline} holds no deck's registry and no bundle: there is no champion to compare with",
                "where the deck is: modeldeck backup create FILE, or bundle export MODEL champion FILE; docs/ci.md",
            )
        there = open_deck(workspace)
        try:
            backup.create(there, outer / "baseline", with_layers=False)
        finally:
            there.database.close()
        baseline = outer / "baseline"
    restore(baseline, root, clock, actor=ACTOR)


def _clear(root: Path) -> None:
    """Take the baseline's own files away: settings and code are those of the checkout."""
    for path in root.iterdir():
        if path.name == STATE:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _link(folder: Path, into: Path) -> None:
    """Put everything of a checkout that is no code and no settings in reach by links; those are applied as files."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix == ".py" or path.name in ("deck.toml", "__pycache__"):
            continue
        target = into / path.name
        if path.is_dir() and not path.is_symlink() and _holds_deck_files(path):
            target.mkdir()
            _link(path, target)
        elif not (path.parent.name == "models" and path.suffix == ".toml"):
            os.symlink(path.resolve(), target)


def _holds_deck_files(folder: Path) -> bool:
    return folder.name == "models" or any(folder.rglob("*.py"))
