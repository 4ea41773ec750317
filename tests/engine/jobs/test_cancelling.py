"""A job that was told to stop stops, whoever drops the exception that says so."""

from __future__ import annotations

import signal
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from engine.jobs import cancelling
from engine.jobs.cancelling import AGAIN_S, Cancelled

LONG_S = 60.0


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)
    cancelling.listen()
    yield
    cancelling.heard()
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGALRM, before[1])


class Thing:
    """What a weakref may point to."""


class StoppedWhileItGoes:
    """The signal comes in a destructor, where Python drops what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def in_a_destructor() -> None:
    StoppedWhileItGoes()


def in_a_weakref_callback() -> None:
    thing = Thing()
    watched = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
    del thing
    assert watched() is None


def by_code_that_catches_everything() -> None:
    with suppress(BaseException):
        signal.raise_signal(signal.SIGTERM)


def work_on() -> None:
    """Go on as trials do: for long, and in small steps."""
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        sum(range(100))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("dropped", [in_a_destructor, in_a_weakref_callback, by_code_that_catches_everything])
def test_a_stop_that_was_dropped_is_told_again(dropped: Callable[[], None]) -> None:
    dropped()
    with pytest.raises(Cancelled):
        work_on()


def test_a_stop_that_is_dropped_again_and_again_gets_through() -> None:
    by_code_that_catches_everything()
    for _ in range(3):
        with suppress(BaseException):
            work_on()
    with pytest.raises(Cancelled):
        work_on()


def test_what_puts_things_away_is_not_interrupted() -> None:
    put_away = []

    def stopped() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            try:
                time.sleep(3 * AGAIN_S)
                raise OSError("of the putting away itself")
            except OSError:
                time.sleep(3 * AGAIN_S)
            put_away.append("all")

    with pytest.raises(Cancelled):
        stopped()
    assert put_away == ["all"]


def test_nothing_is_raised_once_it_was_heard() -> None:
    with pytest.raises(Cancelled):
        signal.raise_signal(signal.SIGTERM)
    cancelling.heard()
    signal.raise_signal(signal.SIGTERM)
    time.sleep(3 * AGAIN_S)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
