"""Schedules only enqueue, never two of one, and say when they are due."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jobs.schedule import Scheduler, fire, is_missed, trigger_of
from engine.settings.model import MonitorSettings
from store import deployments, jobs, watching
from store.errors import Refused


@pytest.fixture(name="schedule")
def schedule_of_a_serving_model(deck, apply_settings_body):
    """The monitor's schedule of a model that serves, due every second."""
    apply_settings_body(rates={"monitor": MonitorSettings(every_s=1.0)})
    with deck.database.write() as tx:
        deployments.ensure_endpoint(tx, "rates")
    return watching.schedules(deck.database)[0]


@pytest.fixture(name="scheduler")
def scheduler_of_the_deck(deck):
    """A scheduler, closed with the test."""
    made = Scheduler(deck)
    yield made
    made.close()


def queue(deck):
    return [(job.kind, job.model, job.actor) for job in jobs.queued(deck.database)]


def change(deck, text):
    with deck.database.write() as tx:
        tx.execute(f"UPDATE schedule SET {text}")


def due(text, zone, *moment):
    return trigger_of(text, zone).get_next_fire_time(None, datetime(*moment, tzinfo=UTC)).astimezone(UTC)


def test_due_schedule_enqueues_its_job_once_however_often_it_fires(deck, schedule, scheduler, until):
    woken = []
    scheduler._wake = lambda: woken.append(True)
    scheduler.start()
    until(lambda: len(woken) >= 2)
    assert queue(deck) == [("monitor", "rates", f"schedule:{schedule.id}")]


def test_schedule_fires_again_only_once_its_job_has_ended(deck, schedule):
    first = fire(deck, schedule)
    assert fire(deck, schedule) == first
    with deck.database.write() as tx:
        jobs.claim(tx, first.id)
    assert fire(deck, schedule).id == first.id
    with deck.database.write() as tx:
        jobs.finish(tx, first.id, 1, "succeeded")
    second = fire(deck, schedule)
    assert second.id != first.id
    [row] = watching.schedules(deck.database)
    assert (row.last_job_id, row.last_at) == (second.id, deck.clock.now())


def test_monitor_of_a_model_that_never_served_is_passed_over(deck, apply_settings_body):
    apply_settings_body("rates")
    assert fire(deck, watching.schedules(deck.database)[0]) is None
    assert queue(deck) == []


@pytest.mark.usefixtures("schedule")
def test_what_fell_due_while_nobody_was_there_is_made_up_for_once(deck, scheduler):
    change(deck, f"next_at = {deck.clock.now() - 3_600_000_000}")
    scheduler.refresh()
    assert len(queue(deck)) == 1


@pytest.mark.usefixtures("schedule")
def test_schedule_that_skips_what_it_missed_makes_up_for_nothing(deck, scheduler):
    change(deck, f"next_at = {deck.clock.now() - 3_600_000_000}, catch_up = 'skip'")
    scheduler.refresh()
    assert queue(deck) == []


@pytest.mark.usefixtures("schedule")
def test_refresh_follows_the_registry_and_says_what_is_due(deck, scheduler):
    assert scheduler.refresh()
    assert not scheduler.refresh()
    assert watching.schedules(deck.database)[0].next_at > 0
    change(deck, "trigger = 'every 2s'")
    assert scheduler.refresh()
    change(deck, "paused_at = 1")
    assert scheduler.refresh()
    assert not scheduler.refresh()


def test_schedule_that_says_no_time_does_not_keep_the_others_back(deck, apply_settings_body, scheduler, caplog):
    apply_settings_body("posts", "rates")
    change(deck, "trigger = CASE model WHEN 'posts' THEN 'at noon' ELSE trigger END")
    scheduler.refresh()
    assert "'at noon' says no time" in caplog.text
    assert not scheduler.refresh()
    assert {row.model: row.next_at is not None for row in watching.schedules(deck.database)} == {
        "posts": False,
        "rates": True,
    }


@pytest.mark.usefixtures("schedule")
def test_disk_that_takes_nothing_for_a_moment_costs_no_schedule(deck, scheduler):
    change(deck, "next_at = NULL")
    with deck.database.write() as tx:
        tx.execute("CREATE TRIGGER full BEFORE UPDATE ON schedule BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(Exception, match="full"):
        scheduler.refresh()
    with deck.database.write() as tx:
        tx.execute("DROP TRIGGER full")
    assert scheduler.refresh()
    assert watching.schedules(deck.database)[0].next_at is not None


def test_intervals_are_aligned_to_the_clock():
    assert due("every 5m", "UTC", 2026, 3, 1, 12, 2, 3) == datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    assert due("every 1h30m", "Europe/Rome", 2026, 3, 1, 0, 1) == datetime(2026, 3, 1, 1, 30, tzinfo=UTC)


def test_cron_is_read_in_the_decks_time_zone():
    assert due("cron 0 3 * * *", "Europe/Rome", 2026, 7, 1) == datetime(2026, 7, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("weekday", "first_day"), [("0", 1), ("7", 1), ("1", 2), ("sun", 1), ("6", 7), ("1-5", 2), ("*/2", 1)]
)
def test_cron_counts_weekdays_from_sunday(weekday, first_day):
    found = due(f"cron 0 0 * * {weekday}", "UTC", 2026, 3, 1)  # a Sunday
    assert found == datetime(2026, 3, first_day, tzinfo=UTC)


@given(st.text() | st.text(alphabet="0123456789*/,- everycron", max_size=20).map("cron {}".format))
def test_any_other_text_is_refused_as_no_time(text):
    try:
        assert trigger_of(text, "UTC")
    except Refused as error:
        assert error.hint == 'write "every 5m" or "cron 0 3 * * *"'  # noqa: PT017  (most texts are refused)


@pytest.mark.parametrize(
    ("next_at", "catch_up", "missed"), [(None, "once", False), (0, "all", True), (0, "skip", False)]
)
def test_only_a_firing_that_was_due_and_is_wanted_counts_as_missed(schedule, next_at, catch_up, missed):
    assert is_missed(dataclasses.replace(schedule, next_at=next_at, catch_up=catch_up), 10) is missed
