"""The physical limit of the registry rows: sqlite3 by hand, WAL and FULL, a table for each thing and nothing else.

A version holds the same fields as one of modeldeck's, and a list reads the same of them: reading is the same job. There
are no foreign keys, no checks, no validation, no rows of Python objects, and events only in the rows that say so.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import time
import uuid
from pathlib import Path

SCHEMA = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, exp INTEGER NOT NULL, name TEXT,
  status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER);
CREATE TABLE params (run INTEGER NOT NULL, k TEXT NOT NULL, v TEXT NOT NULL, PRIMARY KEY (run, k)) WITHOUT ROWID;
CREATE TABLE metrics (run INTEGER NOT NULL, k TEXT NOT NULL, step INTEGER NOT NULL, ts INTEGER NOT NULL,
  v REAL NOT NULL, PRIMARY KEY (run, k, step)) WITHOUT ROWID;
CREATE TABLE latest (run INTEGER NOT NULL, k TEXT NOT NULL, v REAL NOT NULL, step INTEGER NOT NULL,
  ts INTEGER NOT NULL, PRIMARY KEY (run, k)) WITHOUT ROWID;
CREATE INDEX latest_kv ON latest (k, v);
CREATE TABLE models (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE versions (id INTEGER PRIMARY KEY, model INTEGER NOT NULL, version INTEGER NOT NULL, run TEXT,
  artifact TEXT, estimator TEXT, headline TEXT, cutoff INTEGER, description TEXT, actor TEXT, created INTEGER,
  abandoned INTEGER, snapshot TEXT, settings INTEGER, bundle TEXT, environment TEXT, bytes INTEGER, golden TEXT,
  signature TEXT, decision TEXT, evaluation TEXT, UNIQUE (model, version));
CREATE TABLE vtags (ver INTEGER NOT NULL, k TEXT NOT NULL, v TEXT NOT NULL, PRIMARY KEY (ver, k)) WITHOUT ROWID;
CREATE INDEX vtags_kv ON vtags (k, v, ver);
CREATE TABLE aliases (model INTEGER NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY (model, alias)) WITHOUT ROWID;
CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER, actor TEXT, action TEXT, subject TEXT, body TEXT, hash TEXT);
INSERT INTO models (name) VALUES ('m');
"""
NEWEST = (
    "INSERT INTO latest VALUES (?, ?, ?, ?, ?) ON CONFLICT (run, k) DO UPDATE SET v = excluded.v, step = excluded.step,"
    " ts = excluded.ts WHERE excluded.step >= latest.step"
)
VERSION = f"INSERT INTO versions VALUES (NULL, {', '.join('?' for _ in range(20))})"
LISTED = (
    "v.id, v.version, v.run, v.artifact, v.estimator, v.headline, v.cutoff, v.description, v.actor, v.created,"
    " v.abandoned"
)
PARAMS = [f"p{j}" for j in range(10)]
METRICS = [f"m{j}" for j in range(10)]
DIGEST = "sha256:" + "0" * 64
SIGNATURE = json.dumps({"inputs": [{"name": f"x{j}", "type": "double"} for j in range(6)], "outputs": []})
EVALUATION = json.dumps({"metric": "mae", "holdout": {"mae": 12.5, "rmse": 20.25}})
MADE_BY = (DIGEST, 1, DIGEST, DIGEST, 9, DIGEST, SIGNATURE, "{}", EVALUATION)
HEADLINE = json.dumps(["mae", 12.5, None, None, None, False])


def open_store(path: Path) -> sqlite3.Connection:
    """Open one store, made where absent."""
    new = not path.exists()
    db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    if new:
        db.executescript(SCHEMA)
    return db


def now() -> int:
    """Return milliseconds."""
    return int(time.time() * 1000)


