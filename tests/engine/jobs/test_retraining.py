"""Trainings that nobody asked for: what brings them about, what holds them back, and who is told why."""

from __future__ import annotations

import pytest
from retraining_loop import HOUR, RETRAIN

from store import (
    events,
    watching,
)
from store.rows import OutcomeBatch, Window, rfc3339


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
