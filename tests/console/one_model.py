"""A deck with one model, its version, and windows of it: what command lines about watching are tried on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.deck import Deck, make_deck
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from engine.workspace import Workspace
from store import runs, settings, snapshots, versions
from store.artifacts import hash_bytes
from store.database import Write
from store.rows import Snapshot, Window


def deck_of_one_model(folder: Path) -> Deck:
    """Return the open deck of the workspace in its time zone, with the model `rates`."""
    opened = make_deck(Workspace(folder))
    model = ModelSettings("rates", "regression", DataSettings("rows.csv", "y"))
    body = DeckSettings("deck", "Europe/Rome", (HostSettings("local"),), {"rates": model}).to_body()
    with opened.database.write() as tx:
        settings.apply(tx, body, "user:anna", "")
    return opened


def window(**changed: Any) -> Window:
    """Return one window of version 1, not yet kept."""
    told: dict[str, Any] = {
        "id": "", "monitor": "rates", "model": "rates", "version": 1, "from_at": 0, "to_at": 9, "revision": 0,
        "verdict": "ok", "rows": 9, "errors": 0, "latency_p50_ms": 1.0, "latency_p99_ms": 2.0, "coverage": None,
        "metrics": {}, "features": (), "computed_at": 1, **changed,
    }  # fmt: skip
    return Window(**told)


def register(tx: Write) -> None:
    """Register version 1, with a run and a snapshot of its own."""
    taken = snapshots.add_snapshot(
        tx, Snapshot(hash_bytes(b"rows"), "rates", 10, (), "at", 0, 9, "rows.csv", 99, tx.at), "user:anna"
    )
    run = runs.start_run(tx, model="rates", actor="user:anna", settings_revision=1, snapshot_id=taken.id)
    versions.register(
        tx, model="rates", run_id=run.id, snapshot_id=taken.id, settings_revision=1, bundle_hash="b",
        environment_hash="e", artifact_hash=hash_bytes(b"artifact"), artifact_bytes=9, golden_hash="g", signature={},
        decision={}, evaluation={"metric": "mae"}, estimator="sklearn.linear_model.Ridge", actor="user:anna",
    )  # fmt: skip
