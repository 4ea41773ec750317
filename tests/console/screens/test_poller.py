from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest
from sample_deck import SampleClient

from console.poller import Answer, Asks, Errands, Failure, Poller, Returned
from store.errors import Unavailable

WAIT_S = 10.0


@pytest.fixture
def arrived() -> queue.Queue[Any]:
    return queue.Queue()


@pytest.fixture
def poller(sample: SampleClient, arrived: queue.Queue[Any]) -> Iterator[Poller]:
    made = Poller(lambda: sample, arrived.put, interval_s=0.01)
    made.start()
    yield made
    made.stop()


def pulse(client: Asks) -> Any:
    return client.call("deck.pulse").deck


def test_it_reads_at_once_and_then_only_when_something_moved(
    sample: SampleClient, poller: Poller, arrived: queue.Queue[Any]
) -> None:
    poller.watch("pulse", pulse)
    assert arrived.get(timeout=WAIT_S) == Answer("pulse", "hotel-demo")
    with pytest.raises(queue.Empty):
        arrived.get(timeout=0.2)
    assert len(sample.called("deck.changes")) > 3
    sample.token += 1
    assert arrived.get(timeout=WAIT_S) == Answer("pulse", "hotel-demo")


def test_a_failure_is_told_and_reading_goes_on(sample: SampleClient, poller: Poller, arrived: queue.Queue[Any]) -> None:
    sample.failure = Unavailable("no daemon answers")
    poller.watch("pulse", pulse)
    failed = arrived.get(timeout=WAIT_S)
    assert isinstance(failed, Failure)
    assert failed.error.message == "no daemon answers"
    sample.failure = None
    while not isinstance(arrived.get(timeout=WAIT_S), Answer):
        pass


def test_a_defect_in_a_read_does_not_end_the_thread(
    sample: SampleClient, poller: Poller, arrived: queue.Queue[Any]
) -> None:
    poller.watch("broken", lambda client: 1 // 0)
    failed = arrived.get(timeout=WAIT_S)
    assert "ZeroDivisionError" in failed.error.message
    poller.watch("pulse", pulse)
    found = arrived.get(timeout=WAIT_S)
    while not isinstance(found, Answer):
        found = arrived.get(timeout=WAIT_S)
    assert found.page == "pulse"


def test_a_log_is_read_at_every_tick(poller: Poller, arrived: queue.Queue[Any]) -> None:
    poller.watch("log", pulse, is_always=True)
    assert [arrived.get(timeout=WAIT_S).page for _ in range(3)] == ["log", "log", "log"]


def test_errands_come_back_with_their_number(sample: SampleClient, arrived: queue.Queue[Any]) -> None:
    errands = Errands(lambda: sample, arrived.put)
    errands.start()
    errands.send(1, pulse)
    sample.answers["runs.train"] = Unavailable("no")
    errands.send(2, lambda client: client.call("runs.train"))
    assert arrived.get(timeout=WAIT_S) == Returned(1, "hotel-demo", None)
    assert isinstance(arrived.get(timeout=WAIT_S).error, Unavailable)
    errands.stop()
