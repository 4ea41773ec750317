"""A filled registry of schema 3 upgrades without losing a row; a kill on the way leaves it as it was."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import store.upgrade
from store import events, history, models, runs, settings, versions
from store.clock import FrozenClock
from store.database import SCHEMA, Database, schema_of
from store.errors import WorkFailed
from store.opening import create_or_upgrade
from store.rows import AliasMove
from store.search.runs import find_runs
from store.search.terms import Compare
from store.upgrade_apart import upgrade_apart
from store.whole import damage

ANNA = "user:anna"
PARENT, TRIAL, FREE = (f"{number:032x}" for number in (30, 31, 5))
RUN = (
    "INSERT INTO run (id, experiment, model, parent_id, kind, name, state, reason, actor, started_at, note) VALUES"
    " (:id, :experiment, :model, :parent, 'train', :id, 'finished', '', 'user:anna', 7, 'kept')"
)
VERSION = (
    "INSERT INTO version (model, number, run_id, snapshot_id, settings_revision, bundle_hash, environment_hash,"
    " artifact_hash, artifact_bytes, golden_hash, signature, decision, evaluation, estimator, description, actor,"
    " created_at) VALUES ('rates', :number, :run, 'sha256:d', 1, 'b', 'e', 'a', 9, 'g', '{}', '{}', '{}', 'ridge', '',"
    " 'user:anna', 8)"
)
SNAPSHOT = (
    "INSERT INTO snapshot (model, id, rows, columns, origin, size_bytes, created_at)"
    " VALUES ('rates', 'sha256:d', 1, '[]', 'r.csv', 9, 6)"
)
MOVE = (
    "INSERT INTO alias_move (model, name, generation, from_version, to_version, actor, reason, moved_at)"
    " VALUES ('rates', 'candidate', :number, :before, :number, 'user:anna', :reason, :at)"
)
KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy.engine
from sqlalchemy import event
from store.upgrade import migrate

@event.listens_for(sqlalchemy.engine.Engine, "before_cursor_execute")
def _kill(_connection, _cursor, statement, *_rest):
    if sys.argv[2] in statement:
        os.kill(os.getpid(), signal.SIGKILL)

migrate(Path(sys.argv[1]))
"""


@pytest.fixture
def old(
    tmp_path: Path,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
    settings_body: Callable[..., dict[str, Any]],
) -> Path:
    """A registry of schema 3 with what runs, aliases and events were at that time."""
    path = tmp_path / "registry.db"
    path.touch()
    with monkeypatch.context() as older:
        older.setattr(store.upgrade, "SCHEMA", 3)
        store.upgrade.migrate(path)
    database = Database(path, clock)
    with database.write() as tx:
        settings.apply(tx, settings_body("rates"), ANNA)
        tx.execute("INSERT INTO experiment (name, created_at) VALUES ('notebook', 0)")
        tx.execute(SNAPSHOT)
        for id, parent, experiment, model in (
            (PARENT, None, "rates", "rates"),
            (TRIAL, PARENT, "rates", "rates"),
            (FREE, None, "notebook", None),
        ):
            tx.execute(RUN, {"id": id, "parent": parent, "experiment": experiment, "model": model})
            tx.execute("INSERT INTO run_param VALUES (:id, 'depth', '6')", {"id": id})
            tx.execute("INSERT INTO run_tag VALUES (:id, 'why', :id)", {"id": id})
            for step, value in ((1, 3.0), (2, None)):
                tx.execute("INSERT INTO run_metric VALUES (:id, 'mae', :step, 0, :value)",
                           {"id": id, "step": step, "value": value})  # fmt: skip
            tx.execute("INSERT INTO run_metric_latest VALUES (:id, 'mae', 1, 0, 3.0)", {"id": id})
        tx.execute("INSERT INTO run_artifact VALUES (:id, 'roc.png', 'sha256:f', 4, 0)", {"id": PARENT})
        for number in (1, 2):
            tx.execute(VERSION, {"number": number, "run": PARENT})
            models.set_alias(tx, "rates", "candidate", number, actor=ANNA, reason=f"the {number}.")
            tx.execute(MOVE, {"number": number, "before": number - 1 or None, "reason": f"the {number}.", "at": tx.at})
    database.close()
    return path


