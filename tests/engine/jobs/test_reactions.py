"""What monitoring finds becomes one alert per thing, with an event for each new one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.jobs.reactions import react
from store import alerts, events, jobs
from store.errors import LeaseLost

ACTOR = "trigger:monitor:rates"


@pytest.fixture(name="find", autouse=True)
def finding_of_rates(apply_settings_body):
    """Return a maker of findings."""
    apply_settings_body("rates")

    def make(key="drift:price", severity="warning", **evidence):
        return SimpleNamespace(
            model="rates",
            kind="drift",
            key=key,
            severity=severity,
            title=f"{key} moved",
            evidence=evidence,
            rule="drift",
            cooldown_s=3600.0,
        )

    return make


def alert_events(deck):
    found = [event for event in events.events(deck.database) if event.action.startswith("alert.")]
    return [(event.action, event.actor, event.body["key"]) for event in reversed(found)]


def test_each_finding_becomes_an_alert_with_its_event(deck, find):
    new = react(deck, [find("drift:price"), find("drift:nights")], ACTOR, None)
    assert {alert.id for alert in alerts.alerts(deck.database)} == set(new)
    assert alert_events(deck) == [("alert.opened", ACTOR, "drift:price"), ("alert.opened", ACTOR, "drift:nights")]


def test_same_finding_again_is_counted_with_its_newest_evidence_and_no_event(deck, find):
    [first] = react(deck, [find(psi=0.3)], ACTOR, None)
    assert react(deck, [find(psi=0.4), find(psi=0.5)], ACTOR, None) == []
    [alert] = alerts.alerts(deck.database)
    assert (alert.id, alert.count, alert.evidence) == (first, 3, {"psi": 0.5})
    assert len(alert_events(deck)) == 1


def test_warning_seen_as_critical_is_worse_with_an_event_and_stays_so(deck, find):
    for severity in ("warning", "critical", "warning"):
        react(deck, [find(severity=severity)], ACTOR, None)
    [alert] = alerts.alerts(deck.database)
    assert (alert.severity, alert.count) == ("critical", 3)
    assert [action for action, _, _ in alert_events(deck)] == ["alert.opened", "alert.escalated"]


def test_acknowledged_alert_counts_on_and_a_resolved_one_opens_anew(deck, find):
    [first] = react(deck, [find()], ACTOR, None)
    for change, new in ((alerts.acknowledge, False), (alerts.resolve, True)):
        with deck.database.write() as tx:
            change(tx, first, "user:anna")
        assert bool(react(deck, [find()], ACTOR, None)) is new
    assert len(alerts.alerts(deck.database, open_only=False)) == 2


def test_nothing_found_raises_nothing(deck):
    assert react(deck, [], ACTOR, None) == []
    assert alert_events(deck) == []


def test_attempt_that_lost_its_job_raises_nothing(deck, find):
    with deck.database.write() as tx:
        stale = jobs.fence(jobs.claim(tx, jobs.enqueue(tx, kind="monitor", model="rates", actor=ACTOR).id))
        jobs.abandon(tx, stale.job_id, "killed")
    with pytest.raises(LeaseLost):
        react(deck, [find()], ACTOR, stale)
    assert alerts.alerts(deck.database) == []
