"""MLflow's client on its SQLite store, doing the registry rows; runs in MLflow's own environment."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

PARAMS = [f"p{j}" for j in range(10)]
METRICS = [f"m{j}" for j in range(10)]


def now() -> int:
    """Return milliseconds."""
    return int(time.time() * 1000)


class Mlflow:
    """MLflow's rows. Its SQLite is in rollback-journal mode with full durability, as MLflow leaves it."""

    def __init__(self, folder: Path, large: Path, runs: int, versions: int) -> None:
        logging.disable(logging.WARNING)
        from mlflow.entities import Metric, Param

        self.Metric, self.Param = Metric, Param
        folder.mkdir(parents=True)
        large.mkdir(parents=True)
        self.large_folder = large
        self.sizes = {"runs": runs, "versions": versions}
        self.client, self.experiment = self._open(folder)
        self.points_of = self.client.create_run(self.experiment).info.run_id
        for number in range(20):
            self.register(number)
        self.alias_set(3)

    def _open(self, folder: Path) -> tuple[Any, str]:
        from mlflow import MlflowClient

        uri = f"sqlite:///{folder}/mlflow.db"
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment = client.create_experiment("bench", artifact_location=f"{folder}/files")
        client.create_registered_model("m")
        return client, experiment

    def build(self) -> None:
        """Make the large store by bulk inserts: its client would take the better part of an hour."""
        from bulk import METRIC, PARAM, STAGE, filling

        self.large, self.large_experiment = self._open(self.large_folder)
        runs, versions = self.sizes["runs"], self.sizes["versions"]
        tables = ("runs", "tags", "params", "metrics", "latest_metrics", "model_versions", "model_version_tags")
        with filling(f"{self.large_folder}/mlflow.db", tables, max(runs, versions)) as db:
            some, few = f"k CROSS JOIN n WHERE i < {runs}", f"n WHERE i < {runs}"
            db.execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status,"
                " start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
                " SELECT printf('%032x', i), 'run-' || i, 'UNKNOWN', '', '', 'u', 'FINISHED', i, i, '', 'active',"
                f" '/files/a', {int(self.large_experiment)} FROM {few}"
            )
            db.execute(
                "INSERT INTO tags (key, value, run_uuid) SELECT 'mlflow.runName', 'run-' || i, printf('%032x', i)"
                f" FROM {few}"
            )
            db.execute(
                f"INSERT INTO params (key, value, run_uuid) SELECT 'p' || j, {PARAM}, printf('%032x', i) FROM {some}"
            )
            for table in ("metrics", "latest_metrics"):
                db.execute(
                    f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan)"
                    f" SELECT 'm' || j, {METRIC}, i, printf('%032x', i), 0, 0 FROM {some}"
                )
            db.execute(
                "INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source,"
                " run_id, status, storage_location, workspace) SELECT 'm', i + 1, i, i, 'None', '/files/m', 'r',"
                f" 'READY', '/files/m', 'default' FROM n WHERE i < {versions}"
            )
            db.execute(
                "INSERT INTO model_version_tags (key, value, name, version, workspace)"
                f" SELECT 'stage', {STAGE}, 'm', i + 1, 'default' FROM n WHERE i < {versions}"
            )

    def run_batched(self, i: int) -> None:
        """Start, one batch, end."""
        run = self.client.create_run(self.experiment).info.run_id
        at = now()
        self.client.log_batch(
            run,
            metrics=[self.Metric(key, i * 0.5, at, 0) for key in METRICS],
            params=[self.Param(key, str(i)) for key in PARAMS],
        )
        self.client.set_terminated(run)

    def run_calls(self, i: int) -> None:
        """One call for each param and metric."""
        run = self.client.create_run(self.experiment).info.run_id
        for key in PARAMS:
            self.client.log_param(run, key, i)
        for key in METRICS:
            self.client.log_metric(run, key, i * 0.5, step=0)
        self.client.set_terminated(run)

    def point_call(self, i: int) -> None:
        """One point."""
        self.client.log_metric(self.points_of, "single", 1 / (i + 1), step=i)

    def points(self, i: int) -> None:
        """A thousand points in one batch, the most it takes."""
        at, first = now(), i * 1000
        self.client.log_batch(
            self.points_of, metrics=[self.Metric("loss", 1 / (j + 1), at, first + j) for j in range(1000)]
        )

    def points_logged(self, i: int) -> None:
        """The same: its client waits for the store."""
        self.points(i + 1_000_000)

    def register(self, _i: int) -> None:
        """One version and its tag."""
        self.client.create_model_version("m", source="s3://bench/m", tags={"stage": "dev"})

    def alias_set(self, i: int) -> None:
        """Point the alias elsewhere."""
        self.client.set_registered_model_alias("m", "candidate", str(i % 20 + 1))

    def alias_opened(self, i: int) -> None:
        """The same: it keeps no log beside its store."""
        self.alias_set(i)

    def alias_get(self, _i: int) -> None:
        """Read the version an alias names."""
        assert self.client.get_model_version_by_alias("m", "candidate")

    def versions_filter(self, _i: int) -> None:
        """The newest hundred with a tag."""
        found = self.large.search_model_versions(
            "name='m' and tags.stage='prod'", max_results=100, order_by=["version_number DESC"]
        )
        assert len(found) == 100

    def versions_all(self, _i: int) -> None:
        """Every version with its tags."""
        token, count = None, 0
        while True:
            page = self.large.search_model_versions(
                "name='m'", max_results=10_000, order_by=["version_number DESC"], page_token=token
            )
            count += len(page)
            token = page.token
            if not token:
                break
        assert count == self.sizes["versions"]

    def runs_top(self, _i: int) -> None:
        """A hundred whole runs, best first."""
        found = self.large.search_runs([self.large_experiment], order_by=["metrics.m0 DESC"], max_results=100)
        assert len(found) == 100
        assert len(found[0].data.metrics) == len(found[0].data.params) == 10

    def runs_filter(self, _i: int) -> None:
        """A hundred whole runs by two conditions, in the order of a third."""
        found = self.large.search_runs(
            [self.large_experiment],
            "metrics.m0 > 0.9 and params.p0 = 'v5'",
            order_by=["metrics.m1 DESC"],
            max_results=100,
        )
        assert len(found) == 100

    def runs_filter_first(self, i: int) -> None:
        """The same: it keeps nothing."""
        self.runs_filter(i)


if __name__ == "__main__":
    from turns import take

    with contextlib.suppress(KeyboardInterrupt, sqlite3.ProgrammingError):
        take(Mlflow(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
