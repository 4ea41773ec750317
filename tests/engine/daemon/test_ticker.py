"""A part of the daemon acts again and again, and trouble in it stops neither it nor the others."""

from __future__ import annotations

import threading

import pytest

from engine.daemon.parts import Parts
from engine.daemon.ticker import Ticker
from store import schedules
from store.errors import StorageUnwritable

LONG = 3600.0


@pytest.fixture(name="ticking")
def ticker_maker():
    """Return a maker of started tickers, stopped with the test."""
    made = []

    def make(act, idle_s=LONG, busy_s=LONG):
        made.append(Ticker("part", act, idle_s=idle_s, busy_s=busy_s))
        made[-1].start()
        return made[-1]

    yield make
    for ticker in made:
        ticker.stop()


class Act:
    """Counts its calls; `does` says what each one does."""

    def __init__(self, does=lambda _count: False):
        self.count = 0
        self._does = does

    def __call__(self):
        self.count += 1
        return self._does(self.count)


def test_wake_makes_it_act_now_rather_than_later(ticking, until):
    act = Act()
    ticker = ticking(act)
    until(lambda: act.count == 1)
    for expected in (2, 3):
        ticker.wake()
        until(lambda wanted=expected: act.count >= wanted)


def test_part_that_found_work_looks_again_soon(ticking, until):
    act = Act(lambda count: count < 4)
    ticking(act, busy_s=0.0)
    until(lambda: act.count == 4)


def test_trouble_is_logged_once_and_tried_again_until_it_is_over(ticking, until, caplog):
    def fail(count):
        if count < 4:
            raise StorageUnwritable("the disk is full")
        return False

    act = Act(fail)
    ticking(act, idle_s=0.001)
    until(lambda: "works again after 3 failures" in caplog.text)
    assert caplog.text.count("part failed: StorageUnwritable: the disk is full") == 3
    assert caplog.text.count("Traceback") == 1


def test_stop_lets_the_act_that_runs_finish(ticking, until):
    inside, go = threading.Event(), threading.Event()
    finished = []

    def act():
        inside.set()
        go.wait(10)
        finished.append(True)
        return False

    ticker = ticking(act)
    assert inside.wait(10)
    threading.Timer(0.02, go.set).start()
    ticker.stop()
    assert finished == [True]


def test_scheduler_that_could_not_start_is_started_by_a_later_try(deck, apply_settings_body, until):
    apply_settings_body("rates")
    with deck.database.write() as tx:
        tx.execute("CREATE TRIGGER full BEFORE UPDATE ON schedule BEGIN SELECT RAISE(FAIL, 'full'); END")
    parts = Parts(deck)
    with pytest.raises(Exception, match="full"):
        parts._schedule()
    with deck.database.write() as tx:
        tx.execute("DROP TRIGGER full")
    try:
        assert parts._schedule()
        assert parts._scheduler.is_running
        assert schedules.schedules(deck.database)[0].next_at is not None
    finally:
        parts._scheduler.close()
