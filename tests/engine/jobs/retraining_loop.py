"""A deck whose model retrains by itself, with what monitoring would find put in by hand."""

from __future__ import annotations

import pytest

from engine.access import Caller, Role
from engine.jobs.reactions import react
from engine.jobs.schedule import Scheduler
from engine.monitoring.verdicts import Finding
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.retrain import RetrainSettings
from engine.settings.work import ScheduleSettings
from store import (
    alerts,
    events,
    jobs,
    models,
    runs,
    schedules,
    snapshots,
    versions,
)
from store.rows import Snapshot

HOUR = 3600.0


RETRAIN = "retrain:rates"


HASH = "sha256:" + "a" * 64


FILE = """[model]
name = "{name}"
task = "regression"
[data]
source = "rows.csv"
target = "y"
[retrain]
{more}
"""


class Loop:
    """A deck with the models `rates` and `fares` on a frozen clock; the test plays monitor and worker."""

    def __init__(self, deck, clock, apply):
        self.deck, self.clock, self._apply = deck, clock, apply
        self.scheduler = Scheduler(deck)

    def settings(self, trigger=None, **stated):
        """Apply a [retrain] of these words; without a set time it has none."""
        retrain = RetrainSettings(**stated)
        schedule = ScheduleSettings(kind="train", trigger=trigger or f"on {', '.join(retrain.on)}")
        self._apply("fares", rates={"retrain": retrain, "schedules": {"retrain": schedule}})
        self.scheduler.refresh()

    def snapshot(self, rows, model="rates"):
        id = f"sha256:{rows:064x}"
        with self.deck.database.write() as tx:
            taken = Snapshot(id, model, rows, (), None, None, None, "rows.csv", 1, tx.at)
            return snapshots.add_snapshot(tx, taken, "user:anna").id

    def version(self, model="rates", rows=100, champion=True, **evaluation):
        """Register a version as a training does."""
        snapshot = self.snapshot(rows, model)
        with self.deck.database.write() as tx:
            run = runs.start_run(tx, actor="user:anna", model=model, settings_revision=1)
            made = versions.register(
                tx, model=model, run_id=run.id, snapshot_id=snapshot, settings_revision=1, bundle_hash=HASH,
                environment_hash=HASH, artifact_hash=HASH, artifact_bytes=1, golden_hash=HASH, signature={},
                decision={}, evaluation=evaluation, estimator="Ridge", actor="user:anna",
            )  # fmt: skip
            runs.finish_run(tx, run.id, "finished")
            if champion:
                models.set_alias(tx, model, "champion", made.number, actor="user:anna")
        self.clock.advance(1)
        return made

    def alarm(self, kind="drift", version=1, **evidence):
        found = Finding(
            "rates", kind, f"{kind}:rates@{version}", "warning", "drift in nights", {"version": version, **evidence}
        )
        return react(self.deck, [found], "trigger:monitor:rates", None)

    def calm(self):
        with self.deck.database.write() as tx:
            for alert in alerts.alerts(tx):
                alerts.resolve(tx, alert.id, "trigger:monitor:rates")

    def later(self, seconds=6.0):
        self.clock.advance(seconds)
        self.scheduler.refresh()
        self.scheduler.fire({row.id for row in schedules.schedules(self.deck.database)})

    def trainings(self):
        return [job for job in reversed(jobs.jobs(self.deck.database, limit=1000)) if job.kind == "train"]

    def train(self):
        """Do the work of the queued training: the next version."""
        with self.deck.database.write() as tx:
            [job] = [job for job in jobs.queued(tx) if job.kind == "train"]
            claimed = jobs.claim(tx, job.id)
        made = self.version(rows=100 + self.clock.now() % 1_000_000, champion=False)
        with self.deck.database.write() as tx:
            jobs.finish(tx, job.id, claimed.attempt, "succeeded", result={"version": made.number})
        return made

    def told(self, action="schedule.held"):
        found = events.events(self.deck.database, subject=("schedule", RETRAIN), limit=1000)
        return [event.body for event in reversed(found) if event.action == action]

    def why_not(self, transport="socket"):
        context = ServiceContext(self.deck, Caller("user:ben", Role.VIEWER), transport)
        return call(context, "monitors.why_not", {"model": "rates"})


@pytest.fixture
def loop(deck, clock, apply_settings_body):
    """A deck at 2026-03-01T12:00Z."""
    return Loop(deck, clock, apply_settings_body)
