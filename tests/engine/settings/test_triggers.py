"""When a schedule is due: cron as cron(5) reads it, through both changes of the clock; periods, dates, events."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.settings.cron import FIELDS, parse_cron
from engine.settings.triggers import At, Every, due_between, read_trigger
from store.errors import Refused
from store.rows import microseconds, rfc3339

MADRID = "Europe/Madrid"
SPRING = "2026-03-29T00:00:00Z"  # at 01:00Z the clocks go from 02:00 to 03:00
AUTUMN = "2026-10-24T23:30:00Z"  # at 01:00Z the clocks go from 03:00 back to 02:00


def times(expression, start, count):
    trigger, at, found = read_trigger(expression, MADRID), microseconds(start), []
    for _ in range(count):
        at = trigger.after(at)
        found.append(rfc3339(at)[5:16])
    return found


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("cron 30 2 * * *", ["03-29T01:00", "03-30T00:30"]),  # skipped: at the moment after, 03:00
        ("cron */20 2 * * *", ["03-29T01:00", "03-30T00:00"]),  # all of it once
        ("cron 0 2,3 * * *", ["03-29T01:00", "03-30T00:00"]),  # 02:00 and 03:00 are the same moment
        ("cron 0 3 * * *", ["03-29T01:00", "03-30T01:00"]),
        ("cron 30 * * * *", ["03-29T00:30", "03-29T01:30", "03-29T02:30"]),  # each hour of real time
        ("cron 30 */2 * * *", ["03-29T02:30", "03-29T04:30"]),  # 02:30 does not come
    ],
)
def test_hour_that_the_clocks_skip(expression, due):
    assert times(expression, SPRING, len(due)) == due


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("cron 30 2 * * *", ["10-25T00:30", "10-26T01:30"]),  # the first 02:30 only
        ("cron */30 2 * * *", ["10-25T00:00", "10-25T00:30", "10-26T01:00"]),
        ("cron 0 3 * * *", ["10-25T02:00", "10-26T02:00"]),
        ("cron 30 * * * *", ["10-25T00:30", "10-25T01:30", "10-25T02:30"]),
        ("cron 30 */2 * * *", ["10-25T00:30", "10-25T01:30", "10-25T03:30"]),  # both 02:30
    ],
)
def test_hour_that_the_clocks_repeat(expression, due):
    assert times(expression, AUTUMN, len(due)) == due


def test_firing_seen_from_within_the_repeated_hour_is_tomorrows():
    assert times("cron 40 2 * * *", "2026-10-25T01:10:00Z", 1) == ["10-26T01:40"]


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * *", [13]),
        ("0 0 * * fri", [6, 13, 20, 27]),
        ("0 0 13 * sun", [1, 8, 13, 15, 22, 29]),  # both named: either
        ("0 0 1-7/3 3 *", [1, 4, 7]),
        ("0 0 * * 7", [1, 8, 15, 22, 29]),
        ("0 0 30/1 * *", [30, 31]),
        ("0 0 */10 * *", [1, 11, 21, 31]),
    ],
)
def test_days_of_march_2026(expression, days):
    trigger, at, found = parse_cron(expression, "UTC"), microseconds("2026-02-28T23:59:59Z"), []
    while (at := trigger.after(at)) is not None and rfc3339(at) < "2026-04":
        found.append(int(rfc3339(at)[8:10]))
    assert found == days


def test_leap_day_is_found_years_ahead():
    assert rfc3339(parse_cron("0 0 29 2 *", "UTC").after(microseconds("2096-03-01T00:00:00Z")))[:10] == "2104-02-29"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 3 * *", "cron has five fields"),
        ("60 3 * * *", "'60' is no minute: 0 to 59"),
        ("0 3 * * xyz", "'xyz' is no weekday"),
        ("0 3 31 2 *", "no such day ever comes"),
        ("0 3 * * 5-1", "'5-1' is no weekday"),
        ("*/0 3 * * *", "is no minute"),
        ("0 3 L * *", "'l' is no day"),
    ],
)
def test_other_cron_is_refused_in_words(expression, said):
    with pytest.raises(Refused, match="says no time") as refused:
        read_trigger(f"cron {expression}", "UTC")
    assert said in refused.value.message


def _slow(text, start, zone):
    """Step through the minutes after `start` and return the first that the expression's own words allow."""
    minute, hour, day, month, weekday = (
        _values(part, bounds) for part, bounds in zip(text.split(), FIELDS, strict=True)
    )
    either = text.split()[2] != "*" and text.split()[4] != "*"
    at = start.replace(second=0, microsecond=0)
    for _ in range(60 * 24 * 40):
        at += timedelta(minutes=1)
        wall = at.astimezone(zone)
        today = (calendar.weekday(wall.year, wall.month, wall.day) + 1) % 7
        days = (wall.day in day or today in weekday) if either else (wall.day in day and today in weekday)
        if wall.minute in minute and wall.hour in hour and wall.month in month and days:
            return at
    return None


def _values(part, bounds):
    _, low, high = bounds
    values = range(low, high + 1) if part == "*" else {int(one) for one in part.split(",")}
    return {value % 7 for value in values} if high == 7 else set(values)


def field(low, high):
    some = st.lists(st.integers(low, high), min_size=1, max_size=3).map(lambda values: ",".join(map(str, values)))
    return st.just("*") | some


@settings(deadline=None, max_examples=50)
@given(
    st.tuples(field(0, 59), st.just("*"), field(1, 28), field(1, 12), field(0, 7)).map(" ".join),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(["UTC", MADRID, "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_cron_of_every_hour_is_what_stepping_through_the_minutes_finds(text, start, zone):
    start = start.replace(tzinfo=UTC)
    slow = _slow(text, start, ZoneInfo(zone))
    if slow is not None:
        assert rfc3339(parse_cron(text, zone).after(microseconds(start.isoformat()))) == rfc3339(
            microseconds(slow.isoformat())
        )


def test_periods_are_aligned_and_dates_come_once():
    assert read_trigger("every 5m", "UTC") == Every(300_000_000)
    assert rfc3339(Every(300_000_000).after(microseconds("2026-03-01T12:02:03Z"))) == "2026-03-01T12:05:00Z"
    at = read_trigger("at 2026-12-01T03:00", MADRID)
    assert at == At(microseconds("2026-12-01T02:00:00Z"))
    assert at.after(at.at_us) is None


@pytest.mark.parametrize("trigger", ["every 10s", "cron * * * * *"])
@pytest.mark.parametrize("most", [1, 3, 100])
def test_what_fell_due_is_counted_and_the_newest_listed(trigger, most):
    made = read_trigger(trigger, "UTC")
    first = made.after(microseconds("2026-03-01T12:00:01Z"))
    every = [first]
    while len(every) < 7:
        every.append(made.after(every[-1]))
    assert due_between(made, first, every[-1] + 1, most) == (7, every[-most:])
    assert due_between(made, first, first, most) == (1, [first])
    assert due_between(made, first, first - 1, most) == (0, [])


def test_firing_that_was_put_off_counts_with_the_whole_periods_after_it():
    assert due_between(Every(10), 23, 45, 9) == (3, [23, 30, 40])
    assert due_between(Every(10), 23, 45, 2) == (3, [30, 40])
