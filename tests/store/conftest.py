"""A registry with one applied model, and makers of what most tests of the store start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.deck import Deck
from store import jobs, releases, runs, snapshots, versions
from store.artifacts import hash_bytes
from store.database import Database, Write
from store.rows import Job, Release, SettingsRevision, Snapshot, Version

ANNA = "user:anna"
DATA = hash_bytes(b"rows")


@pytest.fixture
def database(deck: Deck, apply_settings_body: Callable[..., SettingsRevision]) -> Database:
    """A registry in which the model `rates` is applied."""
    apply_settings_body("rates")
    return deck.database


@pytest.fixture(scope="session")
def register() -> Callable[..., Version]:
    """Return a function that registers the next version of a model inside a transaction."""
    return register_version


@pytest.fixture
def release_of() -> Callable[..., Release]:
    """Return a function that opens a release of `rates` inside a transaction."""
    return open_release


@pytest.fixture
def running_job() -> Callable[..., Job]:
    """Return a function that enqueues and claims a job inside a transaction."""

    def claim(tx: Write, **changed: Any) -> Job:
        asked = jobs.enqueue(tx, **{"kind": "train", "model": "rates", "actor": ANNA, **changed})
        return jobs.claim(tx, asked.id)

    return claim


def register_version(tx: Write, model: str = "rates", **changed: Any) -> Version:
    """Register a version with a run and a snapshot of its own."""
    taken = snapshots.add_snapshot(
        tx,
        Snapshot(DATA, model, 10, ({"name": "y", "type": "double", "nulls": 0},), "at", 0, 9, "rows.csv", 99, tx.at),
        ANNA,
    )
    run = runs.start_run(tx, model=model, actor=ANNA, settings_revision=1, snapshot_id=taken.id)
    values: dict[str, Any] = {
        "model": model,
        "run_id": run.id,
        "snapshot_id": taken.id,
        "settings_revision": 1,
        "bundle_hash": hash_bytes(b"bundle"),
        "environment_hash": hash_bytes(b"environment"),
        "artifact_hash": hash_bytes(run.id.encode()),
        "artifact_bytes": 1234,
        "golden_hash": hash_bytes(b"golden"),
        "signature": {"inputs": [], "outputs": [{"name": "value", "type": "double"}]},
        "decision": {},
        "evaluation": {"metric": "mae"},
        "estimator": "sklearn.linear_model.Ridge",
        "git_dirty": False,
        "actor": ANNA,
    }
    return versions.register(tx, **{**values, **changed})


def open_release(tx: Write, to: int, *, since: int | None = None, kind: str = "promote") -> Release:
    """Open a release of `rates` from version `since` to version `to`."""
    return releases.open_release(
        tx, endpoint="rates", kind=kind, from_version=since, to_version=to, settings_revision=1, actor=ANNA
    )
