"""Times are microseconds UTC, ids ascend, and a unique beginning of an id is enough."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import jobs, runs
from store.clock import FrozenClock, SystemClock, parse_time, read_past
from store.database import Database
from store.errors import Refused, UnknownName
from store.ids import new_id, short
from store.rows import Version, microseconds, rfc3339


def test_frozen_clock_moves_both_times_only_when_told(clock: FrozenClock) -> None:
    before = clock.now(), clock.boottime()
    clock.advance(1.5)
    assert (clock.now() - before[0], clock.boottime() - before[1]) == (1_500_000, 1.5)


def test_system_clock_goes_forward() -> None:
    clock = SystemClock()
    assert clock.boottime() <= clock.boottime()
    assert clock.now() > microseconds("2024-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-01-31T14:00:00Z", "Europe/Madrid", "2026-01-31T14:00:00Z"),
        ("2026-01-31T14:00:00+02:00", "UTC", "2026-01-31T12:00:00Z"),
        ("2026-01-31T14:00", "Europe/Madrid", "2026-01-31T13:00:00Z"),
        ("2026-07-31", "Europe/Madrid", "2026-07-30T22:00:00Z"),
        (" 2026-01-31 14:00:00.25 ", "UTC", "2026-01-31T14:00:00.250000Z"),
    ],
)
def test_time_without_offset_is_in_the_decks_zone(text: str, zone: str, expected: str) -> None:
    assert rfc3339(parse_time(text, zone)) == expected


@pytest.mark.parametrize(("text", "zone"), [("soon", "UTC"), ("2026-13-01", "UTC"), ("2026-01-01", "Mars/Base")])
def test_what_is_no_time_is_refused(text: str, zone: str) -> None:
    with pytest.raises(Refused) as told:
        parse_time(text, zone)
    assert told.value.hint


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("yesterday", "2026-03-29T08:30:00Z"),
        ("Yesterday 21:00", "2026-03-29T19:00:00Z"),
        ("today 9:05", "2026-03-30T07:05:00Z"),
        ("09:05", "2026-03-30T07:05:00Z"),
        ("21:00", "2026-03-29T19:00:00Z"),
        ("90m ago", "2026-03-30T07:00:00Z"),
        ("2 h ago", "2026-03-30T06:30:00Z"),
        ("now", "2026-03-30T08:30:00Z"),
        ("5 minutes ago", "2026-03-30T08:25:00Z"),
        ("1 hour ago", "2026-03-30T07:30:00Z"),
        ("30s ago", "2026-03-30T08:29:30Z"),
        ("3d ago", "2026-03-27T08:30:00Z"),
        ("2026-03-28", "2026-03-27T23:00:00Z"),
        ("5m", "2026-03-30T08:25:00Z"),
        ("1h30m", "2026-03-30T07:00:00Z"),
        ("2 hours", "2026-03-30T06:30:00Z"),
        ("08:12Z", "2026-03-30T08:12:00Z"),
        ("10:12:50Z", "2026-03-29T10:12:50Z"),
        ("10:12:50", "2026-03-30T08:12:50Z"),
        ("03-30 10:12", "2026-03-30T08:12:00Z"),
        ("03-30 08:12:07Z", "2026-03-30T08:12:07Z"),
        ("12-01 00:34", "2025-11-30T23:34:00Z"),
        ("12-01", "2025-11-30T23:00:00Z"),
        ("02-29 12:00Z", "2024-02-29T12:00:00Z"),
    ],
)
def test_past_moment_is_read_as_people_say_it(said: str, expected: str) -> None:
    now = microseconds("2026-03-30T08:30:00Z")
    assert rfc3339(read_past(said, "Europe/Madrid", now)) == expected


def test_yesterday_is_the_same_time_on_the_clock_also_when_the_clocks_went_forward() -> None:
    now = microseconds("2026-03-29T08:30:00Z")  # 10:30 in Madrid, an hour later by the sun than the day before
    assert rfc3339(read_past("yesterday", "Europe/Madrid", now)) == "2026-03-28T09:30:00Z"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "tomorrow",
        "25:00",
        "12:75",
        "yesterday noon",
        "2w ago",
        "-2h ago",
        "m ago",
        "12:00:61",
        "13-01 10:00",
        "02-30",
        "03-3010:00",
        "z",
    ],
)
def test_past_moment_that_nobody_says_is_refused(said: str) -> None:
    with pytest.raises(Refused, match="is not a time"):
        read_past(said, "Europe/Madrid", 0)


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_times_survive_the_way_to_json_and_back(at_us: int) -> None:
    assert microseconds(rfc3339(at_us)) == at_us


def test_ids_are_uuids_of_version_7_that_carry_their_time(clock: FrozenClock) -> None:
    made = uuid.UUID(new_id(clock))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == clock.now() // 1000


def test_ids_ascend_while_the_clock_stands_and_when_it_steps_back(clock: FrozenClock) -> None:
    ids = [new_id(clock) for _ in range(5000)]
    clock.advance(-3600)
    ids += [new_id(clock) for _ in range(100)]
    assert ids == sorted(set(ids))


def test_threads_never_make_the_same_id() -> None:
    clock, made = SystemClock(), []
    threads = [threading.Thread(target=lambda: made.extend(new_id(clock) for _ in range(2000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


def test_unique_beginning_of_an_id_is_enough(database: Database, clock: FrozenClock) -> None:
    with database.write() as tx:
        first = jobs.enqueue(tx, kind="train", model="rates", actor="user:anna")
    clock.advance(1)
    with database.write() as tx:
        second = jobs.enqueue(tx, kind="train", model="rates", actor="user:anna")
    assert jobs.job(database, short(first.id)) == first
    assert jobs.job(database, short(second.id).upper()) == second
    with pytest.raises(Refused, match="several jobs"):
        jobs.job(database, first.id[:6])
    for wrong in ("", "ffff", first.id + "0", "%"):
        with pytest.raises(UnknownName):
            jobs.job(database, wrong)


def test_run_is_found_by_its_beginning(database: Database, register: Callable[..., Version]) -> None:
    with database.write() as tx:
        made = register(tx)
    assert runs.run(database, short(made.run_id)).id == made.run_id
