"""Windows keep every look, deliveries are on record."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from store import events, jobs, schedules, snapshots, watching
from store.database import Database
from store.errors import UnknownName
from store.rows import OutcomeBatch, Snapshot, Version, Window

ANNA = "user:anna"


@pytest.fixture
def window(database: Database, register: Callable[..., Version]) -> Window:
    """What was seen of version 1 in one hour, not yet kept."""
    with database.write() as tx:
        register(tx)
    metrics = {"mae": {"value": None, "low": None, "high": None, "n": 0, "note": "no outcome yet"}}
    return Window(
        id="", monitor="rates", model="rates", version=1, from_at=0, to_at=3_600_000_000, revision=0, verdict="ok",
        rows=200, errors=0, latency_p50_ms=1.5, latency_p99_ms=3.0, coverage=0.0, metrics=metrics,
        features=({"name": "lead_time", "psi": 0.01, "drifted": False},), computed_at=1,
    )  # fmt: skip


def test_window_seen_differently_is_its_next_revision(database: Database, window: Window) -> None:
    later = dataclasses.replace(window, coverage=0.5, computed_at=2)
    with database.write() as tx:
        first = watching.put_window(tx, window)
        assert watching.put_window(tx, dataclasses.replace(window, computed_at=9)) == first
        second = watching.put_window(tx, later)
    assert (first.revision, second.revision, second.coverage) == (1, 2, 0.5)
    assert watching.windows(database, "rates") == [second]
    assert watching.windows(database, "rates", latest_revision_only=False) == [second, first]
    assert watching.window(database, second.id[:30]) == second


def test_windows_are_listed_from_the_newest_span(database: Database, window: Window) -> None:
    with database.write() as tx:
        for hour in (2, 1, 3):
            moved = dataclasses.replace(window, from_at=(hour - 1) * 3_600_000_000, to_at=hour * 3_600_000_000)
            watching.put_window(tx, moved)
    assert [one.to_at // 3_600_000_000 for one in watching.windows(database, "rates", limit=2)] == [3, 2]


def test_unknown_monitor_is_an_unknown_name(database: Database) -> None:
    with pytest.raises(UnknownName):
        watching.monitor(database, "nothing")


def test_delivery_of_outcomes_is_on_record(database: Database) -> None:
    batch = OutcomeBatch("1" * 32, "rates", "outcomes.csv", 100, 90, 5, 5, ANNA, 7)
    with database.write() as tx:
        watching.add_outcome_batch(tx, batch)
    assert watching.outcome_batches(database, "rates") == [batch]
    event = events.events(database, limit=1)[0]
    assert (event.action, event.body) == (
        "outcomes.recorded",
        {"rows": 100, "matched": 90, "revised": 5, "unknown": 5},
    )


def test_monitor_and_schedule_remember_their_last_job(database: Database) -> None:
    with database.write() as tx:
        job = jobs.enqueue(tx, kind="monitor", model="rates", actor="schedule:monitor:rates")
        watching.touch_monitor(tx, "rates", job.id)
        schedules.fired_many(tx, {"monitor:rates": job.id}, {"monitor:rates": 9})
    monitor, schedule = watching.monitor(database, "rates"), schedules.schedules(database)[0]
    assert (monitor.last_job_id, monitor.last_run_at) == (job.id, tx.at)
    assert (schedule.last_at, schedule.next_at, schedule.last_job_id) == (tx.at, 9, job.id)


def test_same_rows_are_the_same_snapshot_for_each_model(
    database: Database, apply_settings_body: Callable[..., object]
) -> None:
    apply_settings_body("rates", "posts")
    columns = ({"name": "y", "type": "double", "nulls": 0},)
    taken = Snapshot(f"sha256:{'a' * 64}", "rates", 10, columns, "at", 1, 2, "rows.csv", 99, 5)
    with database.write() as tx:
        assert snapshots.add_snapshot(tx, taken, ANNA) == taken
        assert snapshots.add_snapshot(tx, dataclasses.replace(taken, created_at=9), ANNA) == taken
        other = snapshots.add_snapshot(tx, dataclasses.replace(taken, model="posts"), ANNA)
    assert snapshots.snapshot(database, taken.id, "rates") == taken
    assert snapshots.snapshot(database, taken.id, "posts") == other
    assert snapshots.snapshots(database, "rates") == [taken]
    with pytest.raises(UnknownName):
        snapshots.snapshot(database, "sha256:none")
