"""Queued jobs become processes, and every process that ends becomes an ended job, however it ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from engine.jobs.report import attempt_folder
from engine.jobs.worker import KILL_AFTER_S
from engine.service.handlers.work import read_piece
from store import events, jobs, runs


def actions(stage, job):
    found = [event.action for event in events.events(stage.deck.database) if event.subject_id == job.id]
    return list(reversed(found))


def kill(job):
    os.kill(job.pid, signal.SIGKILL)


def test_job_runs_and_leaves_its_result_and_a_private_log(stage):
    done = stage.run()
    assert (done.state, done.exit_code, done.attempt, done.reason) == ("succeeded", 0, 1, "")
    assert done.result["rows"] == 200
    assert actions(stage, done) == ["job.requested", "job.started", "job.ended"]
    assert stage.log(done).stat().st_mode & 0o777 == 0o600
    assert not attempt_folder(stage.deck.workspace, done.id, 1).exists()
    assert stage.worker.running == 0


def test_numeric_libraries_of_a_job_take_one_thread(stage):
    job = stage.start_waiting()
    given = Path(f"/proc/{job.pid}/environ").read_text(encoding="utf-8", errors="replace").split("\0")
    assert {"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"} <= set(given)
    stage.source.go()
    assert stage.end(job).state == "succeeded"


def test_job_of_a_kind_nobody_knows_fails_in_one_line(stage):
    done = stage.run("frobnicate")
    assert (done.state, done.exit_code) == ("failed", 3)
    assert (
        done.reason
        == "no kind of job named 'frobnicate': kinds: train, reproduce, derive, ingest, test, release, converge,"
        " build-base, backfill, monitor, monitor-backfill, attribute, erase, retention, notify"
    )


def test_what_fails_after_the_code_was_changed_under_the_daemon_says_to_restart_it_and_what_works_works(
    stage, monkeypatch
):
    assert "modeldeck daemon restart" not in stage.run("frobnicate").reason
    monkeypatch.setattr(stage.worker, "_code", "of-before-the-upgrade")
    done = stage.run("frobnicate")
    assert (done.state, done.exit_code) == ("failed", 4)
    told = "the code was changed under the running daemon: modeldeck daemon restart (no kind of job named"
    assert done.reason.startswith(told)
    assert stage.run().state == "succeeded"


def test_log_is_read_from_an_offset_on_without_cutting_a_character(stage):
    job = stage.enqueue()
    path = stage.log(job)
    path.parent.mkdir(parents=True)
    path.write_bytes("naïve €".encode() + b"\xe2\x82")
    text, offset = read_piece(stage.deck.workspace, job.id, 0)
    assert (text, offset) == ("naïve €", 10)
    with path.open("ab") as file:
        file.write(b"\xac!")
    assert read_piece(stage.deck.workspace, job.id, offset) == ("€!", 14)
    assert read_piece(stage.deck.workspace, job.id, 14) == ("", 14)
    assert read_piece(stage.deck.workspace, job.id, 10**30) == ("", 10**30)


def test_queued_job_is_cancelled_at_once(stage):
    asked = stage.enqueue()
    assert (stage.cancel(asked).state, stage.job(asked).reason) == ("cancelled", "cancelled by user:ben")
    assert not stage.worker.tick()


def test_running_job_is_cancelled_by_its_worker(stage):
    job = stage.start_waiting()
    assert stage.cancel(job).state == "running"
    done = stage.end(job)
    assert (done.state, done.exit_code, done.reason) == ("cancelled", 1, "cancelled by user:ben")
    assert "job.cancel_requested" in actions(stage, job)


def test_job_that_does_not_stop_by_itself_is_killed(stage):
    job = stage.start_waiting(model="stubborn")
    stage.cancel(job)
    stage.worker.tick()
    stage.clock.advance(KILL_AFTER_S + 1)
    done = stage.end(job)
    assert (done.state, done.reason) == ("cancelled", "cancelled by user:ben; it did not stop by itself and was killed")


def test_killed_training_is_abandoned_with_its_run_and_reason(stage):
    job = stage.start_waiting("train")
    kill(job)
    done = stage.end(job)
    [run] = runs.runs(stage.deck.database, model="waiting")
    assert done.state == run.state == "abandoned"
    assert done.reason == run.reason == "its process was killed by SIGKILL, perhaps for lack of memory"


def test_one_training_runs_at_a_time_while_light_jobs_go_on(stage):
    first = stage.start_waiting("train")
    second, light = stage.enqueue("train", "waiting"), stage.enqueue("ingest", "waiting")
    stage.worker.tick()
    assert [stage.job(one).state for one in (first, second, light)] == ["running", "queued", "running"]


@pytest.mark.parametrize("ending", ["done", "killed"])
def test_next_worker_takes_over_a_running_job(stage, ending):
    job = stage.start_waiting()
    stage.succeed()
    stage.worker.tick()
    assert (stage.job(job).state, stage.worker.running) == ("running", 1)
    if ending == "done":
        stage.source.go()
        assert (stage.end(job).state, stage.job(job).attempt) == ("succeeded", 1)
    else:
        kill(job)
        assert (stage.end(job).state, stage.job(job).reason) == ("abandoned", "its process is gone")


def test_job_whose_log_meets_a_full_disk_goes_on(stage):
    job = stage.enqueue("train")
    stage.log(job).parent.mkdir(parents=True)
    stage.log(job).symlink_to("/dev/full")
    done = stage.end(job)
    assert (done.state, done.exit_code, done.reason) == ("succeeded", 0, "")


def test_job_that_cannot_write_its_report_tells_of_the_disk(stage):
    job = stage.enqueue("frobnicate")
    folder = attempt_folder(stage.deck.workspace, job.id, 1)
    folder.mkdir(parents=True)
    (folder / "result.json.tmp").symlink_to("/dev/full")
    done = stage.end(job)
    assert (done.state, done.reason) == (
        "abandoned",
        "its report could not be written: the disk is full or not writable",
    )


def test_job_whose_process_cannot_be_started_says_why(stage):
    stage.deck.workspace.jobs.touch()  # where the attempt's folder should go
    done = stage.run()
    assert done.state == "abandoned"
    assert done.reason.startswith("its process could not be started: ")


def test_nothing_to_do_is_no_change(stage):
    assert not stage.worker.tick()
    assert jobs.jobs(stage.deck.database) == []
