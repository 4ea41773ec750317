"""Reading the registry loads the standard library and nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from store import runs
from store.database import Database
from store.rows import Version

READ = """
import sys
from pathlib import Path
from store import deployments, events, jobs, models, releases, runs, schedules, settings, snapshots, spool, versions
from store import alerts, maintenance, watching
from store.artifacts import Artifacts
from store.clock import SystemClock
from store.database import open_database

database = open_database(Path(sys.argv[1]), SystemClock())
assert [model.name for model in models.models(database)] == ["rates"]
assert [version.number for version in versions.versions(database, "rates")] == [1]
assert runs.runs(database)[0].metrics == {"mae": 2.0}
assert events.events(database) and events.verify(database).ok
assert settings.current(database).revision == 1
assert watching.monitors(database) and schedules.schedules(database) and not alerts.alerts(database)
assert not jobs.jobs(database) and not releases.releases(database) and not deployments.endpoints(database)
database.changes()
heavy = {"sqlalchemy", "sqlmodel", "alembic", "pydantic", "numpy", "pandas", "pyarrow", "httpx", "textual", "rich"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_reading_a_registry_loads_no_object_mapper(database: Database, register: Callable[..., Version]) -> None:
    with database.write() as tx:
        run = runs.run(tx, register(tx).run_id)
        runs.log_points(tx, run.id, [("mae", 1, tx.at, 3.0), ("mae", 2, tx.at, 2.0)])
    read = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ, str(database.path)], capture_output=True, text=True, timeout=60
    )
    assert (read.returncode, read.stdout.strip(), read.stderr) == (0, "[]", "")
