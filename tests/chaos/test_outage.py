"""The registry is held for longer than anyone waits for it while a training runs: it goes on, its points come later."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from counts import Report
from tiny_deck import MODEL, Tiny

from engine.deck import open_deck
from engine.workspace import Workspace
from store import events, runs
from store.database import BUSY_TIMEOUT_MS

KEY = "trial.mae"
FOR_S = BUSY_TIMEOUT_MS / 1000 + 4  # longer than anyone waits for it
MEANWHILE = 2  # trials that have to end while it is held


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_training_outlives_a_held_registry(tiny: Tiny, report: Report, until: Any) -> None:
    tiny.write_model(
        MODEL.replace("sklearn.linear_model.Ridge", "auto").replace('time_budget = "60s"', 'time_budget = "25s"')
    )
    asked = tiny("train", "rates", "--detach").out.strip()
    deck = open_deck(Workspace(tiny.root.resolve()))
    clock = deck.clock
    until(lambda: len(runs.runs(deck.database, trials=True)) > 1, 90, "the first trial has begun")
    [run] = runs.runs(deck.database)
    spool = deck.workspace.spool / f"{run.id}.jsonl"

    holder = sqlite3.connect(deck.workspace.registry, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    from_at = clock.now()
    since = time.monotonic()
    try:
        until(
            lambda: time.monotonic() - since > FOR_S and len(_trials_since(spool, from_at)) >= MEANWHILE,
            90,
            "everyone has lost patience, and the search goes on",
        )
        # nothing of this got past the lock: what ended meanwhile is in the run's own file only
        written = _trials(spool)
        known = runs.metric_history(deck.database, run.id, KEY)
        until_at = clock.now()
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    meanwhile = [point for point in written if from_at < point[1] < until_at]
    assert len(meanwhile) >= MEANWHILE
    assert not {at for _, at, _ in known} & {at for _, at, _ in meanwhile}

    job = until(lambda: _ended(tiny, asked), 120, "the training has ended")
    assert (job["state"], job["attempt"]) == ("succeeded", 1), job
    children = runs.children(deck.database, run.id)
    assert {child.state for child in children} <= {"finished", "cancelled"}
    finished = [child for child in children if child.state == "finished"]
    until(lambda: len(runs.metric_history(deck.database, run.id, KEY)) >= len(finished), 30, "the points have arrived")
    points = runs.metric_history(deck.database, run.id, KEY)
    assert points[: len(written)] == written, "every point written so far came in, in order and once"
    assert len(points) == len(finished)
    assert [at for _, at, _ in points] == sorted(at for _, at, _ in points)
    assert points[-1][1] > until_at, "the search had not ended while the registry was held"
    # the trials' own points too: one for each fold, in the order of the folds
    for child in finished:
        folds = until(lambda id=child.id: runs.metric_history(deck.database, id, "fold.mae"), 30, "a trial's points")
        assert [step for step, _, _ in folds] == list(range(1, len(folds) + 1))
    report.counts.update(
        {
            "held for s": round((until_at - from_at) / 1_000_000, 1),
            "trials": len(children),
            "trials that ended while it was held": len(meanwhile),
            "points": len(points),
        }
    )
    assert events.verify(deck.database).ok
    deck.database.close()


def _trials(spool: Path) -> list[tuple[int, int, float | None]]:
    """Return the figures of ended trials as the run's own file holds them: (trial, at, value)."""
    lines = spool.read_text().splitlines() if spool.exists() else []
    return [(step, at, value) for key, step, at, value in map(json.loads, lines) if key == KEY]


def _trials_since(spool: Path, from_at: int) -> list[tuple[int, int, float | None]]:
    return [point for point in _trials(spool) if point[1] > from_at]


def _ended(tiny: Tiny, job_id: str) -> Any:
    said = tiny("jobs", "show", job_id, "--json")
    job = said.data["job"] if said.code == 0 else {"ended_at": None}
    return job if job["ended_at"] else None
