"""The terms of a job: what it needs, how often it is tried, what it may use, and whose turn it is."""

from __future__ import annotations

import os
import signal

import pytest

from engine.jobs.endings import LONGEST_BACKOFF_S, backoff_s
from engine.jobs.kinds import KINDS
from engine.jobs.turns import Turns
from engine.jobs.worker import KILL_AFTER_S
from engine.settings.work import DEFAULTS, job_settings, terms
from store import jobs, runs
from store.errors import LeaseLost, Refused
from store.rows import Terms


def test_every_kind_of_job_has_its_settings():
    assert set(KINDS) <= set(DEFAULTS), "name the kind in engine.settings.work, so that deck.toml may set its terms"


def test_job_starts_only_after_those_it_needs_have_succeeded(stage):
    first = stage.start_waiting()
    second = stage.enqueue(needs=[first])
    stage.worker.tick()
    assert stage.job(second).state == "queued"
    assert [job.id for job in jobs.needs(stage.deck.database, second.id)] == [first.id]
    stage.source.go()
    assert stage.end(second).state == "succeeded"
    assert stage.job(first).ended_at <= stage.job(second).started_at
    assert [job.id for job in jobs.needed_by(stage.deck.database, first.id)] == [second.id]


@pytest.mark.parametrize("ending", ["failed", "cancelled", "abandoned"])
def test_what_needs_a_job_that_did_not_succeed_is_cancelled_with_the_reason(stage, ending):
    first = stage.enqueue()
    second = stage.enqueue(needs=[first])
    third = stage.enqueue(needs=[second])
    with stage.deck.database.write() as tx:
        if ending == "failed":
            jobs.finish(tx, first.id, jobs.claim(tx, first.id).attempt, "failed", reason="no", exit_code=1)
        elif ending == "cancelled":
            jobs.request_cancel(tx, first.id)
        else:
            jobs.abandon(tx, first.id, "gone")
    was = "failed" if ending == "failed" else f"was {ending}"
    assert (stage.job(second).state, stage.job(second).reason) == (
        "cancelled",
        f"needs job {first.id[:16]}, which {was}",
    )
    assert stage.job(third).reason == f"needs job {second.id[:16]}, which was cancelled"
    assert stage.actions(third) == ["job.requested", "job.ended"]


def test_job_after_one_that_can_never_succeed_is_refused(stage):
    first = stage.enqueue()
    stage.cancel(first)
    with pytest.raises(Refused, match="was cancelled"):
        stage.enqueue(needs=[first])


def test_higher_priority_goes_first_and_equals_by_age(stage):
    low, high, old = (stage.enqueue("train", "plain", terms=Terms(priority=each)) for each in (-1, 5, 0))
    assert [job.id for job in jobs.startable(stage.deck.database)] == [high.id, old.id, low.id]


def test_failed_job_is_tried_again_after_its_backoff_under_a_new_fencing_number(stage):
    asked = stage.enqueue("train", "failing", terms=Terms(retries=2, backoff_s=10))
    again = stage.work_until(lambda: (job := stage.job(asked)).state == "queued" and job.attempt == 1 and job)
    assert "the source is not there yet" in again.reason
    assert again.not_before_at == stage.deck.clock.now() + 10_000_000
    [run] = runs.runs(stage.deck.database, model="failing") or [None]
    assert run is None or run.state == "failed"
    assert not stage.worker.tick()
    stage.clock.advance(9)
    assert not stage.worker.tick()
    stage.source.go()
    stage.clock.advance(2)
    done = stage.end(asked)
    assert (done.state, done.attempt, done.not_before_at) == ("succeeded", 2, None)
    assert stage.actions(asked) == ["job.requested", "job.started", "job.requeued", "job.started", "job.ended"]
    with pytest.raises(LeaseLost), stage.deck.database.write(jobs.fence(again)):
        pass


def test_wall_clock_set_back_does_not_lengthen_the_wait(stage):
    asked = stage.enqueue("train", "failing", terms=Terms(retries=1, backoff_s=10))
    stage.work_until(lambda: stage.job(asked).attempt == 1 and stage.job(asked).state == "queued")
    stage.clock._now -= 3_600_000_000
    stage.source.go()
    stage.worker.tick()
    stage.clock.advance(11)
    assert stage.end(asked).state == "succeeded"


def test_job_that_fails_each_time_ends_as_failed_after_its_retries(stage):
    done = stage.end(stage.enqueue("ingest", "failing", terms=Terms(retries=2, backoff_s=0)))
    assert (done.state, done.attempt, done.exit_code) == ("failed", 3, 1)
    assert stage.actions(done).count("job.requeued") == 2


def test_refused_work_is_not_tried_again(stage):
    done = stage.end(stage.enqueue("frobnicate", terms=Terms(retries=3, backoff_s=0)))
    assert (done.state, done.attempt, done.exit_code) == ("failed", 1, 3)


def test_killed_job_with_retries_is_tried_again(stage):
    job = stage.start_waiting(terms=Terms(retries=1, backoff_s=0))
    stage.source.go()
    os.kill(job.pid, signal.SIGKILL)
    done = stage.end(job)
    assert (done.state, done.attempt) == ("succeeded", 2)