class Sqlite:
    """The limit's rows."""

    def __init__(self, folder: Path, large: Path, runs: int, versions: int) -> None:
        folder.mkdir(parents=True)
        large.mkdir(parents=True)
        self.sizes = {"runs": runs, "versions": versions}
        self.folder, self.large_folder = folder, large
        self.db = open_store(folder / "small.db")
        for number in range(20):
            self.register(number)
        self.alias_set(3)
        self.points_of = self._start("points")

    def build(self) -> None:
        """Make the two large stores."""
        from bulk import METRIC, PARAM, STAGE, filling

        path = self.large_folder / "large.db"
        open_store(path).close()
        runs, versions = self.sizes["runs"], self.sizes["versions"]
        tables = ("runs", "params", "metrics", "latest", "versions", "vtags")
        with filling(str(path), tables, max(runs, versions)) as db:
            some = f"n CROSS JOIN k WHERE i < {runs}"
            db.execute(
                "INSERT INTO runs SELECT i + 1, printf('%032x', i), 1, 'run-' || i, 'FINISHED', i, i FROM n"
                f" WHERE i < {runs}"
            )
            db.execute(f"INSERT INTO params SELECT i + 1, 'p' || j, {PARAM} FROM {some}")
            db.execute(f"INSERT INTO metrics SELECT i + 1, 'm' || j, 0, i, {METRIC} FROM {some}")
            db.execute(f"INSERT INTO latest SELECT i + 1, 'm' || j, {METRIC}, 0, i FROM {some}")
            db.execute(
                "INSERT INTO versions SELECT i + 1, 1, i + 1, ?, ?, 'e', ?, NULL, '', 'user:bench', i, NULL,"
                f" ?, 1, ?, ?, 9, ?, ?, '{{}}', ? FROM n WHERE i < {versions}",
                ("r" * 32, DIGEST, HEADLINE, *(DIGEST,) * 4, SIGNATURE, EVALUATION),
            )
            db.execute(f"INSERT INTO vtags SELECT i + 1, 'stage', {STAGE} FROM n WHERE i < {versions}")
        self.large = open_store(path)

    def _start(self, name: str) -> int:
        sql = "INSERT INTO runs (uid, exp, name, status, started) VALUES (?, 1, ?, 'RUNNING', ?)"
        return int(self.db.execute(sql, (uuid.uuid4().hex, name, now())).lastrowid or 0)

    def run_batched(self, i: int) -> None:
        """Three commits: start, everything, end."""
        run = self._start(f"run-{i}")
        self._log(run, i)
        self._finish(run)

    def run_batched_events(self, i: int) -> None:
        """The same with a link of a hash chain at the start and at the end."""
        self.db.execute("BEGIN IMMEDIATE")
        run = self._start(f"run-{i}")
        self._event("run.started", run)
        self.db.execute("COMMIT")
        self._log(run, i)
        self.db.execute("BEGIN IMMEDIATE")
        self._finish(run)
        self._event("run.finished", run)
        self.db.execute("COMMIT")

    def _log(self, run: int, i: int) -> None:
        at = now()
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany("INSERT INTO params VALUES (?, ?, ?)", [(run, key, str(i)) for key in PARAMS])
        self.db.executemany("INSERT INTO metrics VALUES (?, ?, 0, ?, ?)", [(run, key, at, i * 0.5) for key in METRICS])
        self.db.executemany(NEWEST, [(run, key, i * 0.5, 0, at) for key in METRICS])
        self.db.execute("COMMIT")

    def _finish(self, run: int) -> None:
        self.db.execute("UPDATE runs SET status = 'FINISHED', ended = ? WHERE id = ?", (now(), run))

    def run_calls(self, i: int) -> None:
        """One commit for each param and metric."""
        run = self._start(f"run-{i}")
        for key in PARAMS:
            self.db.execute("INSERT INTO params VALUES (?, ?, ?)", (run, key, str(i)))
        for key in METRICS:
            self._point(run, key, 0, i * 0.5)
        self._finish(run)

    def _point(self, run: int, key: str, step: int, value: float) -> None:
        at = now()
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", (run, key, step, at, value))
        self.db.execute(NEWEST, (run, key, value, step, at))
        self.db.execute("COMMIT")

    def point_call(self, i: int) -> None:
        """One point, committed."""
        self._point(self.points_of, "single", i, 1 / (i + 1))

    def points(self, i: int) -> None:
        """A thousand points in one commit."""
        at, first = now(), i * 1000
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(
            "INSERT INTO metrics VALUES (?, 'loss', ?, ?, ?)",
            [(self.points_of, first + j, at, 1 / (j + 1)) for j in range(1000)],
        )
        self.db.execute(NEWEST, (self.points_of, "loss", 1e-3, first + 999, at))
        self.db.execute("COMMIT")

    def points_logged(self, i: int) -> None:
        """The same: by hand there is no spool."""
        self.points(i + 1_000_000)

    def _register(self) -> int:
        number = self.db.execute("SELECT coalesce(max(version), 0) + 1 FROM versions WHERE model = 1").fetchone()[0]
        listed = (1, number, "r" * 32, DIGEST, "e", HEADLINE, None, "", "user:bench", now(), None)
        id = self.db.execute(VERSION, (*listed, *MADE_BY)).lastrowid
        self.db.execute("INSERT INTO vtags VALUES (?, 'stage', 'dev')", (id,))
        return int(number)

    def register(self, _i: int) -> None:
        """One version and its tag."""
        self.db.execute("BEGIN IMMEDIATE")
        self._register()
        self.db.execute("COMMIT")

    def register_event(self, _i: int) -> None:
        """One version, its tag and a link of a hash chain."""
        self.db.execute("BEGIN IMMEDIATE")
        self._event("version.registered", self._register())
        self.db.execute("COMMIT")

    def _event(self, action: str, number: int) -> None:
        last = self.db.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone() or (0, "")
        link = (last[0] + 1, now(), "user:bench", action, f"m@{number}", json.dumps({"artifact": DIGEST}))
        digest = hashlib.sha256(f"{last[1]}{link}".encode()).hexdigest()
        self.db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", (*link, digest))

    def alias_set(self, i: int) -> None:
        """Point the alias elsewhere."""
        self.db.execute(
            "INSERT INTO aliases VALUES (1, 'candidate', ?) ON CONFLICT (model, alias) DO UPDATE"
            " SET version = excluded.version",
            (i % 20 + 1,),
        )

    def alias_set_event(self, i: int) -> None:
        """The same with a link of a hash chain."""
        self.db.execute("BEGIN IMMEDIATE")
        self.alias_set(i)
        self._event("alias.moved", i % 20 + 1)
        self.db.execute("COMMIT")

    def alias_opened(self, i: int) -> None:
        """Point the alias elsewhere in a store that is closed, and opened anew, every 200 times."""
        self._reopen(i)
        self.alias_set(i)

    def alias_opened_event(self, i: int) -> None:
        """The same with a link of a hash chain."""
        self._reopen(i)
        self.alias_set_event(i)

    def _reopen(self, i: int) -> None:
        if i % 200 == 0:
            self.db.close()
            self.db = open_store(self.folder / "small.db")

    def alias_get(self, _i: int) -> None:
        """Read the version an alias names."""
        found = self.db.execute(
            "SELECT v.* FROM models m JOIN aliases a ON a.model = m.id JOIN versions v ON v.model = m.id"
            " AND v.version = a.version WHERE m.name = 'm' AND a.alias = 'candidate'"
        ).fetchone()
        assert found

    def versions_filter(self, _i: int) -> None:
        """The newest hundred with a tag."""
        rows = self.large.execute(
            # told which table to begin with: left to itself it looks at every version, ten times as long
            f"SELECT {LISTED} FROM vtags t CROSS JOIN versions v ON v.id = t.ver WHERE t.k = 'stage' AND t.v = 'prod'"
            " AND v.model = (SELECT id FROM models WHERE name = 'm') ORDER BY v.version DESC LIMIT 100"
        ).fetchall()
        ids = ",".join(str(row[0]) for row in rows)
        assert len(self.large.execute(f"SELECT * FROM vtags WHERE ver IN ({ids})").fetchall()) == 100 == len(rows)

    def versions_all(self, _i: int) -> None:
        """Every version with its tags."""
        rows = self.large.execute(
            f"SELECT {LISTED}, t.k, t.v FROM versions v LEFT JOIN vtags t ON t.ver = v.id WHERE v.model ="
            " (SELECT id FROM models WHERE name = 'm') ORDER BY v.version DESC"
        ).fetchall()
        assert len(rows) == self.sizes["versions"]

    def _whole(self, rows: list[tuple[object, ...]]) -> None:
        ids = ",".join(str(row[0]) for row in rows)
        kept: dict[object, list[dict[str, object]]] = {row[0]: [{}, {}] for row in rows}
        for position, table in enumerate(("params", "latest")):
            for run, key, value in self.large.execute(f"SELECT run, k, v FROM {table} WHERE run IN ({ids})"):
                kept[run][position][key] = value
        assert len(kept) == 100

    def runs_top(self, _i: int) -> None:
        """A hundred whole runs, best first."""
        self._whole(
            self.large.execute(
                "SELECT r.* FROM latest l JOIN runs r ON r.id = l.run WHERE l.k = 'm0' AND r.exp = 1"
                " ORDER BY l.v DESC LIMIT 100"
            ).fetchall()
        )

    def runs_filter(self, _i: int) -> None:
        """A hundred whole runs by two conditions, in the order of a third."""
        self._whole(
            self.large.execute(
                "SELECT r.* FROM latest o JOIN runs r ON r.id = o.run JOIN latest f ON f.run = r.id AND f.k = 'm0'"
                " JOIN params p ON p.run = r.id AND p.k = 'p0' WHERE o.k = 'm1' AND f.v > 0.9 AND p.v = 'v5'"
                " AND r.exp = 1 ORDER BY o.v DESC LIMIT 100"
            ).fetchall()
        )

    def runs_filter_first(self, i: int) -> None:
        """The same: it keeps nothing."""
        self.runs_filter(i)


if __name__ == "__main__":
    from turns import take

    take(Sqlite(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
