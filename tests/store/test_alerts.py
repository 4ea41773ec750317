"""The life of an alert: raised, counted, taken, snoozed, muted, resolved and reopened, each with its event."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from store import alerts, events, maintenance
from store.clock import FrozenClock
from store.database import Database
from store.errors import Refused, UnknownName
from store.rows import Alert, Version

ANNA, BEN, DAEMON = "user:anna", "user:ben", "trigger:daemon"
HOUR = 3600.0
DRIFT: dict[str, Any] = {
    "model": "rates",
    "kind": "drift",
    "key": "drift:rates@1",
    "severity": "warning",
    "title": "lead_time has drifted",
    "evidence": {"psi": 0.4},
    "actor": "trigger:monitor:rates",
    "cooldown_s": HOUR,
}


@pytest.fixture(autouse=True)
def model(database: Database, register: Callable[..., Version]) -> None:
    """The model that the alerts are about."""
    with database.write() as tx:
        register(tx)


def raised(database: Database, **changed: Any) -> tuple[Alert, bool]:
    with database.write() as tx:
        return alerts.raise_alert(tx, **{**DRIFT, **changed})


def changed(database: Database, change: Callable[..., Any], *given: Any, **told: Any) -> Any:
    with database.write() as tx:
        return change(tx, *given, **told)


def actions(database: Database, id: str) -> list[str]:
    """Return what happened to an alert, oldest first."""
    found = events.events(database, subject=("alert", id))
    return [event.action.removeprefix("alert.") for event in reversed(found)]


def after(clock: FrozenClock, seconds: float) -> int:
    return clock.now() + round(seconds * 1_000_000)


def test_same_finding_counts_on_one_open_alert(database: Database, clock: FrozenClock) -> None:
    first, is_new = raised(database)
    assert (first.state, first.count, is_new) == ("open", 1, True)
    clock.advance(300)
    again, is_new = raised(database, evidence={"psi": 0.5})
    assert (again.id, again.count, again.seen_at, is_new) == (first.id, 2, clock.now(), False)
    assert again.evidence == {"psi": 0.5}
    assert actions(database, first.id) == ["opened"]


def test_warning_seen_as_critical_escalates_and_never_lessens(database: Database) -> None:
    first, _ = raised(database)
    assert raised(database, severity="critical")[0].severity == "critical"
    assert raised(database)[0].severity == "critical"
    assert actions(database, first.id) == ["opened", "escalated"]


@pytest.mark.parametrize("aside", [alerts.acknowledge, alerts.snooze])
def test_worse_than_what_was_taken_or_snoozed_opens_it(
    database: Database, clock: FrozenClock, aside: Callable[..., Alert]
) -> None:
    first, _ = raised(database)
    changed(database, aside, first.id, ANNA, until_at=after(clock, HOUR))
    assert raised(database)[0].state != "open"
    worse, is_news = raised(database, severity="critical")
    assert (worse.state, worse.until_at, is_news) == ("open", None, False)


def test_taken_and_resolved_by_a_person_opens_anew(database: Database) -> None:
    first, _ = raised(database)
    taken = changed(database, alerts.acknowledge, first.id[:30], ANNA, reason="looking")
    assert (taken.acknowledged_by, taken.owner, taken.until_at) == (ANNA, ANNA, None)
    assert not raised(database)[1]
    assert alerts.alerts(database, model="rates")[0].state == "acknowledged"
    over = changed(database, alerts.resolve, first.id, ANNA, reason="summer")
    assert (over.resolved_by, over.until_at) == (ANNA, None)
    assert changed(database, alerts.resolve, first.id, BEN) == over
    for change, told in ((alerts.acknowledge, {}), (alerts.snooze, {"until_at": 2**62})):
        with pytest.raises(Refused, match="is resolved"):
            changed(database, change, first.id, ANNA, **told)
    assert alerts.alerts(database) == []
    second, is_new = raised(database)
    assert is_new
    assert [one.id for one in alerts.alerts(database, open_only=False)] == [second.id, first.id]


def test_unknown_alert_is_an_unknown_name(database: Database) -> None:
    with pytest.raises(UnknownName):
        alerts.alert(database, "0123")


def test_of_two_who_take_it_at_once_the_first_has_it(database: Database) -> None:
    first, _ = raised(database)
    ready, told = threading.Barrier(2), {}

    def take(actor: str) -> None:
        ready.wait()
        told[actor] = changed(database, alerts.acknowledge, first.id, actor)

    threads = [threading.Thread(target=take, args=(actor,)) for actor in (ANNA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told[ANNA] == told[BEN]
    assert told[ANNA].owner in (ANNA, BEN)
    assert actions(database, first.id) == ["opened", "acknowledged"]


def test_an_alert_is_given_to_somebody_and_extended(database: Database, clock: FrozenClock) -> None:
    first, _ = raised(database)
    changed(database, alerts.acknowledge, first.id, ANNA, until_at=after(clock, HOUR))
    assert changed(database, alerts.acknowledge, first.id, BEN).owner == ANNA
    given = changed(database, alerts.acknowledge, first.id, ANNA, owner=BEN)
    assert (given.owner, given.acknowledged_by, given.until_at) == (BEN, ANNA, None)
    until = after(clock, 2 * HOUR)
    longer = changed(database, alerts.acknowledge, first.id, BEN, until_at=until)
    assert (longer.owner, longer.until_at) == (BEN, until)
    assert actions(database, first.id) == ["opened", *["acknowledged"] * 3]


@pytest.mark.parametrize("aside", [alerts.acknowledge, alerts.snooze])
def test_what_is_put_aside_comes_back_by_itself_once(
    database: Database, clock: FrozenClock, aside: Callable[..., Alert]
) -> None:
    first, _ = raised(database)
    changed(database, aside, first.id, ANNA, until_at=after(clock, HOUR))
    clock.advance(HOUR - 1)
    assert not alerts.is_due(database, clock.now())
    assert changed(database, alerts.come_back, DAEMON) == []
    clock.advance(1)
    assert alerts.is_due(database, clock.now())
    [back] = changed(database, alerts.come_back, DAEMON)
    assert (back.id, back.state, back.until_at) == (first.id, "open", None)
    assert changed(database, alerts.come_back, DAEMON) == []
    newest = events.events(database, limit=1)[0]
    assert (newest.action, newest.actor) == ("alert.reopened", DAEMON)
    assert newest.reason.endswith("of user:anna has ended")


def test_an_end_that_is_over_is_refused(database: Database, clock: FrozenClock) -> None:
    first, _ = raised(database)
    for change in (alerts.acknowledge, alerts.snooze):
        with pytest.raises(Refused, match="is over"):
            changed(database, change, first.id, ANNA, until_at=clock.now())
    assert alerts.alert(database, first.id) == first


def test_what_flaps_is_one_alert_told_once_per_cooldown(database: Database, clock: FrozenClock) -> None:
    first, _ = raised(database)
    for _ in range(12):  # on and off every ten minutes, for two hours
        clock.advance(300)
        standing = alerts.standing(database, DRIFT["key"])
        if standing is not None:
            changed(database, alerts.resolve, standing.id, "trigger:monitor:rates")
        clock.advance(300)
        raised(database)
    [only] = alerts.alerts(database, open_only=False)
    assert (only.id, only.count, only.reopened) == (first.id, 13, 1)
    assert actions(database, first.id) == ["opened", "resolved", "reopened", "resolved"]


def test_after_its_cooldown_it_is_reopened_with_its_new_evidence_and_nobodys(
    database: Database, clock: FrozenClock
) -> None:
    first, _ = raised(database, severity="critical")
    changed(database, alerts.acknowledge, first.id, ANNA)
    changed(database, alerts.resolve, first.id, "trigger:monitor:rates")
    clock.advance(HOUR)
    again, is_news = raised(database, evidence={"psi": 0.9})
    assert is_news
    assert (again.id, again.state, again.severity, again.owner) == (first.id, "open", "warning", None)
    assert (again.reopened, again.reopened_at, again.resolved_at) == (1, clock.now(), None)
    assert again.evidence == {"psi": 0.9}


def test_a_week_later_it_is_another_alert(database: Database, clock: FrozenClock) -> None:
    first, _ = raised(database)
    changed(database, alerts.resolve, first.id, "trigger:monitor:rates")
    clock.advance(7 * 24 * HOUR)
    second, is_new = raised(database)
    assert is_new
    assert second.id != first.id


def test_clock_set_back_neither_loses_nor_prolongs(database: Database, clock: FrozenClock) -> None:
    first, _ = raised(database)
    changed(database, alerts.resolve, first.id, "trigger:monitor:rates")
    clock._now -= round(24 * HOUR * 1_000_000)
    again, is_news = raised(database)  # it resolved in what is now the future: no cooldown can be told
    assert (again.id, again.state, is_news) == (first.id, "open", True)
    changed(database, alerts.acknowledge, first.id, ANNA, until_at=after(clock, HOUR))
    clock._now += round(48 * HOUR * 1_000_000)
    [back] = changed(database, alerts.come_back, DAEMON)
    assert back.state == "open"


def test_in_maintenance_it_is_counted_and_shown_and_nothing_is_told(database: Database, clock: FrozenClock) -> None:
    changed(database, maintenance.begin, "rates", after(clock, HOUR), actor=ANNA, reason="new host")
    first, is_news = raised(database)
    assert (first.state, is_news) == ("muted", False)
    raised(database, severity="critical")
    [shown] = alerts.alerts(database)
    assert (shown.count, shown.severity) == (2, "warning")
    assert raised(database, model=None, host="far", key="silent:host:far")[0].state == "open"
    assert actions(database, first.id) == ["muted"]


def test_maintenance_over_opens_what_still_stands(database: Database, clock: FrozenClock) -> None:
    changed(database, maintenance.begin, None, after(clock, HOUR), actor=ANNA, reason="new host")
    first, _ = raised(database)
    gone, _ = raised(database, key="errors:rates@1")
    changed(database, alerts.resolve, gone.id, "trigger:monitor:rates")
    assert changed(database, alerts.come_back, DAEMON) == []
    clock.advance(HOUR)
    assert [one.id for one in changed(database, alerts.come_back, DAEMON)] == [first.id]
    assert actions(database, first.id) == ["muted", "opened"]
    assert events.events(database, subject=("alert", gone.id), limit=1)[0].body["quiet"] is True


def test_what_was_told_before_ends_quietly_in_maintenance_unless_a_person_says_so(
    database: Database, clock: FrozenClock
) -> None:
    by_itself, by_hand, after_it = (
        raised(database, key=f"{name}:rates@1")[0] for name in ("drift", "errors", "labels")
    )
    far, _ = raised(database, model=None, host="far", key="silent:host:far")
    changed(database, maintenance.begin, "rates", after(clock, HOUR), actor=ANNA, reason="new host")
    changed(database, alerts.resolve, by_itself.id, "trigger:monitor:rates")
    changed(database, alerts.resolve, far.id, "trigger:fleet")
    changed(database, alerts.resolve, by_hand.id, ANNA)
    clock.advance(HOUR)
    changed(database, alerts.resolve, after_it.id, "trigger:monitor:rates")
    quiet = {
        one.id: events.events(database, subject=("alert", one.id), limit=1)[0].body["quiet"]
        for one in (by_itself, far, by_hand, after_it)
    }
    assert quiet == {by_itself.id: True, far.id: False, by_hand.id: False, after_it.id: False}


def test_seen_again_after_maintenance_is_news(database: Database, clock: FrozenClock) -> None:
    changed(database, maintenance.begin, "rates", after(clock, HOUR), actor=ANNA, reason="new host")
    first, _ = raised(database)
    clock.advance(HOUR)
    again, is_news = raised(database)
    assert (again.id, again.state, again.maintenance_id, is_news) == (first.id, "open", None, True)


def test_what_ends_in_maintenance_comes_back_after_it(database: Database, clock: FrozenClock) -> None:
    first, _ = raised(database)
    changed(database, alerts.snooze, first.id, ANNA, after(clock, 60))
    changed(database, maintenance.begin, "rates", after(clock, HOUR), actor=ANNA, reason="new host")
    clock.advance(120)
    assert changed(database, alerts.come_back, DAEMON) == []
    clock.advance(HOUR)
    assert [one.state for one in changed(database, alerts.come_back, DAEMON)] == ["open"]


def test_maintenance_is_moved_ended_and_on_record(database: Database, clock: FrozenClock) -> None:
    first = changed(database, maintenance.begin, "rates", after(clock, HOUR), actor=ANNA, reason="new host")
    assert changed(database, maintenance.begin, "rates", first.to_at, actor=BEN) == first
    longer = changed(database, maintenance.begin, "rates", after(clock, 2 * HOUR), actor=BEN)
    assert (longer.id, longer.reason, longer.actor) == (first.id, "new host", BEN)
    over = changed(database, maintenance.end, "rates", actor=BEN)
    assert (over.ended_by, over.to_at) == (BEN, clock.now())
    assert maintenance.under_way(database, clock.now()) == []
    for change in (
        lambda tx: maintenance.end(tx, "rates", actor=BEN),
        lambda tx: maintenance.begin(tx, None, clock.now(), actor=BEN),
    ):
        with pytest.raises(Refused):
            changed(database, change)
    told = [event.action for event in reversed(events.events(database, subject=("maintenance", first.id)))]
    assert told == ["maintenance.begun", "maintenance.moved", "maintenance.ended"]
