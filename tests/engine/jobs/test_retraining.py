"""Trainings that nobody asked for: what brings them about, what holds them back, and who is told why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.access import Caller, Role
from engine.jobs.reactions import react
from engine.jobs.schedule import Scheduler
from engine.monitoring.verdicts import Finding
from engine.service.call import ServiceContext, call
from engine.settings.retrain import RetrainSettings
from engine.settings.work import ScheduleSettings
from store import (
    alerts,
    deployments,
    events,
    jobs,
    maintenance,
    models,
    releases,
    runs,
    schedules,
    snapshots,
    versions,
    watching,
)
from store.retraining import SAME_DATA
from store.rows import OutcomeBatch, Snapshot, Window, rfc3339

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


# triggers


def test_drift_alert_asks_for_one_training_that_carries_its_evidence(loop):
    loop.settings(on=("drift",))
    loop.version()
    loop.later()
    assert loop.trainings() == []
    [alert] = loop.alarm(window="w1", windows=["w0", "w1"], features=[{"name": "nights", "effect": 0.31, "psi": 0.4}])
    loop.later()
    [job] = loop.trainings()
    moved = {"name": "nights", "effect": 0.31, "threshold": None, "p_adjusted": None}
    evidence = {"alert": alert, "version": 1, "window": "w1", "windows": ["w0", "w1"], "features": [moved]}
    assert job.args["why"] == {"trigger": "drift", "evidence": evidence}
    assert (job.actor, job.args["reason"]) == (f"trigger:{RETRAIN}", f"drift: alert {alert[:12]}: drift in nights")
    asked = next(one for one in events.events(loop.deck.database) if one.action == "job.requested")
    assert asked.body["args"]["why"]["evidence"]["windows"] == ["w0", "w1"]


def test_hundred_flapping_alarms_are_one_training_and_few_words(loop):
    loop.settings(on=("drift", "performance"), cooldown_s=6 * HOUR)
    loop.version()
    for count in range(100):
        loop.alarm("drift" if count % 2 else "performance", window=f"w{count}")
        loop.later(30)
        loop.calm()
        if count == 10:
            loop.train()
        loop.later(30)
    assert len(loop.trainings()) == 1
    assert len(loop.told()) <= 6


def test_alert_about_another_version_than_the_champion_asks_for_nothing(loop):
    loop.settings(on=("drift",))
    loop.version()
    loop.version(rows=120, champion=False)
    loop.alarm(version=2)
    loop.later()
    assert loop.trainings() == []


def test_alarm_that_the_newest_version_answers_asks_no_more(loop):
    loop.settings(on=("drift",), cooldown_s=60.0)
    loop.version()
    loop.alarm()
    loop.later()
    loop.train()
    loop.later(600)
    assert len(loop.trainings()) == 1
    loop.alarm()  # the champion still drifts: seen since
    loop.later()
    assert len(loop.trainings()) == 2


def test_rows_are_counted_from_the_newest_versions_snapshot(loop):
    loop.settings(on=("rows",), rows=50)
    loop.version(rows=100)
    loop.snapshot(149)
    loop.later()
    assert loop.trainings() == []
    newest = loop.snapshot(151)
    loop.later()
    [job] = loop.trainings()
    assert job.args["why"]["evidence"] == {
        "rows": 51, "of": 50, "snapshot": newest, "trained_on": f"sha256:{100:064x}",
    }  # fmt: skip


def test_outcomes_are_counted_since_the_newest_training(loop):
    loop.settings(on=("outcomes",), outcomes=100)

    def deliver(count, id):
        with loop.deck.database.write() as tx:
            watching.add_outcome_batch(tx, OutcomeBatch(id, "rates", "file", count, count, 0, 0, "user:ben", tx.at))

    deliver(500, "before")
    loop.clock.advance(1)
    loop.version()
    loop.clock.advance(1)
    deliver(60, "one")
    loop.later()
    assert loop.trainings() == []
    deliver(40, "two")
    loop.later()
    [job] = loop.trainings()
    assert job.args["why"]["evidence"] == {"outcomes": 100, "of": 100, "batches": ["two", "one"]}


def test_new_champion_upstream_asks_for_a_training(loop):
    loop.settings(on=("upstream",), upstream="fares")
    loop.version("fares")
    loop.clock.advance(1)
    loop.version()
    loop.later()
    assert loop.trainings() == []
    moved = rfc3339(loop.clock.now())
    loop.version("fares")
    loop.later()
    [job] = loop.trainings()
    assert job.args["why"]["evidence"] == {"model": "fares", "version": 2, "moved_at": moved}


@pytest.mark.parametrize(("low", "high", "asks"), [(0.70, 0.74, True), (0.78, 0.84, False)])
def test_estimate_beyond_the_holdouts_interval_asks_for_a_training(loop, low, high, asks):
    loop.settings(on=("estimated",))
    loop.version(metric="accuracy", holdout={"accuracy": {"value": 0.85, "low": 0.82, "high": 0.88}})
    loop.clock.advance(1)
    now = {"value": (low + high) / 2, "low": low, "high": high, "n": 900, "note": ""}
    with loop.deck.database.write() as tx:
        at = tx.at
        window = Window("", "rates", "rates", 1, at - 10, at, 0, "ok", 900, 0, None, None, None,
                        {"estimated_accuracy": now}, (), at)  # fmt: skip
        window = watching.put_window(tx, window)
    loop.later()
    assert len(loop.trainings()) == int(asks)
    if asks:
        evidence = loop.trainings()[0].args["why"]["evidence"]
        assert (evidence["window"], evidence["metric"], evidence["high"]) == (window.id, "accuracy", 0.74)


def test_several_triggers_at_once_are_one_training_named_after_the_gravest(loop):
    loop.settings(on=("rows", "drift", "performance"), rows=5)
    loop.version(rows=100)
    loop.snapshot(200)
    loop.alarm("drift")
    loop.alarm("performance", metric="mae", value=40.0, low=38.0, high=42.0)
    loop.later()
    [job] = loop.trainings()
    assert job.args["why"]["trigger"] == "performance"
    assert job.args["why"]["evidence"]["value"] == 40.0
    assert list(job.args["why"]["also"]) == ["drift", "rows"]


def test_set_time_goes_on_beside_what_monitoring_finds(loop):
    loop.settings("every 1h", on=("drift",))
    loop.version()
    loop.later(HOUR)
    [job] = loop.trainings()
    assert (job.actor, job.args) == (f"schedule:{RETRAIN}", {"due_at": "2026-03-01T13:00:00Z"})
    loop.alarm()
    loop.later()
    assert len(loop.trainings()) == 1  # one waits: the alarm is held, not doubled
    assert loop.told()[0]["held_by"] == ["training", "cooldown"]


# dampers


def test_cooldown_holds_and_what_was_due_goes_when_it_ends(loop):
    loop.settings(on=("drift",), cooldown_s=HOUR)
    loop.version()
    loop.alarm()
    loop.later()
    loop.train()
    loop.clock.advance(60)
    loop.alarm()
    loop.later()
    until = loop.trainings()[0].requested_at + 3_600_000_000
    assert loop.told()[-1] == {"due": ["drift"], "held_by": ["cooldown"], "until": [until]}
    shown = loop.why_not()
    assert not shown.trains
    assert shown.told == f"rates is due (drift) and held by cooldown until {rfc3339(until)[:16]}Z"
    loop.later(HOUR - 120)
    assert len(loop.trainings()) == 1
    loop.later(120)
    assert len(loop.trainings()) == 2


def test_budget_counts_automatic_trainings_alone(loop):
    loop.settings(on=("drift",), cooldown_s=0.0, budget=2, budget_s=86_400)
    loop.version()
    for _ in range(3):
        with loop.deck.database.write() as tx:
            job = jobs.enqueue(tx, kind="train", model="rates", actor="user:anna")
            jobs.finish(tx, job.id, jobs.claim(tx, job.id).attempt, "failed")
        loop.clock.advance(60)
    for _ in range(4):
        loop.clock.advance(60)
        loop.alarm()
        loop.later()
        if [job for job in loop.trainings() if job.state == "queued"]:
            loop.train()
    asked = [job for job in loop.trainings() if job.actor == f"trigger:{RETRAIN}"]
    assert len(asked) == 2
    [budget] = [one for one in loop.why_not().dampers if one.name == "budget"]
    assert (budget.holds, budget.told, budget.until_at) == (
        True,
        "2 of 2 a day",
        asked[0].requested_at + 86_400_000_000,
    )


def test_pause_and_an_open_release_hold(loop):
    loop.settings(on=("drift",))
    version = loop.version()
    loop.alarm()
    with loop.deck.database.write() as tx:
        schedules.pause(tx, RETRAIN, actor="user:ben", reason="the source moves")
    loop.later()
    assert loop.trainings() == []
    assert loop.told()[-1]["held_by"] == ["paused"]
    with loop.deck.database.write() as tx:
        schedules.resume(tx, RETRAIN, actor="user:ben")
        deployments.ensure_endpoint(tx, "rates")
        releases.open_release(
            tx,
            endpoint="rates",
            kind="promote",
            from_version=None,
            to_version=version.number,
            settings_revision=1,
            actor="user:ben",
        )
    loop.later()
    assert loop.trainings() == []
    assert loop.told()[-1]["held_by"] == ["release"]


def test_maintenance_holds_until_its_end(loop):
    loop.settings(on=("rows",), rows=5)
    loop.version(rows=100)
    loop.snapshot(200)
    until = loop.clock.now() + 3_600_000_000
    with loop.deck.database.write() as tx:
        maintenance.begin(tx, "rates", until, actor="user:ben", reason="a new source")
    loop.later()
    assert loop.trainings() == []
    assert loop.told()[-1] == {"due": ["rows"], "held_by": ["maintenance"], "until": [until]}
    [shown] = [one for one in loop.why_not().dampers if one.holds]
    assert (shown.told, shown.until_at) == ("of rates: a new source", until)
    loop.later(HOUR)
    assert len(loop.trainings()) == 1


def test_what_holds_is_told_once_also_after_a_restart(loop):
    loop.settings(on=("drift",))
    loop.version()
    loop.alarm()
    with loop.deck.database.write() as tx:
        schedules.pause(tx, RETRAIN, actor="user:ben")
    for _ in range(3):
        loop.later()
        loop.alarm()
        loop.scheduler = Scheduler(loop.deck)
    assert len(loop.told()) == 1


# why not


def test_why_not_names_every_trigger_damper_and_what_is_missing(loop):
    loop.settings(on=("drift", "rows", "outcomes"), rows=5000, outcomes=1000)
    shown = loop.why_not()
    assert shown.told == "rates does not train by itself: missing is a first version: modeldeck train rates"
    loop.version()
    shown = loop.why_not()
    assert shown.told.startswith("rates does not train by itself: missing is a newer snapshot to count")
    loop.snapshot(300)
    shown = loop.why_not()
    assert shown.told == "rates does not train: nothing asks for it"
    assert [(one.name, one.due, one.seen) for one in shown.triggers] == [
        ("drift", False, "no open alert about v1"),
        ("rows", False, "200 more: 300 in the newest snapshot, 100 in v1's"),
        ("outcomes", False, "of 0 predictions"),
    ]
    assert [one.name for one in shown.dampers] == [
        "paused", "maintenance", "training", "release", "cooldown", "budget",
    ]  # fmt: skip
    assert loop.why_not("process").missing == ("a daemon, which does the looking: modeldeck daemon start",)


def test_why_not_of_a_model_without_retrain_says_so(loop, apply_settings_body):
    apply_settings_body("rates")
    assert "without it rates is trained by hand alone" in loop.why_not().told


def test_why_not_tells_of_the_last_training(loop):
    loop.settings(on=("drift",))
    loop.version()
    loop.alarm()
    loop.later()
    loop.train()
    shown = loop.why_not()
    assert shown.last_job_id == loop.trainings()[0].id
    assert shown.last_told.endswith("drift in nights; succeeded")


# the same data


def test_training_that_nobody_asked_for_makes_no_version_of_the_same_rows(stage):
    """Real job processes over a real source."""
    path = stage.deck.workspace.root / "models/plain.toml"
    path.write_text(path.read_text() + '[retrain]\non = ["outcomes"]\noutcomes = 5\n')
    from engine.settings.apply import apply_settings

    revision = apply_settings(stage.deck, "user:anna", "a test")[0].revision
    first = stage.run("train")
    assert first.result["version"] == 1
    run = runs.runs(stage.deck.database, model="plain")[0]
    assert (run.tags["trigger"], json.loads(run.tags["evidence"])) == ("manual", {"by": "user:anna"})
    why = {"trigger": "outcomes", "evidence": {"outcomes": 7, "of": 5, "batches": []}}

    with stage.deck.database.write() as tx:
        actor = "trigger:retrain:plain"
        job = jobs.enqueue(tx, kind="train", model="plain", args={"why": why}, actor=actor, settings_revision=revision)
    ended = stage.end(job)
    assert (ended.state, ended.exit_code) == ("succeeded", 7)
    assert "are those of v1: nothing new to learn" in ended.reason
    run = runs.runs(stage.deck.database, model="plain")[0]
    assert (run.state, run.tags[SAME_DATA], run.tags["trigger"]) == ("cancelled", "1", "outcomes")
    assert json.loads(run.tags["evidence"]) == why["evidence"]
    assert [one.number for one in versions.versions(stage.deck.database, "plain")] == [1]
    skipped = next(one for one in events.events(stage.deck.database) if one.action == "schedule.skipped")
    assert (skipped.body["cause"], skipped.body["job"]) == ("same data", job.id)
    by_hand = stage.run("train")
    assert by_hand.result["version"] == 2


# bad input


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('on = ["rows"]', "on names 'rows': say which with rows = 5000"),
        ("rows = 5", 'give on = ["drift", …], or exactly one of cron, every, at, after, or both'),
        ('cron = "0 3 * * *"\nrows = 5', 'rows does nothing unless on names it: on = ["rows"]'),
        ('on = ["drift", "drift"]', "name each once"),
        ('on = ["sunrise"]', "retrain.on"),
        ('on = ["drift"]\nbudget = "lots"', 'write how many in which time, such as "4 a day"'),
        ('on = ["drift"]\nbudget = "0 a day"', "write how many in which time"),
        ('on = ["drift"]\ncooldown = "soon"', "write a duration"),
        ('cron = "0 3 * * *"\ncooldown = "6h"', "hold back what on names"),
        ('on = ["upstream"]\nupstream = "rates"', "names the model itself"),
        ('on = ["upstream"]\nupstream = "rate"', "no model named 'rate', did you mean 'rates'?"),
        ('on = ["upstream"]\nupstream = "fares"', "fares upon rates upon fares: it would never end"),
    ],
)
def test_retrain_that_cannot_be_is_refused_in_one_line(deck, text, said):
    from engine.settings.files import load
    from store.errors import BrokenSettings

    (deck.workspace.root / "models").mkdir()
    for name, more in (("rates", text), ("fares", 'on = ["upstream"]\nupstream = "rates"')):
        (deck.workspace.root / f"models/{name}.toml").write_text(FILE.format(name=name, more=more))
    with pytest.raises(BrokenSettings) as caught:
        load(deck.workspace)
    assert said in caught.value.line()
    assert "\n" not in caught.value.line()


def test_what_a_file_need_not_say_is_the_revision_that_it_was(deck):
    from engine.settings.files import load

    (deck.workspace.root / "models").mkdir()
    path = deck.workspace.root / "models/rates.toml"
    path.write_text(FILE.format(name="rates", more='cron = "0 3 * * *"'))
    assert "retrain" not in load(deck.workspace).to_body()["models"]["rates"]
    path.write_text(path.read_text().replace('cron = "0 3 * * *"', 'on = ["drift"]\nbudget = "1 an hour"'))
    settings = load(deck.workspace)
    assert type(settings).from_body(json.loads(json.dumps(settings.to_body()))) == settings
    assert settings.models["rates"].retrain == replace(RetrainSettings(), on=("drift",), budget=1, budget_s=3600)
    assert settings.models["rates"].schedules["retrain"].trigger == "on drift"


@pytest.mark.parametrize(("task", "is_refused"), [("ranking", True), ("regression", False), ("classification", False)])
def test_estimates_are_asked_for_only_of_tasks_that_have_them(deck, task, is_refused):
    from engine.settings.files import load
    from store.errors import BrokenSettings

    (deck.workspace.root / "models").mkdir()
    text = FILE.format(name="rates", more='on = ["estimated"]').replace("regression", task)
    (deck.workspace.root / "models/rates.toml").write_text(text)
    if not is_refused:
        assert load(deck.workspace).models["rates"].retrain.on == ("estimated",)
        return
    with pytest.raises(BrokenSettings, match="performance of the task ranking is not estimated"):
        load(deck.workspace)
