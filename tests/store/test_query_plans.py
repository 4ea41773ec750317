"""Every list a screen shows is read along an index, at a size where a scan would be felt."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store import (
    alerts,
    deployments,
    events,
    history,
    jobs,
    lineage,
    models,
    notifying,
    releases,
    retraining,
    run_artifacts,
    runs,
    schedules,
    settings,
    versions,
    watching,
)
from store.clock import FrozenClock
from store.database import Database, Params, Row, open_database
from store.newest_windows import newest_windows
from store.rows import Version, microseconds
from store.search.runs import find_runs
from store.search.terms import Compare, Contains
from store.search.versions import find_summaries, find_versions
from store.summaries import summaries
from store.tables.models import VersionTable

MANY = 100_000


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

    def tuples(self, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.rows(sql, params)]

    def taken(self, columns: str, source: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        return self.tuples(f"SELECT {columns} {source}", params)

    def each(self, sql: str, params: Params | None = None) -> Iterator[tuple[Any, ...]]:
        return iter(self.tuples(sql, params))

    def words(self, sql: str, params: Params | None = None) -> list[str]:
        return [row["word"] for row in self.rows(sql, params)]

    def remembered(self, _key: Any, make: Callable[[], Any]) -> Any:
        return make()


@pytest.fixture(scope="module")
def large(
    tmp_path_factory: pytest.TempPathFactory,
    empty_registry: Path,
    settings_body: Callable[..., dict[str, Any]],
    register: Callable[..., Version],
) -> Iterator[Database]:
    """A registry with many runs, what they logged, jobs and events; it is only read.

    It holds no statistics, as no registry does: how a list is read does not depend on what stands in it.
    """
    path = tmp_path_factory.mktemp("large") / "registry.db"
    shutil.copyfile(empty_registry, path)
    database = open_database(path, FrozenClock(microseconds("2026-03-01T12:00:00Z")))
    with database.write() as tx:
        settings.apply(tx, settings_body("rates"), "user:a", "")
        register(tx)
        for table, columns, values in (
            ("run", "number, id, experiment, model, kind, name, state, reason, actor, started_at",
             ":number, :id, 'rates', 'rates', 'train', 'a run', 'finished', '', 'user:a', 0"),
            ("run_metric_latest", "run_number, key, step, at, value", ":number, 'mae', 1, 0, :mae"),
            ("run_metric_latest", "run_number, key, step, at, value", ":number, 'loss', 1, 0, :loss"),
            ("run_param", "run_number, key, value", ":number, 'depth', :depth"),
            ("run_param", "run_number, key, value", ":number, 'seed', :seed"),
            ("run_tag", "run_number, key, value", ":number, 'team', 'pricing'"),
            ("job", "id, kind, model, args, state, reason, actor, attempt, progress_text, result, requested_at",
             ":id, 'train', 'rates', '{}', 'succeeded', '', 'user:a', 1, '', '{}', 0"),
            ("event", "seq, at, actor, action, subject_kind, subject_id, model, reason, body, previous_hash, hash",
             ":seq, 0, 'user:a', 'note.made', 'note', :id, 'rates', '', '{}', '', :id"),
            ("notification", "id, target, kind, event, event_seq, subject_kind, subject_id, severity, title, state,"
             " attempts, most_attempts, created_at, ended_at, response, error",
             ":id, 'hook', 'webhook', 'note.made', :seq, 'note', :id, 'info', '', 'delivered', 1, 12, 0, 0, '', ''"),
        ):  # fmt: skip
            first = events.events(tx, limit=1)[0].seq + 1
            rows = [values_of(number, first) for number in range(MANY)]
            tx.execute_many(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)
        kept = ", ".join(sorted(VersionTable.model_fields.keys() - {"number"}))
        tx.execute_many(
            f"INSERT INTO version (number, {kept}) SELECT :number, {kept} FROM version WHERE number = 1",
            [{"number": number} for number in range(2, 5000)],
        )
        tx.execute_many(
            "INSERT INTO version_tag (model, number, key, value) VALUES ('rates', :number, 'team', :team)",
            [{"number": number, "team": ("pricing", "trust")[number % 2]} for number in range(1, 5000)],
        )
    yield database
    database.close()


def values_of(number: int, first: int) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "number": number + 2,  # behind the run there is
        "seq": first + number,
        "mae": number * 7919 % MANY / 100,
        "loss": number * 104729 % MANY / 1000,
        "depth": str(number % 9),
        "seed": str(number),
    }


LOW = Compare("metrics.mae", "<", "12")
LISTS: dict[str, Callable[[Any], object]] = {
    "notifications": lambda reader: notifying.notifications(reader, 100),
    "failed notifications": lambda reader: notifying.notifications(reader, 100, state="failed"),
    "targets that wait": notifying.waiting_targets,
    "what a target waits for": lambda reader: notifying.live(reader, "hook", 100),
    "messages of the last minute": lambda reader: notifying.sent_since(reader, "hook", 10, 20),
    "tests that were lost": lambda reader: notifying.lost_tests(reader, 10),
    "notifications that did not arrive": lambda reader: notifying.undelivered(reader, 10),
    "settings applied since an event": lambda reader: notifying.revisions_after(reader, 10),
    "trainings of a day": lambda reader: retraining.trainings(reader, "rates", 10**15),
    "the training that waits or runs": lambda reader: retraining.live_training(reader, "rates"),
    "the newest training": lambda reader: retraining.last_training(reader, "rates"),
    "when the newest training answered": lambda reader: retraining.answered_at(reader, "rates"),
    "the newest trained version": lambda reader: retraining.newest_version(reader, "rates"),
    "the newest snapshot": lambda reader: retraining.newest_snapshot(reader, "rates"),
    "outcomes since a training": lambda reader: retraining.outcomes_since(reader, "rates", 10),
    "what held a training back last": lambda reader: schedules.last_held(reader, "retrain:rates"),
    "events after one": lambda reader: events.after(reader, 10, 100),
    "runs": lambda reader: runs.runs(reader, limit=100),
    "runs of a model": lambda reader: runs.runs(reader, model="rates", limit=100),
    "runs with trials": lambda reader: runs.runs(reader, model="rates", trials=True, limit=100),
    "next page of runs": lambda reader: runs.runs(reader, before_id=f"{MANY // 2:032x}", limit=100),
    "runs by filter": lambda reader: find_runs(reader, [LOW, Compare("params.depth", "=", "6")], limit=100),
    "runs by a param": lambda reader: find_runs(reader, [Compare("params.depth", "=", "6")], limit=100),
    "runs by a rare metric": lambda reader: find_runs(reader, [Compare("metrics.mae", ">=", "999.5")], limit=100),
    "runs by a rare param": lambda reader: find_runs(reader, [Compare("params.seed", "=", "77777")], limit=100),
    "runs by a tag": lambda reader: find_runs(reader, [Compare("tags.team", "=", "pricing")], limit=100),
    "runs by a word": lambda reader: find_runs(reader, [Contains("nowhere")], limit=100),
    "runs of an experiment": lambda reader: find_runs(reader, experiment="rates", limit=100),
    "trials of a run": lambda reader: find_runs(reader, parent=f"{7:032x}", limit=100),
    "best runs": lambda reader: find_runs(reader, order="metrics.mae", limit=100),
    "best runs of a model": lambda reader: find_runs(reader, model="rates", order="metrics.mae", limit=100),
    "best runs, largest first": lambda reader: find_runs(reader, order="-metrics.mae", limit=100),
    "next page of best runs": lambda reader: second_page(reader, order="-metrics.mae"),
    "best runs by filter": lambda reader: find_runs(
        reader, [LOW, Compare("params.depth", "=", "6")], order="metrics.loss", limit=100
    ),
    "runs from the oldest": lambda reader: find_runs(reader, order="started_at", limit=100),
    "next page of runs by filter": lambda reader: second_page(reader, [LOW]),
    "versions by a tag": lambda reader: find_versions(reader, "rates", [Compare("tags.team", "=", "trust")]),
    "versions by artifact": lambda reader: find_versions(reader, "rates", [Compare("artifact_hash", "=", "sha256:")]),
    "versions of a run": lambda reader: lineage.versions_of_run(reader, "run"),
    "summaries": lambda reader: summaries(reader, "rates"),
    "summaries by a tag": lambda reader: find_summaries(reader, "rates", [Compare("tags.team", "=", "trust")]),
    "summaries by what stands beside them": lambda reader: find_summaries(
        reader, "rates", [Compare("settings_revision", "=", "1")], limit=100
    ),
    "a version by its alias": lambda reader: versions.named(reader, "rates", "champion"),
    "jobs": lambda reader: jobs.jobs(reader, limit=100),
    "jobs of a model": lambda reader: jobs.jobs(reader, limit=100, model="rates"),
    "queued jobs": jobs.queued,
    "events": lambda reader: events.events(reader, limit=100),
    "events of a model": lambda reader: events.events(reader, limit=100, model="rates"),
    "events of a thing": lambda reader: events.events(reader, limit=100, subject=("note", f"{7:032x}")),
    "a run by its beginning": lambda reader: runs.run(reader, "019"),
    "releases": lambda reader: releases.releases(reader, "rates"),
    "windows": lambda reader: watching.windows(reader, "rates"),
    "the newest window of every monitor": newest_windows,
    "open alerts": alerts.alerts,
    "models": models.models,
    "versions": lambda reader: versions.versions(reader, "rates"),
    "deployments": lambda reader: deployments.deployments(reader, endpoint="rates"),
    "what served": lambda reader: history.served_at(reader, 1),
    "files of a run": lambda reader: run_artifacts.artifacts(reader, f"{7:032x}"),
    "moves of an alias": lambda reader: history.alias_moves(reader, "rates", "champion"),
    "moves of a model's aliases": lambda reader: history.alias_moves(reader, "rates"),
    "route history": lambda reader: deployments.route_history(reader, "rates"),
}  # fmt: skip


def second_page(reader: Any, terms: Any = (), **asked: Any) -> None:
    _, after = find_runs(reader, terms, limit=100, **asked)
    assert after is not None
    rows, _ = find_runs(reader, terms, limit=100, after=after, **asked)
    assert len(rows) == 100


# read by the integer key itself, which SQLite calls a scan; the limit ends it
BY_KEY = {
    "events": "event",
    "runs": "run",
    "runs with trials": "run",
    "runs by a word": "r",
    "runs from the oldest": "r",
    "next page of runs by filter": "r",
}
# tens of rows, sorted after the index has found them
SMALL = {
    "models",
    "what served",
    "moves of an alias",
    "versions",
    "deployments",
    "windows",
    "the newest window of every monitor",  # scans the monitors, one per model: each is asked for
    "route history",
    "open alerts",
}


# not a table: the distinct values of a key, and the rows of a term, both counted to a bound and no further
BOUNDED = {"SCAN leap", "SCAN some"}


def scans(plan: str) -> bool:
    return plan.startswith("SCAN ") and "INDEX" not in plan and plan not in BOUNDED


def test_lists_neither_scan_nor_sort_large_tables(large: Database) -> None:
    slow: dict[str, list[str]] = {}
    for name, read in LISTS.items():
        reader = Explaining(large)
        read(reader)
        bad = [plan for plan in reader.plans if scans(plan) and plan != f"SCAN {BY_KEY.get(name)}"]
        if name in SMALL:
            bad = [plan for plan in bad if plan.split()[1] in ("run", "job", "event")]
        elif (
            "rare" not in name and "filter" not in name
        ):  # few rows, sorted once the index of their value has found them
            bad += [plan for plan in reader.plans if "USE TEMP B-TREE FOR ORDER BY" in plan]
        if bad:
            slow[name] = bad
    assert slow == {}


def plan_of(database: Database, read: Callable[[Any], object]) -> list[str]:
    reader = Explaining(database)
    read(reader)
    return reader.plans


def test_the_best_runs_are_read_along_the_values_of_their_metric(large: Database) -> None:
    plans = plan_of(large, LISTS["best runs"])
    assert any("ix_run_metric_latest_key_value_run_number (key=?" in plan for plan in plans)
    best, _ = find_runs(large, order="metrics.mae", limit=100)
    assert [run.metrics["mae"] for run in best] == [number / 100 for number in range(100)]


def test_the_next_page_begins_at_its_cursor(large: Database) -> None:
    plans = plan_of(large, LISTS["next page of best runs"])
    assert any("(key=? AND value>? AND (value,run_number)<(?,?))" in plan for plan in plans)


def test_what_two_terms_have_in_common_is_read_from_the_index_of_each(large: Database) -> None:
    terms = [LOW, Compare("params.depth", "=", "6"), Compare("metrics.loss", "<", "90")]
    plans = plan_of(large, lambda reader: find_runs(reader, terms, order="metrics.loss"))
    for index in (
        "run_metric_latest_key_value_run_number (key=? AND value<?)",
        "run_param_key_value_run_number (key=? AND value=?)",
    ):
        assert f"SEARCH chosen USING COVERING INDEX ix_{index}" in plans
    assert all(plan.endswith("id=?)") for plan in plans if plan.startswith("SEARCH r ")), plans
    found, _ = find_runs(large, terms, order="metrics.loss", limit=1000)
    fitting = [values_of(number, 0) for number in range(MANY)]
    fitting = [one for one in fitting if one["mae"] < 12 and one["depth"] == "6" and one["loss"] < 90]
    assert [run.id for run in found] == [one["id"] for one in sorted(fitting, key=lambda one: one["loss"])]
    assert len(fitting) > 100


def test_a_rare_value_is_found_by_its_index_and_not_along_the_order(large: Database) -> None:
    plans = plan_of(
        large, lambda reader: find_runs(reader, [Compare("metrics.mae", ">=", "999.5")], order="metrics.loss")
    )
    assert any("SEARCH chosen USING COVERING INDEX ix_run_metric_latest_key_value_run_number" in plan for plan in plans)
