"""Which windows are closed, and which are due."""

from __future__ import annotations

import dataclasses

from engine.monitoring.windows import SLACK_US, Frame, Seen, due, silent

HOUR = 3_600_000_000
NOW = 100 * HOUR
FRAME = Frame(HOUR, 0, "received", NOW)


def test_window_by_received_time_closes_when_the_clock_has_passed_its_end():
    assert FRAME.is_closed(99)
    assert not FRAME.is_closed(100)
    assert not dataclasses.replace(FRAME, lateness_us=1).is_closed(99)


def test_window_by_event_time_closes_when_a_newer_event_has_come():
    frame = Frame(HOUR, HOUR // 2, "event", NOW, newest_event_us=11 * HOUR, newest_received_us=NOW)
    assert frame.is_closed(9)
    assert not frame.is_closed(10)


def test_window_by_event_time_closes_when_traffic_has_ended():
    frame = Frame(HOUR, 0, "event", NOW, newest_event_us=10 * HOUR + 1, newest_received_us=NOW - HOUR)
    assert frame.is_closed(10)


def test_windows_never_computed_are_due_oldest_first():
    seen = {(2, 5): Seen(9), (1, 5): Seen(9), (1, 4): Seen(9), (1, 100): Seen(9)}
    assert due(seen, FRAME, {}, NOW) == [(1, 4), (1, 5), (2, 5)]


def test_computed_window_is_due_again_when_rows_or_outcomes_have_come_since():
    seen = {
        (1, 1): Seen(9, newest_at=NOW - HOUR),
        (1, 2): Seen(9, newest_at=NOW),
        (1, 3): Seen(9, newest_at=NOW - HOUR, newest_outcome_at=NOW),
    }
    computed = dict.fromkeys(seen, NOW - 2 * HOUR)
    assert due(seen, FRAME, computed, NOW - SLACK_US // 2) == [(1, 2), (1, 3)]


def test_window_of_a_look_that_did_not_end_is_due_again():
    seen = {(1, 1): Seen(9, newest_at=HOUR)}
    assert due(seen, FRAME, {(1, 1): NOW}, NOW - HOUR) == [(1, 1)]
    assert due(seen, FRAME, {(1, 1): NOW}, None) == [(1, 1)]
    assert due(seen, FRAME, {(1, 1): NOW}, NOW) == []


def test_silent_windows_are_whole_ones_since_the_version_serves():
    assert silent(FRAME, 95 * HOUR + 1, {98}, 24) == [96, 97, 99]
    assert silent(FRAME, 0, set(), 2) == [98, 99]
    assert silent(dataclasses.replace(FRAME, by="event"), 0, set(), 2) == []


def test_rows_received_before_the_last_look_that_came_after_it_are_told_by_their_number():
    frame = Frame(100, 0, "received", now_us=10**12, newest_received_us=150)
    seen = {(1, 0): Seen(rows=30, newest_at=90), (1, 1): Seen(rows=9, newest_at=150)}
    computed, last = {(1, 0): 200, (1, 1): 200}, 10**11
    assert due(seen, frame, computed, last, {(1, 0): 30, (1, 1): 9}) == []
    assert due(seen, frame, computed, last, {(1, 0): 20, (1, 1): 9}) == [(1, 0)]
