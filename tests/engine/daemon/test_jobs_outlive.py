"""Jobs under a real daemon: what is killed is told and repeated, and a killed daemon takes no job with it."""

from __future__ import annotations

import os
import re
import signal

import pytest

from engine.jobs.processes import is_alive


def logs(daemon, job, offset=0):
    return daemon.client.call("jobs.logs", {"id": job.id, "offset": offset})


@pytest.mark.timeout(120)
def test_killed_training_is_abandoned_and_the_next_one_makes_a_version(daemon):
    job = daemon.start_waiting("runs.train")
    os.kill(job.pid, signal.SIGKILL)
    ended = daemon.ended(job)
    [run] = daemon.client.call("runs.list", {"model": "waiting"})
    assert ended.state == run.state == "abandoned"
    assert ended.reason == run.reason == "its process was killed by SIGKILL, perhaps for lack of memory"
    daemon.source.go()
    done = daemon.ended(daemon.client.call("runs.train", {"model": "waiting"}))
    assert (done.state, done.reason) == ("succeeded", "")
    [version] = daemon.client.call("versions.list", {"model": "waiting"})
    assert done.result == {"model": "waiting", "version": version.number, "run_id": version.run_id}


@pytest.mark.parametrize("lost", ["killed", "stopped"])
def test_running_job_goes_on_without_its_daemon_and_the_next_one_adopts_it(daemon, lost):
    job = daemon.start_waiting("data.ingest")
    if lost == "killed":
        daemon.kill()
    else:
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon._children[-1].wait(30) == 0
        assert not daemon.workspace.socket.exists()
    assert daemon.client.transport == "process"
    assert is_alive(job.pid, job.pid_started)
    daemon.start()
    assert daemon.job(job).state == "running"
    daemon.source.go()
    done = daemon.ended(job)
    assert (done.state, done.attempt, done.pid, done.result["rows"]) == ("succeeded", 1, job.pid, 200)


def test_job_that_ended_while_no_daemon_ran_is_ended_by_the_next_one(daemon):
    job = daemon.start_waiting("data.ingest")
    daemon.kill()
    daemon.source.go()
    daemon.until(lambda: not is_alive(job.pid, job.pid_started))
    assert daemon.job(job).state == "running"  # nobody was there to write it down
    daemon.start()
    assert daemon.ended(job).state == "succeeded"


def test_log_is_followed_piece_by_piece(daemon):
    daemon.source.go()
    job = daemon.ended(daemon.client.call("runs.train", {"model": "plain"}))
    whole = logs(daemon, job)
    assert re.match(r"0:00:\d\d  taking a snapshot of the source\n", whole.text)
    assert whole.next_offset == len(whole.text.encode())
    rest = logs(daemon, job, 7)
    assert (rest.text, rest.next_offset) == (whole.text[7:], whole.next_offset)
    assert logs(daemon, job, whole.next_offset).text == ""


def test_job_is_cancelled_over_the_socket(daemon):
    job = daemon.start_waiting("data.ingest")
    daemon.client.call("jobs.cancel", {"id": job.id, "reason": "not now"})
    assert daemon.ended(job).state == "cancelled"
    asked = daemon.client.call("events.list", {"filter": "action=job.cancel_requested"})[0]
    assert (asked.subject_id, asked.reason) == (job.id, "not now")


def test_chain_of_events_is_whole_after_all_of_this(daemon):
    assert daemon.client.call("audit.verify").ok
