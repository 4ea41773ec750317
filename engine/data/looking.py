"""Looks at kept rows for a person: checks that a first snapshot proposes, rows that were rejected."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.data.inferring import infer
from engine.data.quality import RULE, read_batch
from engine.model_io.rows import read_snapshot
from engine.settings.apply import current_settings, require_model
from store import quality, snapshots

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings

MASKED = "***"


def proposed_checks(deck: Deck, model: str) -> dict[str, Any]:
    """Return what the first snapshot of a model, of those still there, proposes; plain values of `CheckSettings`.

    Raises:
        CorruptArtifact: its bytes are missing or damaged.
    """
    settings = _settings(deck, model)
    first = snapshots.present(deck.database, model)[-1]
    age_s = None if first.to_at is None else (first.created_at - first.to_at) / 1e6
    return asdict(infer(read_snapshot(deck, first.id), settings, age_s))


def rejected_rows(deck: Deck, model: str, limit: int) -> list[dict[str, Any]]:
    """Return rows of open batches as `{"batch", "rejected_at", "rule", "row"}`, personal values masked.

    Raises:
        CorruptArtifact: a batch's bytes are missing or damaged.
    """
    personal = _settings(deck, model).data.personal
    found: list[dict[str, Any]] = []
    for batch in quality.batches(deck.database, model, open_only=True):
        for row in read_batch(deck, batch).slice(0, limit - len(found)).to_pylist():
            rule = row.pop(RULE)
            shown = {
                name: MASKED if name in personal and value is not None else _plain(value) for name, value in row.items()
            }
            found.append({"batch": batch.id, "rejected_at": batch.created_at, "rule": rule, "row": shown})
        if len(found) >= limit:
            break
    return found


def _settings(deck: Deck, model: str) -> ModelSettings:
    settings, _ = current_settings(deck)
    require_model(settings, model)
    return settings.models[model]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value
