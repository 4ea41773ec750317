"""A backfill of windows as a job: paused, killed and resumed, while the newest traffic is looked at."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from looking import ANNA, DAY_US, MIDNIGHT, look

from engine.access import Caller, Role
from engine.deck import Deck
from engine.jobs.processes import signal_group
from engine.jobs.worker import Worker
from engine.service.call import call
from engine.service.context import ServiceContext
from store import jobs, watching
from store.rows import Job


@pytest.fixture
def worker(deck: Deck) -> Iterator[Worker]:
    """Whatever runs the deck's jobs; its processes end with the test."""
    made = Worker(deck)
    yield made
    for watched in made._watched.values():
        if watched.process is not None:
            signal_group(watched.process.pid, signal.SIGKILL)
            watched.process.wait()


def test_paused_backfill_of_windows_keeps_its_place_through_a_kill_and_the_look_goes_on(
    deck: Deck, serving: Any, traffic: Any, made: Any, worker: Worker, until: Callable[..., Any]
):
    settings = serving()
    traffic.send(made.rates_rows(60), at=MIDNIGHT)
    assert len(look(deck, settings, day=2)) == 1
    context = ServiceContext(deck, Caller(ANNA, Role.OPERATOR))
    with deck.database.write() as tx:
        told = {"from_us": MIDNIGHT, "to_us": MIDNIGHT + DAY_US}
        asked = jobs.enqueue(tx, kind="monitor-backfill", model="rates", args=told, actor=ANNA, settings_revision=1)

    def job() -> Job:
        worker.tick()
        return jobs.job(deck.database, asked.id)

    assert call(context, "jobs.pause", {"id": asked.id}).message == f"paused: monitor-backfill {asked.id[:16]}"
    until(lambda: job().progress_text == "paused: no window computed")
    traffic.send(made.rates_rows(60, seed=3), at=MIDNIGHT + 2 * DAY_US)
    assert len(look(deck, settings, day=4)) == 1  # it does not wait for what is paused
    signal_group(job().pid or 0, signal.SIGKILL)
    until(lambda: job().attempt == 2 and "paused" in job().progress_text)
    call(context, "jobs.resume", {"id": asked.id})
    until(lambda: job().ended_at is not None)
    assert (job().state, job().result) == ("succeeded", {"windows": 1})
    assert [one.revision for one in watching.windows(deck.database, "rates", latest_revision_only=False)] == [1, 1]


def test_backfill_of_windows_is_asked_for_as_a_job_of_its_own_kind(deck: Deck, serving: Any):
    serving()
    context = ServiceContext(deck, Caller(ANNA, Role.OPERATOR))
    job = call(context, "monitors.backfill", {"model": "rates", "span": "2026-02-01..2026-03-01"})
    assert (job.kind, job.model, job.args) == (
        "monitor-backfill",
        "rates",
        {"from_us": MIDNIGHT, "to_us": MIDNIGHT + 28 * DAY_US},
    )