def test_process_stopped_by_something_else_is_not_called_cancelled(stage):
    job = stage.start_waiting()
    os.kill(job.pid, signal.SIGTERM)
    done = stage.end(job)
    assert (done.state, done.reason) == (
        "abandoned",
        "its process was told to stop by something other than modeldeck (SIGTERM)",
    )


def test_backoff_doubles_up_to_an_hour(stage):
    job = stage.enqueue(terms=Terms(retries=9, backoff_s=30))
    waits = [backoff_s(type(job)(**{**_fields(job), "attempt": attempt})) for attempt in (1, 2, 3, 20)]
    assert waits == [30, 60, 120, LONGEST_BACKOFF_S]


def _fields(job):
    return {name: getattr(job, name) for name in job.__dataclass_fields__}


@pytest.mark.parametrize("model", ["waiting", "stubborn"])
def test_job_that_takes_too_long_is_stopped_and_failed_with_its_timeout(stage, model):
    job = stage.start_waiting(model=model, terms=Terms(timeout_s=60))
    stage.clock.advance(59)
    stage.worker.tick()
    assert stage.worker._watched[job.id].terminated_at is None
    stage.clock.advance(2)
    stage.worker.tick()
    stage.clock.advance(KILL_AFTER_S + 1)
    done = stage.end(job)
    assert (done.state, done.exit_code) == ("failed", 1)
    assert done.reason == "timed out after 60 s: raise [jobs.ingest] timeout in deck.toml, or give it less to do"


def test_next_worker_knows_for_how_long_a_job_has_run_and_that_its_time_was_over(stage):
    job = stage.start_waiting(terms=Terms(timeout_s=60))
    stage.clock.advance(61)
    stage.worker.tick()
    stage.succeed()
    done = stage.end(job)
    assert (done.state, done.reason[:20]) == ("failed", "timed out after 60 s")


def test_adopted_job_is_timed_from_the_start_of_its_process(stage):
    job = stage.start_waiting(terms=Terms(timeout_s=3600))
    stage.succeed()
    stage.worker.tick()
    age = stage.clock.boottime() - stage.worker._watched[job.id].since
    assert 0 < age < 120


def test_memory_limit_is_named_when_it_is_hit(stage):
    done = stage.end(stage.enqueue("ingest", "hungry", terms=Terms(memory_mb=2048)))
    assert (done.state, done.exit_code) == ("failed", 1)
    assert done.reason == (
        "the job hit its memory limit of 2048 MB: raise [jobs.ingest] memory_mb in deck.toml,"
        " or use fewer rows or columns"
    )


def test_limit_on_processor_time_is_named_when_it_is_spent(stage):
    done = stage.end(stage.enqueue("ingest", "busy", terms=Terms(cpu_s=3)))
    assert (done.state, done.exit_code) == ("failed", 1)
    assert done.reason == "the job used its 3 s of processor time: raise [jobs.ingest] cpu in deck.toml"


def test_only_as_many_of_a_kind_and_for_a_model_run_as_the_settings_say(stage):
    one, same, other, third = (stage.enqueue("ingest", model) for model in ("plain", "plain", "waiting", "busy"))
    turns = Turns({}, [one])
    assert turns.why_not(same) == "its turn: 1 ingest job runs for plain already, 1 at once"
    assert turns.why_not(other) == ""
    turns.take(other)
    assert turns.why_not(third) == "its turn: 2 ingest jobs run already, 2 at once"
    assert Turns({"jobs": {"ingest": {"at_once": 3}}}, [one, other]).why_not(third) == ""


def test_worker_follows_newly_applied_settings(stage):
    first = stage.start_waiting("train")
    second = stage.enqueue("train", "plain")
    stage.worker.tick()
    assert stage.job(second).state == "queued"
    stage.settings("[jobs.train]\nat_once = 2\n")
    assert stage.end(second).state == "succeeded"
    assert stage.job(first).state == "running"


def test_terms_come_from_deck_toml(stage):
    stage.settings('[jobs.train]\ntimeout = "2h"\nmemory_mb = 4096\ncpu = "90m"\nretries = 2\nbackoff = "1m"\n')
    from engine.settings.apply import current_settings

    body = current_settings(stage.deck)[0].to_body()
    assert terms(body, "train") == Terms(0, 2, 60, 7200, 4096, 5400)
    assert job_settings(body, "train").at_once == 1
    assert terms(body, "release") == Terms(priority=10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[jobs.trian]\nat_once = 2\n", "no kind of job named 'trian'"),
        ("[jobs.train]\nat_once = 0\n", "greater than or equal to 1"),
        ('[jobs.train]\ntimeout = "0s"\n', 'must be at least "1s"'),
        ("[jobs.train]\nmemory = 12\n", "unknown key 'memory'"),
        ("[jobs.release]\nretries = 1\n", "a release is never tried again by itself"),
    ],
)
def test_impossible_terms_are_refused(stage, text, said):
    with pytest.raises(Refused) as refused:
        stage.settings(text)
    assert said in refused.value.message
