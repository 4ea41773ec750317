"""What holds a training back, and how that is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from retraining_loop import FILE, HOUR, RETRAIN

from engine.jobs.schedule import Scheduler
from engine.settings.retrain import RetrainSettings
from store import (
    deployments,
    events,
    jobs,
    maintenance,
    releases,
    runs,
    schedules,
    versions,
)
from store.retraining import SAME_DATA
from store.rows import rfc3339


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
