"""Whatever people, faults and kills do in whatever order: the router only ever points at servers that stay."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from engine.plans import Check
from engine.release import abort, pause, recover, resume, submit_promote, submit_rollback
from store import deployments, events, jobs, models, releases
from store.errors import Refused, WorkFailed


class Killed(BaseException):
    """Stands for kill -9."""


class Drama:
    """Random operations on one endpoint, with what must hold after and during each."""

    def __init__(self, stage, seed):
        self.stage = stage
        self.source = random.Random(seed)
        self.strike_after = None

    def during(self):
        """Hold at every moment: what is desired or applied is never stopped, and weights add up."""
        database = self.stage.deck.database
        live = {one.id: one for one in deployments.deployments(database, endpoint=self.stage.model)}
        for route in deployments.routes(database):
            assert sum(entry["weight"] for entry in route.entries) == 100
            in_use = [entry["deployment_id"] for entry in route.entries if entry["weight"]]
            in_use += [one["deployment_id"] for one in self.stage.applied if one["weight"]]
            assert all(live[one].desired != "stopped" for one in in_use)
        if self.strike_after is not None:
            self.strike_after -= 1
            if self.strike_after < 0:
                raise Killed

    def work(self):
        """Run what is queued, as a worker would; kills make the job run again, or be given up."""
        for job in jobs.queued(self.stage.deck.database):
            release = releases.release(self.stage.deck.database, job.args["release_id"])
            self.strike_after = self.source.choice([None, None, 3, 9, 15])
            try:
                self.stage.run_job(job, release)
            except WorkFailed:  # the router did not follow while nothing reconciled
                with self.stage.deck.database.write() as tx:
                    jobs.abandon(tx, job.id, "failed")
            except Killed:
                self.strike_after = None
                with self.stage.deck.database.write() as tx:
                    jobs.abandon(tx, job.id, "killed") if self.source.random() < 0.5 else jobs.requeue(tx, job.id, "")
                recover(self.stage.deck)
            self.strike_after = None

    def act(self):
        """Let somebody do something, sensible or not."""
        stage, source = self.stage, self.source
        numbers = [one.number for one in stage.versions()]
        stage.reconciles = source.random() < 0.8
        stage.rate = source.choice([0.0, 50.0, 400.0])
        stage.error_rates = {source.choice(numbers): source.choice([0.0, 0.6])}
        stage.gate_checks = [Check("mae", source.choice(["passed"] * 5 + ["failed", "no data"]), "10", "30")]
        who = {"actor": "user:anna"}
        deed = source.choice(
            [
                lambda: submit_promote(stage.deck, stage.model, source.choice(numbers), reason="why not", **who),
                lambda: submit_promote(stage.deck, stage.model, source.choice(numbers), reason="why not", **who),
                lambda: submit_rollback(stage.deck, stage.model, **who),
                lambda: abort(stage.deck, stage.model, **who),
                lambda: pause(stage.deck, stage.model, **who),
                lambda: resume(stage.deck, stage.model, reason="go on", **who),
            ]
        )
        with suppress(Refused):  # refused, never broken
            deed()

    def settle(self):
        """Let everything end, with the reconciler back."""
        self.stage.reconciles = True
        for _ in range(20):
            if not jobs.queued(self.stage.deck.database):
                break
            self.work()
        self.stage.reconcile()
        recover(self.stage.deck)
        self.work()
        self.stage.reconcile()

    def after(self):
        """Hold when nothing is open: the champion has everything, and at most one version is kept warm."""
        database = self.stage.deck.database
        if releases.active(database, self.stage.model) is not None:
            return
        champion = models.model(database, self.stage.model).champion
        assert self.stage.route() == [(champion, 100, "champion")]
        standing = [
            (one.version, one.desired, one.role)
            for one in deployments.deployments(database, endpoint=self.stage.model)
            if one.desired != "stopped"
        ]
        assert (champion, "serving", "champion") in standing
        assert len(standing) <= 2
        assert all(desired == "warm" for version, desired, _ in standing if version != champion)


@pytest.mark.parametrize("seed", range(6))
def test_traffic_stays_on_a_good_version_whatever_happens(serving, add_version, seed):
    add_version()
    drama = Drama(serving, seed)
    serving.on_sleep = drama.during
    for _ in range(25):
        drama.act()
        drama.work()
        drama.during()
    drama.settle()
    drama.after()
    assert events.verify(serving.deck.database).ok
