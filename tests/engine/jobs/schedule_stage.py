"""A deck whose schedules fall due by a clock that the test sets."""

from __future__ import annotations

from dataclasses import asdict

from engine.access import Caller, Role
from engine.jobs.schedule import Scheduler
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.model import MonitorSettings
from engine.settings.work import ScheduleSettings
from store import alerts, deployments, events, faults, jobs, schedules, settings

MINUTE = 60.0


HOUR = 3600.0


RETRAIN = "retrain:rates"


class Stage:
    """A deck with one scheduled model; its scheduler is driven by the test."""

    def __init__(self, deck, clock, make_body):
        self.deck, self.clock, self._make_body = deck, clock, make_body
        self.scheduler = Scheduler(deck)

    def apply(self, zone="UTC", **stated):
        """Apply settings with a [retrain] of these words."""
        wanted = {"retrain": asdict(ScheduleSettings(kind="train", **stated))} if stated else {}
        body = self._make_body(rates={"monitor": MonitorSettings(every_s=300.0)})
        body["models"]["rates"]["schedules"] = wanted
        body["time_zone"] = zone
        with self.deck.database.write() as tx:
            settings.apply(tx, body, "user:anna", "a test")
        self.scheduler.refresh()

    def later(self, seconds, by=1):
        """Let time go by in steps, firing what is due after each."""
        for _ in range(by):
            self.clock.advance(seconds / by)
            self.look()

    def look(self):
        self.scheduler.refresh()
        self.scheduler.fire({row.id for row in schedules.schedules(self.deck.database)})

    def restart(self):
        """Let another daemon take over."""
        self.scheduler = Scheduler(self.deck)
        self.look()

    def row(self, id=RETRAIN):
        return schedules.schedule(self.deck.database, id)

    def asked(self, id=RETRAIN):
        found = jobs.jobs(self.deck.database, limit=1000)
        return [job for job in reversed(found) if job.actor == f"schedule:{id}"]

    def due(self, id=RETRAIN):
        return [job.args["due_at"][11:16] for job in self.asked(id)]

    def told(self, action="schedule.skipped", id=RETRAIN):
        found = events.events(self.deck.database, subject=("schedule", id), limit=1000)
        return [event.body for event in reversed(found) if event.action == action]

    def finish(self):
        """End every job that is live."""
        with self.deck.database.write() as tx:
            for job in jobs.queued(tx):
                jobs.finish(tx, job.id, jobs.claim(tx, job.id).attempt, "succeeded")

    def call(self, operation, **body):
        caller = Caller("user:ben", Role.OPERATOR)
        return call(ServiceContext(self.deck, caller), operation, body)

    def is_balanced(self, due, id=RETRAIN):
        """Tell whether each firing was a job or a skip, and each skip an event."""
        skips = sum(told["count"] for told in self.told(id=id))
        return skips == self.row(id).skipped and due == len(self.asked(id)) + skips


def outcomes(stage, model="rates"):
    with stage.deck.database.write() as tx:
        events.append(tx, actor="user:anna", action="outcomes.recorded", subject_kind="x", subject_id="1", model=model)


def serve(stage):
    with stage.deck.database.write() as tx:
        deployments.ensure_endpoint(tx, "rates")


def lose(stage, host="local"):
    with stage.deck.database.write() as tx:
        faults.found(tx, host, faults.CONNECTION, f"{host} does not answer: connection refused")


def raised(stage):
    with stage.deck.database.write() as tx:
        told = {"model": "rates", "kind": "drift", "key": "drift:rates@1", "severity": "warning", "title": "it drifts"}
        return alerts.raise_alert(tx, **told, evidence={}, actor="trigger:monitor:rates")[0].id
