"""Alerts that time itself raises and brings back: silent monitors and hosts, snoozes and maintenance that end."""

from __future__ import annotations

import pytest
from schedule_stage import HOUR, MINUTE, Stage, lose, raised, serve

from store import alerts, events, faults, watching


@pytest.fixture(name="stage")
def stage_of_schedules(deck, clock, settings_body):
    """A deck at 2026-03-01T12:00Z, a Sunday."""
    return Stage(deck, clock, settings_body)


def test_monitor_that_does_not_look_raises_its_own_alert_once(stage):
    stage.apply()
    serve(stage)
    stage.later(14 * MINUTE, by=14)
    assert alerts.alerts(stage.deck.database) == []
    stage.later(3 * MINUTE, by=3)
    [alert] = alerts.alerts(stage.deck.database)
    assert (alert.kind, alert.key, alert.severity, alert.model) == (
        "silent",
        "silent:monitor:rates",
        "critical",
        "rates",
    )
    assert alert.title.startswith("the monitor has not looked for 1")
    assert alert.title.endswith("min: its last job is queued")
    stage.later(30 * MINUTE, by=10)
    assert alerts.alerts(stage.deck.database) == [alert]


def test_monitor_that_looks_or_is_paused_raises_no_alert(stage):
    stage.apply()
    serve(stage)
    for _ in range(8):
        stage.later(5 * MINUTE)
        with stage.deck.database.write() as tx:
            watching.touch_monitor(tx, "rates", None)
    stage.call("schedules.pause", id="monitor:rates")
    stage.later(5 * HOUR, by=60)
    assert alerts.alerts(stage.deck.database, open_only=False) == []


def test_clock_set_forward_raises_no_alert(stage):
    stage.apply()
    serve(stage)
    stage.later(60)
    stage.clock._now += round(10 * HOUR * 1_000_000)
    stage.later(60)
    assert alerts.alerts(stage.deck.database) == []


def test_alert_about_a_monitor_ends_once_it_is_paused(stage):
    stage.apply()
    serve(stage)
    stage.later(20 * MINUTE, by=20)
    [alert] = alerts.alerts(stage.deck.database)
    stage.call("schedules.pause", id="monitor:rates")
    stage.later(MINUTE)
    assert alerts.alert(stage.deck.database, alert.id).state == "resolved"


def test_host_that_does_not_answer_raises_one_alert_that_ends_with_its_answer(stage):
    stage.apply()
    lose(stage)
    stage.later(90, by=9)
    assert alerts.alerts(stage.deck.database) == []
    stage.clock._now += round(10 * HOUR * 1_000_000)  # no clock that is set makes it silent
    stage.later(20, by=2)
    assert alerts.alerts(stage.deck.database) == []
    stage.later(60, by=6)
    [alert] = alerts.alerts(stage.deck.database)
    assert (alert.model, alert.host, alert.kind, alert.key) == (None, "local", "silent", "silent:host:local")
    assert alert.title.startswith("host local has not answered for 2 min")
    stage.later(HOUR, by=30)
    assert alerts.alerts(stage.deck.database) == [alert]
    with stage.deck.database.write() as tx:
        faults.cleared(tx, faults.silent(tx, "local"), "it answers")
    stage.later(MINUTE)
    [over] = alerts.alerts(stage.deck.database, open_only=False)
    assert (over.id, over.state, over.resolved_by) == (alert.id, "resolved", "trigger:deadman")


def test_host_that_comes_and_goes_is_one_alert(stage):
    stage.apply()
    for _ in range(3):
        lose(stage)
        stage.later(150, by=15)
        with stage.deck.database.write() as tx:
            faults.cleared(tx, faults.silent(tx, "local"), "it answers")
        stage.later(10, by=2)
    [alert] = alerts.alerts(stage.deck.database, open_only=False)
    assert (alert.count, alert.reopened) == (3, 0)


def test_a_snoozed_alert_comes_back_by_itself_and_once(stage):
    stage.apply()
    id = raised(stage)
    stage.call("alerts.snooze", id=id, lasts="1h")
    stage.later(59 * MINUTE, by=5)
    assert alerts.alert(stage.deck.database, id).state == "snoozed"
    stage.later(10 * MINUTE, by=5)
    assert alerts.alert(stage.deck.database, id).state == "open"
    told = [event.action for event in events.events(stage.deck.database, subject=("alert", id))]
    assert told == ["alert.reopened", "alert.snoozed", "alert.opened"]


def test_what_was_due_while_no_daemon_ran_comes_back_at_its_start(stage):
    stage.apply()
    id = raised(stage)
    stage.call("alerts.ack", id=id, lasts="1h")
    stage.clock.advance(5 * HOUR)
    stage.restart()
    assert alerts.alert(stage.deck.database, id).state == "open"


def test_maintenance_that_is_over_opens_what_it_muted(stage):
    stage.apply()
    stage.call("alerts.maintenance", model="rates", lasts="2h", reason="new host")
    id = raised(stage)
    stage.later(1 * HOUR, by=5)
    assert alerts.alert(stage.deck.database, id).state == "muted"
    stage.call("alerts.maintenance", model="rates", end=True)
    stage.later(MINUTE)
    assert alerts.alert(stage.deck.database, id).state == "open"
