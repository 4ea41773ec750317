"""The registry is held for longer than anyone waits for it while a training runs: it goes on, its points come later."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest
from counts import Report
from tiny_deck import MODEL, Tiny

from engine.deck import open_deck
from engine.workspace import Workspace
from store import events, runs
from store.database import BUSY_TIMEOUT_MS


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_training_outlives_a_held_registry(tiny: Tiny, report: Report, until: Any) -> None:
    tiny.write_model(MODEL.replace("sklearn.linear_model.Ridge", "auto").replace('"3s"', '"12s"'))
    asked = tiny("train", "rates", "--detach").out.strip()
    deck = open_deck(Workspace(tiny.root.resolve()))
    until(lambda: len(runs.runs(deck.database, trials=True)) > 1, 90, "the first trial has begun")
    holder = sqlite3.connect(deck.workspace.registry, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    since, held_s = time.monotonic(), BUSY_TIMEOUT_MS / 1000 + 4
    until(lambda: time.monotonic() - since > held_s, 60, "everyone has lost patience")
    holder.execute("ROLLBACK")
    holder.close()
    job = until(lambda: _ended(tiny, asked), 120, "the training has ended")
    assert (job["state"], job["attempt"]) == ("succeeded", 1), job
    [run] = runs.runs(deck.database)
    children = runs.children(deck.database, run.id)
    key = "trial.mae"
    done = sum(child.state == "finished" for child in children)
    until(lambda: len(runs.metric_history(deck.database, run.id, key)) >= done, 30, "the points have arrived")
    points = runs.metric_history(deck.database, run.id, key)
    assert [at for _, at, _ in points] == sorted(at for _, at, _ in points)
    assert not [child for child in children if child.state == "running"]
    finished = [child for child in children if child.state == "finished"]
    assert len(points) == len(finished)
    report.counts.update({"held for s": held_s, "trials": len(children), "points": len(points)})
    assert events.verify(deck.database).ok
    deck.database.close()


def _ended(tiny: Tiny, job_id: str) -> Any:
    said = tiny("jobs", "show", job_id, "--json")
    job = said.data["job"] if said.code == 0 else {"ended_at": None}
    return job if job["ended_at"] else None
