"""The code bundle of a workspace: every `*.py` by hash, and the commit it came from."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model_io import code
from engine.model_io.code import check_module_names

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.workspace import Workspace
    from store.artifacts import Artifacts

__all__ = ["Origin", "check_module_names", "extract_bundle", "git_origin", "make_bundle"]

GIT_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the code stood: commit and whether it had been changed since; both None outside a repository."""

    commit: str | None
    dirty: bool | None


def make_bundle(workspace: Workspace, artifacts: Artifacts) -> str:
    """Store the workspace's code and return its hash.

    Raises:
        Refused: a module name hides another.
        StorageUnwritable: the disk does not take it.
    """
    check_module_names(workspace.root)
    return artifacts.put_bytes(code.bundle_bytes(workspace.root))


def extract_bundle(deck: Deck, bundle_hash: str) -> Path:
    """Return the folder of an extracted bundle.

    Raises:
        CorruptArtifact: it is missing or damaged.
    """
    return code.extract(deck.artifacts, deck.workspace, bundle_hash)


def git_origin(root: Path) -> Origin:
    """Return commit and dirty flag of the code; a repository that cannot be asked is none."""
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if not commit:
        return Origin(None, None)
    changed = _git(root, "status", "--porcelain", "--", ".")
    return Origin(commit, None if changed is None else bool(changed))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # git is found on the owner's path, the arguments are ours
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=GIT_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
