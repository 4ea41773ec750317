"""A job is met again after a lost link: shown whole, its log followed to its end, with its own exit code."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys

import pytest


@pytest.fixture(name="follow")
def followed_log(daemon):
    """Return a function that follows a job's log as a process of its own."""
    made = []

    def start(job, *more):
        made.append(
            subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "console.main", "-w", str(daemon.workspace.root)),
                    *("jobs", "logs", job.id, "--follow", *more),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()


def test_log_is_followed_while_the_job_runs_and_its_daemon_is_replaced(daemon, follow):
    job = daemon.start_waiting("runs.train")
    process = follow(job)
    assert re.fullmatch(r"0:00:\d\d  taking a snapshot of the source\n", process.stdout.readline())
    daemon.kill()
    daemon.start()
    daemon.source.go()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out
    assert err.endswith(f"job {job.id[:16]}: succeeded\n")


def test_follower_of_a_cancelled_job_leaves_with_its_exit_code(daemon, follow):
    job = daemon.start_waiting("data.ingest")
    process = follow(job, "--json")
    daemon.client.call("jobs.cancel", {"id": job.id})
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)["id"] == job.id
    assert re.fullmatch("ingest cancelled: cancelled by user:[a-z0-9_-]+", json.loads(err)["error"]["message"])


def test_ctrl_c_lets_go_of_the_log_and_the_job_goes_on(daemon, follow):
    job = daemon.start_waiting("runs.train")
    process = follow(job)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "let go; the job goes on" in err) == (0, True)
    assert daemon.job(job).state == "running"
    daemon.source.go()
    assert daemon.ended(job).state == "succeeded"


def test_job_is_shown_with_what_it_waits_for(daemon):
    first = daemon.start_waiting("runs.train")
    after = daemon.client.call("data.ingest", {"model": "plain", "after": [first.id[:20]]})
    turn = daemon.client.call("runs.train", {"model": "plain"})
    shown = daemon.client.call("jobs.show", {"id": after.id})
    assert (shown.waits_for, [job.id for job in shown.needs]) == (f"job {first.id[:16]} to succeed", [first.id])
    waits_for = daemon.client.call("jobs.show", {"id": turn.id}).waits_for
    assert waits_for == "its turn: 1 train job runs already, 1 at once"
    now = daemon.client.call("jobs.show", {"id": first.id})
    assert str(now.job.pid) in written(now)
    assert ([attempt.state for attempt in now.attempts], [job.id for job in now.needed_by]) == (["running"], [after.id])
    os.kill(now.job.pid, signal.SIGKILL)
    assert daemon.ended(after).reason == f"needs job {first.id[:16]}, which was abandoned"
    [attempt] = daemon.client.call("jobs.show", {"id": first.id}).attempts
    assert (attempt.state, attempt.ended_at is not None) == ("abandoned", True)
    daemon.source.go()
    assert daemon.ended(turn).state == "succeeded"


def written(answer):
    from console.commands import render
    from console.output import Output

    out = io.StringIO()
    render.one(answer, Output(stdout=out, stderr=io.StringIO()))
    return out.getvalue()


def test_job_is_written_for_a_person(daemon):
    daemon.source.go()
    first = daemon.client.call("data.ingest", {"model": "plain"})
    second = daemon.ended(daemon.client.call("data.ingest", {"model": "plain", "after": [first.id]}))
    lines = written(daemon.client.call("jobs.show", {"id": second.id})).splitlines()
    assert lines[0] == f"job      {second.id}"
    assert any(line.startswith("needs") and line.endswith("(succeeded)") for line in lines)
