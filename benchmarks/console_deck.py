"""The large deck that the benchmark of the console looks at: 10,000 models, and runs by the store's own schema.

It is made once and kept in the temporary folder, by the schema's number and the size.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import ROOT, environment

MODELS = 10_000
RUNNING = 40  # jobs that a fleet at work changes
STARTED_US = 1_700_000_000_000_000


def large_deck(runs: int) -> Path:
    """Return the workspace of a deck with so many runs, made where there is none yet."""
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "peers")]
    from store.database import SCHEMA

    kept = Path(tempfile.gettempdir()) / f"modeldeck-bench-console-{os.getuid()}"
    folder = kept / f"schema{SCHEMA}-runs{runs}"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        _make(folder, runs)
        (folder / "made").write_text("")
    return folder


def _make(folder: Path, runs: int) -> None:
    from bulk import filling

    from engine.deck import make_deck
    from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
    from engine.workspace import Workspace
    from store import jobs, settings

    (folder / "deck.toml").write_text('name = "large"\n')
    (folder / "models").mkdir()
    deck = make_deck(Workspace(folder))
    names = [f"model-{number:05d}" for number in range(MODELS)]
    models = {
        name: ModelSettings(name=name, task="regression", owner="bench", data=DataSettings(source="r.csv", target="y"))
        for name in names
    }
    body = DeckSettings(name="large", time_zone="UTC", hosts=(HostSettings("local"),), models=models).to_body()
    with deck.database.write() as tx:
        settings.apply(tx, body, "user:bench")
        tx.execute("UPDATE schedule SET paused_at = :at", {"at": tx.at})  # else the daemon would look at every model
    with deck.database.write() as tx:
        for name in names[:RUNNING]:
            made = jobs.enqueue(
                tx, kind="train", model=name, args={}, actor="user:bench", via=None, settings_revision=1
            )
            jobs.claim(tx, made.id)
            jobs.finish(tx, made.id, 1, "succeeded", exit_code=0, result={}, reason="")
    deck.database.close()
    path = str(folder / ".modeldeck" / "registry.db")
    named = f"printf('model-%05d', i % {MODELS})"
    with filling(path, ("run", "run_metric_latest"), runs) as db:
        db.execute(
            "INSERT INTO run (number, id, experiment, model, kind, name, state, reason, actor, started_at, ended_at)"
            f" SELECT i + 1, printf('%032x', i), {named}, {named}, 'train', 'auto', 'finished', '', 'user:bench',"
            f" {STARTED_US} + i * 1000000, {STARTED_US} + i * 1000000 + 9000000 FROM n WHERE i < ?",
            (runs,),
        )
        db.execute(
            "INSERT INTO run_metric_latest (run_number, key, step, at, value)"
            f" SELECT i + 1, 'mae', 0, {STARTED_US}, (i * 7919 % 100000) / 1000.0 FROM n WHERE i < ?",
            (runs,),
        )


class Daemon:
    """The deck's daemon, while the benchmark runs."""

    def __init__(self, folder: Path) -> None:
        self._command = [sys.executable, "-m", "console.main", "-w", str(folder), "daemon"]
        subprocess.run([*self._command, "start"], check=True, env=environment(), stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """Stop it."""
        subprocess.run([*self._command, "stop"], check=False, env=environment(), stdout=subprocess.DEVNULL)


def change(folder: Path, seconds: float, per_second: int) -> None:
    """Change rows of the jobs screen in the registry, so many times a second, as a fleet at work does."""
    from store.clock import SystemClock
    from store.database import open_database

    database = open_database(folder / ".modeldeck" / "registry.db", SystemClock())
    rows = database.rows("SELECT id FROM job ORDER BY id DESC LIMIT :most", {"most": RUNNING})
    ids = [row["id"] for row in rows]
    began, number = time.monotonic(), 0
    while (late := time.monotonic() - began) < seconds:
        if number >= late * per_second:
            time.sleep(0.002)
            continue
        with database.write() as tx:
            told = {"id": ids[number % len(ids)], "text": f"made v{number}"}
            tx.execute("UPDATE job SET reason = :text WHERE id = :id", told)
        number += 1
    database.close()
    print(number)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    change(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
