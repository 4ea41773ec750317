"""The number of refusals is right whatever happens to their minute: it ends, the clock jumps, the daemon stops."""

from __future__ import annotations

import threading

import pytest

from engine.service.refusals import Refusal, RefusalLog
from store import events

BEN = Refusal("user:ben", None, "access.refused", "deck.apply", "viewer", "admin")
EVE = Refusal("user:eve", "sudo:mallory", "access.limited", "jobs.list", "", "")


@pytest.fixture(name="log")
def log_of_refusals():
    """An empty log."""
    return RefusalLog()


def recorded(deck):
    """Return (actor, count) of each event, oldest first."""
    return [(event.actor, event.body["count"]) for event in reversed(events.events(deck.database))]


def add(log, deck, refusal, count):
    for _ in range(count):
        log.add(deck, refusal)


def test_rest_of_a_minute_is_written_when_it_is_over(log, deck, clock):
    add(log, deck, BEN, 5)
    assert log.flush(deck) == 0
    clock.advance(60)
    assert log.flush(deck) == 1
    assert recorded(deck) == [("user:ben", 1), ("user:ben", 4)]


def test_what_is_written_at_the_end_of_a_minute_begins_the_next(log, deck, clock):
    add(log, deck, BEN, 2)
    clock.advance(60)
    log.flush(deck)
    add(log, deck, BEN, 3)
    assert recorded(deck) == [("user:ben", 1), ("user:ben", 1)]
    clock.advance(60)
    log.flush(deck)
    clock.advance(60)
    log.flush(deck)
    assert [count for _, count in recorded(deck)] == [1, 1, 3]


def test_minute_without_more_leaves_nothing_behind(log, deck, clock):
    add(log, deck, BEN, 1)
    clock.advance(61)
    assert log.flush(deck) == 0
    assert log._minutes == {}


def test_daemon_that_stops_writes_what_it_has_counted(log, deck):
    add(log, deck, BEN, 3)
    add(log, deck, EVE, 2)
    log.flush(deck, all=True)
    assert recorded(deck) == [("user:ben", 1), ("user:eve", 1), ("user:ben", 2), ("user:eve", 1)]


def test_event_says_who_by_what_way_and_what_was_asked(log, deck):
    add(log, deck, EVE, 1)
    [event] = events.events(deck.database)
    assert (event.actor, event.via, event.action, event.subject_id) == (
        "user:eve",
        "sudo:mallory",
        "access.limited",
        "jobs.list",
    )


def test_many_at_once_are_each_counted(log, deck):
    threads = [threading.Thread(target=add, args=(log, deck, BEN, 50)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.flush(deck, all=True)
    assert sum(count for _, count in recorded(deck)) == 400
    assert len(recorded(deck)) == 2


def test_registry_that_cannot_be_written_loses_no_count_and_raises_nothing(log, deck, monkeypatch):
    from store.errors import StorageUnwritable

    def full(*_args, **_options):
        raise StorageUnwritable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(events, "append", full)
        add(log, deck, BEN, 3)
    log.flush(deck, all=True)
    assert sum(count for _, count in recorded(deck)) == 3
