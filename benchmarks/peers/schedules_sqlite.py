"""The limit of a tick: one table, one transaction, nothing but the next time: FOLDER COUNT -> {"us_per_job"}."""

from __future__ import annotations

import json
import sqlite3
import sys
import time


def main() -> None:
    """Let every row fall due and tick once."""
    folder, count = sys.argv[1], int(sys.argv[2])
    db = sqlite3.connect(f"{folder}/schedules.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE schedule (id TEXT PRIMARY KEY, every REAL, next REAL)")
    db.execute("CREATE INDEX schedule_next ON schedule (next)")
    now = time.time()
    db.executemany("INSERT INTO schedule VALUES (?, 86400.0, ?)", [(f"s{number}", now - 1) for number in range(count)])
    started = time.perf_counter()
    db.execute("BEGIN IMMEDIATE")
    due = db.execute("SELECT id, every FROM schedule WHERE next <= ? ORDER BY next", (now,)).fetchall()
    db.executemany("UPDATE schedule SET next = ? WHERE id = ?", [(now + every, id) for id, every in due])
    db.execute("COMMIT")
    took = time.perf_counter() - started
    assert len(due) == count
    print(json.dumps({"us_per_job": took / count * 1e6}))


if __name__ == "__main__":
    main()
