"""A terminal that goes away in the middle of an action takes nothing with it: the job goes on and is found again."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_deck import COMMAND, MODEL, WITHIN_S, Tiny, make_tiny

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SOURCE = """
import pathlib
import time

import pyarrow.csv

HERE = pathlib.Path({here!r})


def load():
    (HERE / "reached").touch()
    deadline = time.monotonic() + 90
    while not (HERE / "go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("nobody said go")
        time.sleep(0.02)
    return pyarrow.csv.read_csv(HERE / "rates.csv")
"""


@pytest.fixture(name="slow")
def deck_whose_source_waits() -> Iterator[Tiny]:
    """A deck whose training waits in its source until a file named `go` is there."""
    tiny = make_tiny(Path(tempfile.mkdtemp(prefix="md")))
    (tiny.root / "slow.py").write_text(SOURCE.format(here=str(tiny.root)))
    tiny.write_model(MODEL.replace('"rates.csv"', '"python:slow:load"'))
    yield tiny
    (tiny.root / "go").touch()
    tiny("daemon", "stop", "--all")
    shutil.rmtree(tiny.home)


def in_a_terminal(tiny: Tiny, *words: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start a line in a terminal of its own, as a login has it; returns the process and our end of the terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", str(COMMAND), *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tiny.root,
        env={**os.environ, "HOME": str(tiny.home), "TERM": "xterm"},
    )
    os.close(theirs)
    return process, ours


def piped(tiny: Tiny, *words: str) -> subprocess.Popen[str]:
    """Start a line whose output goes to pipes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELDECK_")}
    return subprocess.Popen(
        [str(COMMAND), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tiny.root,
        env={**environment, "HOME": str(tiny.home)},
    )


def drain(ours: int) -> None:
    """Read what the terminal was sent, so that nobody waits for it to be read."""
    while select.select([ours], [], [], 0)[0]:
        os.read(ours, 65536)


def test_who_follows_a_queued_training_is_told_what_it_waits_for(slow: Tiny) -> None:
    first = slow("train", "rates", "--detach").out.strip()
    slow.wait((slow.root / "reached").exists)
    with piped(slow, "train", "rates") as follower:
        assert follower.stderr is not None
        told = follower.stderr.readline()
        (slow.root / "go").touch()
        follower.communicate(timeout=WITHIN_S)
    assert told == "train rates: queued, waits for its turn: 1 train job runs already, 1 at once\n"
    assert (follower.returncode, slow("jobs", "show", first, "--json").data["job"]["state"]) == (0, "succeeded")


@pytest.mark.parametrize("follows", ["train rates", "jobs logs --follow"])
def test_training_whose_terminal_is_gone_goes_on_and_is_picked_up(slow: Tiny, follows: str) -> None:
    process, ours = in_a_terminal(slow, "train", "rates")

    def reached() -> bool:
        drain(ours)
        return (slow.root / "reached").exists()

    slow.wait(reached)
    [job] = slow("jobs", "--json").data
    if follows != "train rates":
        follower, terminal = in_a_terminal(slow, *follows.split(), job["id"])
        time_out = time.monotonic() + WITHIN_S
        while not select.select([terminal], [], [], 0.1)[0]:
            assert time.monotonic() < time_out
        os.close(terminal)
        follower.wait(WITHIN_S)
    os.close(ours)  # the link is lost: the kernel sends SIGHUP
    assert process.wait(WITHIN_S) != 0
    [still] = slow("jobs", "--json").data
    assert (still["id"], still["state"], still["attempt"], still["pid"]) == (job["id"], "running", 1, job["pid"])
    os.kill(still["pid"], 0)
    again = piped(slow, "jobs", "logs", job["id"], "--follow")
    assert again.stdout is not None
    first = again.stdout.readline()  # what was printed before it came
    assert first
    (slow.root / "go").touch()
    out, err = again.communicate(timeout=WITHIN_S)
    assert again.returncode == 0, (out, err)
    assert "registering the version" in out
    [ended] = slow("jobs", "--json").data
    assert (ended["state"], ended["attempt"]) == ("succeeded", 1)
    assert slow("versions", "rates", "--json").data[0]["number"] == 1
    slow.intact()


def test_the_daemon_a_lost_terminal_has_started_goes_on(slow: Tiny) -> None:
    process, ours = in_a_terminal(slow, "daemon", "start")
    slow.wait(lambda: slow("daemon", "status", "--json").data["state"] == "running")
    pid = slow("daemon", "status", "--json").data["pid"]
    os.close(ours)
    process.wait(WITHIN_S)
    assert os.getsid(pid) == pid
    assert slow("daemon", "status", "--json").data["pid"] == pid


def test_whoever_follows_a_job_is_told_that_no_daemon_is_left(slow: Tiny) -> None:
    training = piped(slow, "train", "rates")
    slow.wait((slow.root / "reached").exists)
    [job] = slow("jobs", "--json").data
    reading = piped(slow, "jobs", "logs", job["id"], "--follow")
    assert reading.stdout is not None
    assert reading.stdout.readline()
    os.kill(slow("daemon", "status", "--json").data["pid"], signal.SIGKILL)
    for follower in (training, reading):
        _, err = follower.communicate(timeout=WITHIN_S)
        assert follower.returncode == 4, err
        told = f"no daemon runs; job {job['id'][:16]} is kept, and the next daemon takes it up: modeldeck daemon start"
        assert err.splitlines()[-1] == f"error: {told}"
    assert slow("daemon", "start").code == 0
    again = piped(slow, "jobs", "logs", job["id"], "--follow")
    (slow.root / "go").touch()
    _, err = again.communicate(timeout=WITHIN_S)
    assert again.returncode == 0, err
    [ended] = slow("jobs", "--json").data
    assert (ended["state"], ended["attempt"]) == ("succeeded", 1)
