"""How much memory a server of a deployment may hold, and how much a process holds now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import settings

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.rows import Deployment

LACK_OF_MEMORY = "killed for lack of memory"


def memory_limit_mb(deck: Deck, deployment: Deployment) -> int | None:
    """Return `[deploy] memory_mb` of the settings a deployment was asked for under, None where they say nothing."""
    models = settings.get(deck.database, deployment.settings_revision).body.get("models", {})
    said = models.get(deployment.endpoint, {}).get("deploy", {}).get("memory_mb")
    return int(said) if said else None


def resident_mb(pid: int) -> float | None:
    """Return the memory that a process holds, None where it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            line = next((line for line in status if line.startswith("VmRSS:")), None)
    except OSError:
        return None
    return int(line.split()[1]) / 1024.0 if line else None
