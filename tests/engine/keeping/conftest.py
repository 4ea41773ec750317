"""A deck whose every kind of content is there: a version with its blobs, predictions, outcomes, a spool and a key."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.deck import Deck
from store import blobs, jobs, runs, settings, snapshots, versions
from store.rows import Snapshot, Version

ANNA = "user:anna"
KINDS = ("model", "golden", "bundle", "environment", "snapshot")


@pytest.fixture
def add_version(deck: Deck) -> Callable[[str], Version]:
    """Return a function that registers a version of `rates` whose blobs hold a text of their own."""

    def add(text: str) -> Version:
        put = {kind: deck.artifacts.put_bytes(f"{kind} {text}".encode()) for kind in KINDS}
        with deck.database.write() as tx:
            for kind, hash in put.items():
                blobs.record_blob(tx, hash, 10, kind)
            taken = Snapshot(put["snapshot"], "rates", 1, ({"name": "y"},), "at", 0, 9, "rows.csv", 9, tx.at)
            snapshots.add_snapshot(tx, taken, ANNA)
            run = runs.start_run(tx, model="rates", actor=ANNA, settings_revision=1, snapshot_id=put["snapshot"])
            made = versions.register(
                tx,
                model="rates",
                run_id=run.id,
                snapshot_id=put["snapshot"],
                settings_revision=1,
                bundle_hash=put["bundle"],
                environment_hash=put["environment"],
                artifact_hash=put["model"],
                artifact_bytes=10,
                golden_hash=put["golden"],
                signature={},
                decision={},
                evaluation={},
                estimator="ridge",
                actor=ANNA,
            )
            runs.finish_run(tx, run.id, "finished")
        return made

    return add


@pytest.fixture
def full(deck: Deck, apply_settings_body: Callable[..., Any], add_version: Callable[[str], Version]) -> Deck:
    """The deck with a version, predictions, outcomes, a running job with its spool, a key, settings and code."""
    apply_settings_body("rates")
    assert settings.current(deck.database)
    add_version("one")
    workspace = deck.workspace
    for path, text in (
        (workspace.segments / "r1" / "0.open", '{"row": 1}\n'),
        (workspace.predictions / "parquet" / "rates" / "1" / "2026-03-01" / "part.parquet", "parquet"),
        (workspace.predictions / "watermark.json", "{}"),
        (workspace.outcomes / "rates" / "b.parquet", "outcomes"),
        (workspace.keys / "log", '{"id": "0", "key": "00"}'),
        (workspace.root / "models" / "rates.toml", "[model]\n"),
        (workspace.root / "hotel" / "load.py", "x = 1\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with deck.database.write() as tx:
        job = jobs.claim(tx, jobs.enqueue(tx, kind="train", model="rates", actor=ANNA).id)
        jobs.set_process(tx, job.id, job.attempt, os.getpid(), "boot:1")
        run = runs.start_run(tx, model="rates", actor=ANNA, settings_revision=1, job_id=job.id)
    workspace.spool.mkdir()
    (workspace.spool / f"{run.id}.jsonl").write_text('["mae",0,0,1.0]\n')
    return deck


@pytest.fixture
def age(deck: Deck) -> Callable[..., None]:
    """Return a function that makes every file of the artifacts older than `hours`."""

    def older(hours: float = 48) -> None:
        then = time.time() - hours * 3600
        for path in deck.workspace.state.rglob("*"):
            if path.name not in ("registry.db", "gate.lock"):
                os.utime(path, (then, then))

    return older
