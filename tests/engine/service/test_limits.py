"""One identity can ask much and not everything: buckets that fill again, and a cap on what runs together."""

from __future__ import annotations

import contextlib

import pytest

from engine.service.limits import RUNNING, RUNNING_EACH, Limiter, Rate
from store.errors import Busy

SLOW = Rate(3, 2)


@pytest.fixture(name="limiter")
def limiter_on_a_frozen_clock(clock):
    """A limiter whose time moves by `clock.advance`."""
    return Limiter(clock.boottime)


def admitted(limiter, identity="uid 1", rate=SLOW, most=100):
    """Return how many requests are let in before the first that is not."""
    for count in range(most):
        try:
            limiter.admit(identity, rate)
        except Busy:
            return count
    return most


def test_burst_is_let_in_and_no_more(limiter):
    assert admitted(limiter) == 3
    with pytest.raises(Busy) as caught:
        limiter.admit("uid 1", SLOW)
    assert (caught.value.exit_code, caught.value.retry_after_s) == (4, 0.5)
    assert caught.value.line() == "too many requests a second: ask again in 0.5 s"


def test_who_waits_as_long_as_told_is_let_in(limiter, clock):
    admitted(limiter)
    clock.advance(0.5)
    assert admitted(limiter) == 1
    clock.advance(3600)
    assert admitted(limiter) == 3


def test_identities_and_rates_do_not_take_from_each_other(limiter):
    assert admitted(limiter) == admitted(limiter, "uid 2") == 3
    assert admitted(limiter, rate=Rate(5, 1)) == 5


def test_identities_seen_long_ago_are_forgotten(limiter, clock):
    for number in range(3000):
        limiter.admit(f"uid {number}", SLOW)
        clock.advance(1)
    assert len(limiter._buckets) <= 1024


def test_one_identity_runs_only_so_many_at_once_and_leaves_room(limiter):
    with contextlib.ExitStack() as running:
        for _ in range(RUNNING_EACH):
            running.enter_context(limiter.running("uid 1"))
        with pytest.raises(Busy, match=f"{RUNNING_EACH} of them of uid 1"), limiter.running("uid 1"):
            pass
        running.enter_context(limiter.running("uid 2"))
    with limiter.running("uid 1"):
        pass


def test_all_together_run_only_so_many(limiter):
    with contextlib.ExitStack() as running:
        for number in range(RUNNING):
            running.enter_context(limiter.running(f"uid {number}"))
        with pytest.raises(Busy), limiter.running("uid new"):
            pass
