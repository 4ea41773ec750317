"""modeldeck's scheduler with every schedule due at once: FOLDER COUNT -> {"us_per_job"}."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from engine.deck import make_deck
from engine.jobs.schedule import Scheduler
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from engine.workspace import Workspace
from store import settings


def main() -> None:
    """Make the deck, let everything fall due, and tick once."""
    logging.disable(logging.CRITICAL)
    root, count = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    workspace = Workspace(root)
    workspace.state.mkdir(mode=0o700)
    deck = make_deck(workspace)
    model = ModelSettings(name="m", task="regression", owner="bench", data=DataSettings(source="r.csv", target="y"))
    body = DeckSettings(name="bench", time_zone="UTC", hosts=(HostSettings("local"),), models={"m": model}).to_body()
    with deck.database.write() as tx:
        settings.apply(tx, body, "user:bench")
        tx.execute_many(
            "INSERT INTO schedule (id, model, kind, trigger, catch_up, grace_s, settings_revision, next_at)"
            " VALUES (:id, 'm', 'train', :trigger, 'once', 3600, 1, :at)",
            [
                {"id": f"s{number}", "trigger": f"cron {number % 60} {number % 24} * * *", "at": tx.at - 1_000_000}
                for number in range(count)
            ],
        )
    scheduler = Scheduler(deck)
    scheduler.refresh()
    clockwork = scheduler._clockwork._scheduler
    clockwork.start(paused=True)
    clockwork.state = 1  # running, but only this thread looks
    started = time.perf_counter()
    clockwork._process_jobs()
    took = time.perf_counter() - started
    found = deck.database.row("SELECT count(*) AS n FROM job")
    assert found is not None
    assert found["n"] == count, found["n"]
    print(json.dumps({"us_per_job": took / count * 1e6}))


if __name__ == "__main__":
    main()
