"""An open deck: the workspace, its registry, its artifacts and a clock, handed to whoever works on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.artifacts import Artifacts
    from store.clock import Clock
    from store.database import Database

    from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Deck:
    """What every room is given instead of globals."""

    workspace: Workspace
    database: Database
    artifacts: Artifacts
    clock: Clock
