"""The holds that stand: why nothing of a deck, or of one of its models, may go at present."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.settings.retention import RetentionSettings
from store import settings
from store.database import Reader
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Holds:
    """What `[retention] hold` says: of the whole deck (empty: nothing), and of models by name."""

    deck: str
    models: Mapping[str, str]

    def told(self) -> str:
        """Say it in one line: `hold: case 7`, `hold of rates: case 7`; empty where nothing holds."""
        if self.deck:
            return f"hold: {self.deck}"
        return "; ".join(f"hold of {model}: {why}" for model, why in sorted(self.models.items()))


def holds_now(reader: Reader) -> Holds:
    """Return the holds of the applied settings, seen in the caller's own transaction."""
    body = settings.applied_body(reader)
    models = {name: _hold(model) for name, model in body.get("models", {}).items()}
    return Holds(_hold(body), {name: why for name, why in models.items() if why})


def _hold(body: Mapping[str, Any]) -> str:
    return RetentionSettings(**body.get("retention", {})).hold
