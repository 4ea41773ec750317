"""A job is asked for, claimed under a number, and ends once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from store import events, jobs
from store.database import Database
from store.errors import LeaseLost, Refused
from store.rows import Job

ANNA = "user:anna"


@pytest.fixture
def asked(database: Database) -> Job:
    """A queued job."""
    with database.write() as tx:
        return jobs.enqueue(tx, kind="train", model="rates", args={"until": None}, actor=ANNA, via="sudo:root")


def actions(database: Database, job: Job) -> list[str]:
    return [event.action for event in reversed(events.events(database, subject=("job", job.id)))]


def test_job_goes_from_asked_to_done_on_record(database: Database, asked: Job) -> None:
    with database.write() as tx:
        claimed = jobs.claim(tx, asked.id)
        jobs.set_process(tx, asked.id, 1, 4242, "boot:1")
        jobs.progress(tx, asked.id, 1, 0.5, "fold 2 of 3")
    running = jobs.running(database)[0]
    assert (claimed.attempt, running.pid, running.pid_started, running.progress) == (1, 4242, "boot:1", 0.5)
    with database.write() as tx:
        done = jobs.finish(tx, asked.id, 1, "succeeded", exit_code=0, result={"version": 1})
    assert (done.state, done.exit_code, done.result, done.ended_at) == ("succeeded", 0, {"version": 1}, tx.at)
    assert actions(database, asked) == ["job.requested", "job.started", "job.ended"]
    assert events.events(database, subject=("job", asked.id))[-1].via == "sudo:root"


def test_job_is_claimed_once(database: Database, asked: Job) -> None:
    with database.write() as tx:
        jobs.claim(tx, asked.id)
        with pytest.raises(LeaseLost, match="cannot be claimed"):
            jobs.claim(tx, asked.id)


def test_older_attempt_can_neither_report_nor_end(database: Database, asked: Job) -> None:
    with database.write() as tx:
        jobs.claim(tx, asked.id)
        jobs.requeue(tx, asked.id, "its process is gone")
        assert jobs.claim(tx, asked.id).attempt == 2
        for late in (
            lambda: jobs.progress(tx, asked.id, 1, 0.9, "late"),
            lambda: jobs.set_process(tx, asked.id, 1, 1, "x"),
            lambda: jobs.finish(tx, asked.id, 1, "succeeded"),
        ):
            with pytest.raises(LeaseLost):
                late()
        jobs.finish(tx, asked.id, 2, "failed", reason="source raised", exit_code=1)
        with pytest.raises(LeaseLost):
            jobs.finish(tx, asked.id, 2, "succeeded")
        with pytest.raises(Refused):
            jobs.finish(tx, asked.id, 2, "asleep")


def test_live_job_of_the_same_key_is_the_answer(database: Database) -> None:
    with database.write() as tx:
        first = jobs.enqueue(tx, kind="monitor", model="rates", actor="schedule:monitor:rates", dedupe_key="m:rates")
        again = jobs.enqueue(tx, kind="monitor", model="rates", actor="schedule:monitor:rates", dedupe_key="m:rates")
        assert again == first
        jobs.claim(tx, first.id)
        jobs.finish(tx, first.id, 1, "succeeded")
        next_one = jobs.enqueue(tx, kind="monitor", model="rates", actor=ANNA, dedupe_key="m:rates")
    assert next_one.id != first.id


def test_queued_job_is_cancelled_at_once(database: Database, asked: Job) -> None:
    with database.write() as tx:
        cancelled = jobs.request_cancel(tx, asked.id, actor="user:bob", reason="wrong model")
        assert jobs.request_cancel(tx, asked.id) == cancelled
    assert (cancelled.state, cancelled.reason) == ("cancelled", "wrong model")
    assert events.events(database, limit=1)[0].actor == "user:bob"


def test_running_job_is_asked_to_stop_once(database: Database, asked: Job) -> None:
    with database.write() as tx:
        jobs.claim(tx, asked.id)
        assert not jobs.cancel_requested(tx, asked.id)
        for _ in range(2):
            assert jobs.request_cancel(tx, asked.id, actor="user:bob").state == "running"
        assert jobs.cancel_requested(tx, asked.id)
        assert [job.id for job in jobs.cancelling(tx)] == [asked.id]
    assert actions(database, asked).count("job.cancel_requested") == 1


def test_abandoning_an_ended_job_changes_nothing(database: Database, running_job: Callable[..., Job]) -> None:
    with database.write() as tx:
        job = running_job(tx)
        jobs.finish(tx, job.id, 1, "succeeded")
        assert jobs.abandon(tx, job.id, "late").state == "succeeded"


def test_jobs_are_listed_newest_first_and_the_queue_oldest_first(database: Database) -> None:
    with database.write() as tx:
        made = [jobs.enqueue(tx, kind="train", model="rates", actor=ANNA) for _ in range(3)]
        jobs.claim(tx, made[1].id)
    ids = [job.id for job in made]
    assert [job.id for job in jobs.jobs(database)] == ids[::-1]
    assert [job.id for job in jobs.jobs(database, limit=1)] == ids[2:]
    assert [job.id for job in jobs.queued(database)] == [ids[0], ids[2]]
    assert [job.id for job in jobs.jobs(database, states=("running", "failed"))] == [ids[1]]
    assert jobs.jobs(database, model="other") == []
