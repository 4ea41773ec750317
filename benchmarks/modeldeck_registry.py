"""modeldeck's registry doing the registry rows: the store's own functions, events included, at full durability."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from store import models, runs, settings, snapshots, spool, versions
from store.clock import SystemClock
from store.database import Database, open_database
from store.json_text import dump
from store.opening import create_or_upgrade
from store.point_lines import Logged, columns
from store.rows import Snapshot
from store.rows.headlines import headline
from store.search.runs import find_runs
from store.search.terms import Compare
from store.search.versions import find_summaries
from store.summaries import summaries

BENCH = "user:bench"
PARAMS = [f"p{j}" for j in range(10)]
METRICS = [f"m{j}" for j in range(10)]
DIGEST = "sha256:" + "0" * 64
PINNED: dict[str, Any] = {
    "model": "m",
    "snapshot_id": DIGEST,
    "settings_revision": 1,
    "bundle_hash": DIGEST,
    "environment_hash": DIGEST,
    "artifact_hash": DIGEST,
    "artifact_bytes": 9,
    "golden_hash": DIGEST,
    "signature": {"inputs": [{"name": f"x{j}", "type": "double"} for j in range(6)], "outputs": []},
    "decision": {},
    "evaluation": {"metric": "mae", "holdout": {"mae": 12.5, "rmse": 20.25}},
    "estimator": "sklearn.linear_model.Ridge",
    "actor": BENCH,
    "tags": {"stage": "dev"},
}


def opened(path: Path) -> tuple[Database, str]:
    """Make a registry in which the model `m` is applied and has one version; returns the run behind it too."""
    clock = SystemClock()
    database = create_or_upgrade(path, clock)
    model = ModelSettings(name="m", task="regression", owner="bench", data=DataSettings(source="r.csv", target="y"))
    body = DeckSettings(name="bench", time_zone="UTC", hosts=(HostSettings("local"),), models={"m": model}).to_body()
    with database.write() as tx:
        settings.apply(tx, body, BENCH)
        snapshots.add_snapshot(tx, Snapshot(DIGEST, "m", 1, (), None, None, None, "r.csv", 9, tx.at), BENCH)
        run = runs.start_run(tx, model="m", actor=BENCH, settings_revision=1, snapshot_id=DIGEST)
    return database, run.id


class Modeldeck:
    """modeldeck's rows."""

    def __init__(self, folder: Path, large: Path, many_runs: int, many_versions: int) -> None:
        folder.mkdir(parents=True)
        large.mkdir(parents=True)
        self.folder, self.large_folder = folder, large
        self.sizes = {"runs": many_runs, "versions": many_versions}
        self.database, self.run = opened(folder / "small" / "registry.db")
        for number in range(20):
            self.register(number)
        self.alias_set(3)
        self.writers = {name: spool.PointWriter(folder / name, self.run) for name in ("kept", "logged", "single")}

    def build(self) -> None:
        """Make the large registry by bulk inserts."""
        from bulk import METRIC, PARAM, STAGE, filling

        path = self.large_folder / "registry.db"
        self.large, first = opened(path)
        many_runs, many_versions = self.sizes["runs"], self.sizes["versions"]
        tables = ("run", "run_param", "run_metric", "run_metric_latest", "version", "version_detail", "version_tag")
        with filling(str(path), tables, max(many_runs, many_versions)) as db:
            some, number = f"n CROSS JOIN k WHERE i < {many_runs}", "i + 2"  # behind the run there is
            db.execute(
                "INSERT INTO run (number, id, experiment, model, kind, name, state, reason, actor, started_at,"
                f" ended_at) SELECT {number}, printf('%032x', i), 'm', 'm', 'train', 'run-' || i, 'finished', '', ?,"
                f" i, i FROM n WHERE i < {many_runs}",
                (BENCH,),
            )
            db.execute(f"INSERT INTO run_param (run_number, key, value) SELECT {number}, 'p' || j, {PARAM} FROM {some}")
            for table in ("run_metric", "run_metric_latest"):
                db.execute(
                    f"INSERT INTO {table} (run_number, key, step, at, value) SELECT {number}, 'm' || j, 0, i, {METRIC}"
                    f" FROM {some}"
                )
            db.execute(
                "INSERT INTO version_detail (id, model, snapshot_id, settings_revision, bundle_hash, environment_hash,"
                " artifact_bytes, golden_hash, signature, decision, evaluation)"
                " SELECT i + 2, 'm', ?, 1, ?, ?, 9, ?, ?, ?, ?"
                f" FROM n WHERE i < {many_versions}",
                (*(DIGEST,) * 4, *(dump(PINNED[name]) for name in ("signature", "decision", "evaluation"))),
            )
            db.execute(
                "INSERT INTO version (model, number, run_id, artifact_hash, estimator, headline, actor, created_at,"
                " detail, tags, description)"
                f" SELECT 'm', i + 1, ?, ?, 'e', ?, ?, i, i + 2, '{{\"stage\":\"' || {STAGE} || '\"}}', ''"
                f" FROM n WHERE i < {many_versions}",
                (first, DIGEST, headline(PINNED["evaluation"]).text(), BENCH),
            )
            db.execute(
                "INSERT INTO version_tag (model, number, key, value) SELECT 'm', i + 1, 'stage',"
                f" {STAGE} FROM n WHERE i < {many_versions}"
            )

    def run_batched(self, i: int) -> None:
        """Three commits: start, everything, end; the first and the last with their events."""
        with self.database.write() as tx:
            run = runs.start_run(tx, model="m", actor=BENCH, settings_revision=1)
        with self.database.write() as tx:
            points = columns([(key, 0, tx.at, i * 0.5) for key in METRICS])
            runs.log(tx, run.id, Logged(points, dict.fromkeys(PARAMS, str(i))))
        with self.database.write() as tx:
            runs.finish_run(tx, run.id, "finished")

    def run_calls(self, i: int) -> None:
        """Start, twenty lines on the run's spool, and its end, which takes them in: two commits."""
        with self.database.write() as tx:
            run = runs.start_run(tx, model="m", actor=BENCH, settings_revision=1)
        writer = spool.PointWriter(self.folder / "kept", run.id)
        for key in PARAMS:
            writer.write_params({key: i})
        for key in METRICS:
            writer.write([(key, 0, self.database.clock.now(), i * 0.5)])
        with spool.ending(self.database, writer) as tx:
            runs.finish_run(tx, run.id, "finished")

    def point_call(self, i: int) -> None:
        """One point on the run's side: on its spool."""
        self.writers["single"].write([("single", i, self.database.clock.now(), 1 / (i + 1))])

    def points_logged(self, i: int) -> None:
        """A thousand points on the run's side."""
        self._thousand("logged", i)

    def points(self, i: int) -> None:
        """A thousand points, from the run until they are in the registry."""
        self._thousand("kept", i)
        assert spool.ingest(self.database, self.folder / "kept") == 1000

    def _thousand(self, spooled: str, i: int) -> None:
        at, first = self.database.clock.now(), i * 1000
        self.writers[spooled].write([("loss", first + j, at, 1 / (j + 1)) for j in range(1000)])

    def register(self, _i: int) -> None:
        """One version, its tag and its event."""
        with self.database.write() as tx:
            versions.register(tx, run_id=self.run, **PINNED)

    def alias_set(self, i: int) -> None:
        """Point the alias elsewhere, with the event that tells of it."""
        with self.database.write() as tx:
            models.set_alias(tx, "m", "candidate", i % 20 + 1, actor=BENCH)

    def alias_opened(self, i: int) -> None:
        """The same in a registry that is closed, and opened anew, every 200 times."""
        if i % 200 == 0:
            self.database.close()
        self.alias_set(i)

    def alias_get(self, _i: int) -> None:
        """Read the version an alias names."""
        assert versions.named(self.database, "m", "candidate")

    def versions_filter(self, _i: int) -> None:
        """The newest hundred with a tag."""
        found, _ = find_summaries(self.large, "m", [Compare("tags.stage", "=", "prod")], limit=100)
        assert len(found) == 100

    def versions_all(self, _i: int) -> None:
        """Every version with its tags and aliases, each made a row of its own."""
        assert sum(1 for _row in summaries(self.large, "m")) == self.sizes["versions"]

    def runs_top(self, _i: int) -> None:
        """A hundred whole runs, best first."""
        found, _ = find_runs(self.large, model="m", order="-metrics.m0", limit=100)
        assert len(found) == 100
        assert len(found[0].metrics) == len(found[0].params) == 10

    def runs_filter(self, _i: int) -> None:
        """A hundred whole runs by two conditions, in the order of a third."""
        wanted = [Compare("metrics.m0", ">", "0.9"), Compare("params.p0", "=", "v5")]
        found, _ = find_runs(self.large, wanted, model="m", order="-metrics.m1", limit=100)
        assert len(found) == 100

    def runs_filter_first(self, i: int) -> None:
        """The same by a process that has read nothing yet, as a command does: opened, found, closed."""
        again = self.large
        self.large = open_database(again.path, again.clock)
        self.runs_filter(i)
        self.large.close()
        self.large = again


if __name__ == "__main__":
    from turns import take

    take(Modeldeck(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
