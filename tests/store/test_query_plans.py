"""Every list a screen shows is read along an index, at a size where a scan would be felt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store import deployments, events, jobs, models, releases, runs, versions, watching
from store.database import Database, Params, Row
from store.rows import Version

MANY = 20_000


class Explaining:
    """A reader that also notes how each query is read."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.plans: list[str] = []

    def rows(self, sql: str, params: Params | None = None) -> list[Row]:
        params = params or {}
        self.plans += [row["detail"] for row in self.database.rows(f"EXPLAIN QUERY PLAN {sql}", params)]
        return self.database.rows(sql, params)

    def row(self, sql: str, params: Params | None = None) -> Row | None:
        found = self.rows(sql, params)
        return found[0] if found else None


@pytest.fixture
def large(database: Database, register: Callable[..., Version]) -> Database:
    """A registry with many runs, metrics, jobs and events."""
    with database.write() as tx:
        register(tx)
        for table, columns, values in (
            ("run", "id, experiment, model, kind, name, state, reason, actor, started_at",
             ":id, 'rates', 'rates', 'train', 'a run', 'finished', '', 'user:a', 0"),
            ("run_metric_latest", "run_id, key, step, at, value", ":id, 'mae', 1, 0, 2.5"),
            ("job", "id, kind, model, args, state, reason, actor, attempt, progress_text, result, requested_at",
             ":id, 'train', 'rates', '{}', 'succeeded', '', 'user:a', 1, '', '{}', 0"),
            ("event", "seq, at, actor, action, subject_kind, subject_id, model, reason, body, previous_hash, hash",
             ":seq, 0, 'user:a', 'note.made', 'note', :id, 'rates', '', '{}', '', :id"),
        ):  # fmt: skip
            first = events.events(tx, limit=1)[0].seq + 1
            rows = [{"id": f"{number:032x}", "seq": first + number} for number in range(MANY)]
            tx.execute_many(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)
        tx.execute("ANALYZE")
    return database


LISTS: dict[str, Callable[[Any], object]] = {
    "runs": lambda reader: runs.runs(reader, limit=100),
    "runs of a model": lambda reader: runs.runs(reader, model="rates", limit=100),
    "runs with trials": lambda reader: runs.runs(reader, model="rates", trials=True, limit=100),
    "next page of runs": lambda reader: runs.runs(reader, before_id=f"{MANY // 2:032x}", limit=100),
    "jobs": lambda reader: jobs.jobs(reader, limit=100),
    "jobs of a model": lambda reader: jobs.jobs(reader, limit=100, model="rates"),
    "queued jobs": jobs.queued,
    "events": lambda reader: events.events(reader, limit=100),
    "events of a model": lambda reader: events.events(reader, limit=100, model="rates"),
    "events of a thing": lambda reader: events.events(reader, limit=100, subject=("note", f"{7:032x}")),
    "a run by its beginning": lambda reader: runs.run(reader, "019"),
    "releases": lambda reader: releases.releases(reader, "rates"),
    "windows": lambda reader: watching.windows(reader, "rates"),
    "open alerts": watching.alerts,
    "models": models.models,
    "versions": lambda reader: versions.versions(reader, "rates"),
    "deployments": lambda reader: deployments.deployments(reader, endpoint="rates"),
    "route history": lambda reader: deployments.route_history(reader, "rates"),
}  # fmt: skip


# read by the integer key itself, which SQLite calls a scan; the limit ends it
BY_KEY = {"events": "event"}
# tens of rows, sorted after the index has found them
SMALL = {"models", "versions", "deployments", "windows", "route history", "open alerts"}


def scans(plan: str) -> bool:
    return plan.startswith("SCAN ") and "INDEX" not in plan


def test_lists_neither_scan_nor_sort_large_tables(large: Database) -> None:
    slow: dict[str, list[str]] = {}
    for name, read in LISTS.items():
        reader = Explaining(large)
        read(reader)
        bad = [plan for plan in reader.plans if scans(plan) and plan != f"SCAN {BY_KEY.get(name)}"]
        if name not in SMALL:
            bad += [plan for plan in reader.plans if "USE TEMP B-TREE FOR ORDER BY" in plan]
        else:
            bad = [plan for plan in bad if plan.split()[1] in ("run", "job", "event")]
        if bad:
            slow[name] = bad
    assert slow == {}
