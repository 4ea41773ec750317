"""Filling a large store fast: the same values in every store, made by SQLite itself, indexes built at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

KEYS = 10  # params and metrics of a run
PARAM = "CASE WHEN j = 0 THEN 'v' || (i % 10) ELSE 'p' || j || '-' || (i % 97) END"
METRIC = "((i * 2654435761 + j * 40503 * (i + 7)) % 1000003) / 1000003.0"
STAGE = "CASE WHEN i % 100 = 0 THEN 'prod' ELSE 'dev' END"


@contextmanager
def filling(path: str, tables: tuple[str, ...], many: int) -> Iterator[sqlite3.Connection]:
    """Open a store in which `tables` have no indexes meanwhile; offers the tables `n` (i from 0) and `k` (j from 0)."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TEMP TABLE n (i INTEGER PRIMARY KEY)")
    connection.execute("CREATE TEMP TABLE k (j INTEGER PRIMARY KEY)")
    for name, count in (("n", many), ("k", KEYS)):
        connection.execute(
            f"INSERT INTO {name} WITH RECURSIVE c(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM c WHERE x < {count - 1})"
            " SELECT x FROM c"
        )
    marks = ", ".join("?" for _ in tables)
    indexes = connection.execute(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({marks})",
        tables,
    ).fetchall()
    connection.execute("BEGIN")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield connection
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.close()