def counts(path: Path) -> dict[str, int]:
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    connection.close()
    return found


def test_every_row_is_kept_and_means_what_it_meant(old: Path, clock: FrozenClock) -> None:
    before = counts(old)
    chain = events.verify(kept := Database(old, clock))
    kept.close()
    database = create_or_upgrade(old, clock)
    assert before.pop("alias_move") == 2  # which the record tells of
    assert counts(old).items() >= before.items()
    assert (events.verify(database), damage(old)) == (chain, [])
    for id in (PARENT, TRIAL, FREE):
        run = runs.run(database, id)
        assert (run.params, run.metrics, run.tags, run.note) == ({"depth": "6"}, {"mae": 3.0}, {"why": id}, "kept")
        assert runs.metric_history(database, id, "mae") == [(1, 0, 3.0), (2, 0, None)]
    assert [run.id for run in runs.runs(database)] == [PARENT, FREE]  # in the order of their ids, as before
    assert [run.id for run in runs.children(database, PARENT)] == [TRIAL]
    found, _ = find_runs(database, [Compare("params.depth", "=", "6")], order="metrics.mae", trials=True)
    assert {run.id for run in found} == {PARENT, TRIAL, FREE}
    named = versions.named(database, "rates", "candidate")
    assert named is not None
    assert (named.number, named.run_id) == (2, PARENT)
    assert history.alias_moves(database, "rates") == [
        AliasMove("rates", "candidate", 2, 1, 2, ANNA, "the 2.", clock.now()),
        AliasMove("rates", "candidate", 1, None, 1, ANNA, "the 1.", clock.now()),
    ]
    with database.write() as tx:
        new = runs.start_run(tx, model="rates", actor=ANNA, params={"depth": 7})
    assert runs.run(database, new.id).params == {"depth": "7"}
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), database.write() as tx:
        tx.execute("UPDATE event SET reason = 'x'")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"), database.write() as tx:
        tx.execute("UPDATE run SET id = 'x' WHERE id = :id", {"id": PARENT})
    database.close()


@pytest.mark.parametrize("statement", ["DROP TABLE run_before", "CREATE TRIGGER event_next_only", "foreign_key_check"])
def test_a_kill_on_the_way_leaves_the_old_registry(old: Path, clock: FrozenClock, statement: str) -> None:
    before = counts(old)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(old), statement], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert (schema_of(old), counts(old), damage(old)) == (3, before, [])
    create_or_upgrade(old, clock).close()
    assert schema_of(old) == SCHEMA
    assert before.pop("alias_move") == 2  # which the record tells of
    assert counts(old).items() >= before.items()


def test_a_damaged_registry_is_not_upgraded_and_says_what_is_lost(old: Path, clock: FrozenClock) -> None:
    connection = sqlite3.connect(old)
    connection.execute("DELETE FROM run WHERE id = ?", (PARENT,))
    connection.commit()
    connection.close()
    with pytest.raises(WorkFailed, match=r"is damaged: a row of \w+ refers to a run that is not there"):
        create_or_upgrade(old, clock)
    assert schema_of(old) == 3


def test_an_upgrade_apart_is_the_same_and_tells_the_same(old: Path, clock: FrozenClock) -> None:
    upgrade_apart(old)
    assert (schema_of(old), damage(old)) == (SCHEMA, [])
    assert [schema_of(backup) for backup in old.parent.glob("*.backup")] == [3]
    upgrade_apart(old)  # which needs nothing any more
    assert len(list(old.parent.glob("*.backup"))) == 1
    create_or_upgrade(old, clock).close()


def test_an_upgrade_apart_that_fails_is_one_clear_line(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(old)
    connection.execute("DELETE FROM run WHERE id = ?", (PARENT,))
    connection.commit()
    connection.close()
    with pytest.raises(WorkFailed, match=r"is damaged: a row of \w+ refers to a run that is not there") as told:
        upgrade_apart(old)
    assert "backup restore" in told.value.hint
    with monkeypatch.context() as nowhere:
        nowhere.setattr(sys, "executable", "/bin/false")
        with pytest.raises(WorkFailed, match=r"to schema \d+ ended with exit code 1$"):
            upgrade_apart(old)
    assert schema_of(old) == 3
