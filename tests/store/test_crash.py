"""Processes that die or compete leave a registry whose every link holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from store import events, runs
from store.database import Database

WRITE = """
import sys
from pathlib import Path
from store import events, runs
from store.clock import SystemClock
from store.database import open_database

database = open_database(Path(sys.argv[1]), SystemClock())
for number in range(int(sys.argv[3])):
    with database.write() as tx:
        run = runs.start_run(tx, model="rates", actor=sys.argv[2], name=str(number))
        runs.log_points(tx, run.id, [("mae", step, tx.at, step / 7) for step in range(200)])
    print(number, flush=True)
"""


@contextmanager
def writer(database: Database, actor: str, count: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(database.path), actor, str(count)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def by_actor(database: Database, actor: str) -> int:
    row = database.row("SELECT count(*) AS n FROM event WHERE actor = :actor", {"actor": actor})
    assert row is not None
    return int(row["n"])


@pytest.mark.chaos
def test_killed_writer_loses_nothing_it_had_said(database: Database) -> None:
    for attempt in range(3):
        actor = f"user:crash-{attempt}"
        with writer(database, actor, 100_000) as process:
            assert process.stdout
            said = [int(process.stdout.readline()) for _ in range(5 + 3 * attempt)]
            os.kill(process.pid, signal.SIGKILL)
            rest = process.stdout.read().split()
        said += [int(line) for line in rest]
        kept = by_actor(database, actor)
        assert kept in (len(said), len(said) + 1)
        chain = events.verify(database)
        assert chain.ok, chain.detail
        row = database.row("PRAGMA integrity_check")
        assert row
        assert row[0] == "ok"
        for run in runs.runs(database, limit=kept):
            assert len(runs.metric_history(database, run.id, "mae")) == 200
        with database.write() as tx:
            events.append(tx, actor="user:anna", action="note.made", subject_kind="note", subject_id=actor)


@pytest.mark.chaos
def test_two_processes_and_this_one_write_one_chain(database: Database) -> None:
    with writer(database, "user:one", 60) as one, writer(database, "user:two", 60) as two:
        deadline = time.monotonic() + 60
        while (one.poll() is None or two.poll() is None) and time.monotonic() < deadline:
            with database.write() as tx:
                events.append(tx, actor="user:here", action="note.made", subject_kind="note", subject_id="1")
            time.sleep(0.001)  # SQLite gives the lock to whoever asks first: one that never lets go starves the others
        assert (one.returncode, two.returncode) == (0, 0)
    assert (by_actor(database, "user:one"), by_actor(database, "user:two")) == (60, 60)
    chain = events.verify(database)
    assert chain.ok, chain.detail
    assert chain.verified == 121 + by_actor(database, "user:here")


UNSYNCED = """
import os, signal, sys
from pathlib import Path
from store import runs
from store.clock import SystemClock
from store.database import open_database

database = open_database(Path(sys.argv[1]), SystemClock())
for number in range(3):
    with database.write(synced=False) as tx:
        runs.start_run(tx, model="rates", actor="user:anna", name=f"unsynced {number}")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_not_synced_survives_a_killed_process(database: Database) -> None:
    done = subprocess.run([sys.executable, "-c", UNSYNCED, str(database.path)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    names = {run.name for run in runs.runs(database)}
    assert {f"unsynced {number}" for number in range(3)} <= names
    assert events.verify(database).ok
