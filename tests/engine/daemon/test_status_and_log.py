"""What a daemon says of itself: its status, its log in lines of JSON, and who holds a deck already."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from engine.daemon.log import KEPT, JsonLines
from engine.daemon.start import status
from engine.service.launch import last_lines, log_of
from store.database import SCHEMA


def test_status_tells_what_is_under_way(daemon, until):
    until(lambda: status(daemon.workspace).next_schedule)  # the scheduler has found the next time
    job = daemon.start_waiting("runs.train")
    waiting = daemon.client.call("runs.train", {"model": "plain"})
    said = status(daemon.workspace)
    assert (said.state, said.pid, said.schema) == ("running", daemon.pid, SCHEMA)
    assert (said.jobs_running, said.jobs_queued) == (1, 1)
    assert said.next_schedule.startswith("monitor:")
    assert said.next_schedule_at > said.started_at
    assert 0 <= said.uptime_s < 600
    assert 20 < said.memory_mb < 400
    assert said.last_action == "looks after 0 deployments on local"
    for each in (waiting, job):
        daemon.client.call("jobs.cancel", {"id": each.id})
        daemon.ended(each)


def test_second_daemon_says_who_holds_the_deck(daemon):
    second = subprocess.run(
        [sys.executable, "-P", "-m", "engine.daemon", "-w", str(daemon.workspace.root)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    said = json.loads(second.stderr.splitlines()[-1])
    assert second.returncode == 0
    assert said["level"] == "warning"
    assert f"(pid {daemon.pid}) holds this deck since 20" in said["message"]


def test_line_of_the_log_is_one_object_also_of_what_nobody_expected():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("modeldeck", logging.ERROR, "", 1, "%s failed", ("it",), sys.exc_info())
    record.threadName = "worker"
    text = JsonLines().format(record)
    said = json.loads(text)
    assert "\n" not in text
    assert (said["level"], said["part"], said["message"]) == ("error", "worker", "it failed")
    assert said["trace"].endswith("ValueError: two\nlines")
    assert said["at"].endswith("Z")


@pytest.fixture(name="logged")
def log_of_a_process(deck):
    """Return what a process leaves that logs many lines to its log file."""
    path = log_of(deck.workspace)
    path.parent.mkdir(parents=True)
    script = (
        "import logging, sys; from pathlib import Path; from engine.daemon.log import *\n"
        "path = Path(sys.argv[1]); handler = RotatingStderr(path, 2000); handler.setFormatter(JsonLines())\n"
        "logging.basicConfig(level=logging.INFO, handlers=[handler])\n"
        "for number in range(200): logging.info('line %d', number)\n"
        "print('a last word', file=sys.stderr)\n"
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    subprocess.run([sys.executable, "-P", "-c", script, str(path)], stderr=descriptor, check=True)
    os.close(descriptor)
    return path


def test_full_log_makes_room_and_the_newest_lines_are_the_ones_kept(deck, logged):
    files = sorted(logged.parent.iterdir())
    assert [file.name for file in files] == ["daemon.log", *(f"daemon.log.{number}" for number in range(1, KEPT + 1))]
    assert all(file.stat().st_size < 2300 for file in files)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    said = [json.loads(line)["message"] for file in reversed(files) for line in file.read_text().splitlines()[:-1]]
    numbers = [int(text.split()[1]) for text in said if text.startswith("line")]
    assert numbers == sorted(numbers)
    assert last_lines(deck.workspace).endswith("line 199 | a last word")


def test_daemon_under_a_unit_writes_to_the_log_file_itself(daemon):
    before = log_of(daemon.workspace).read_text() if log_of(daemon.workspace).exists() else ""
    second = subprocess.run(
        [sys.executable, "-P", "-m", "engine.daemon", "--log", "-w", str(daemon.workspace.root)],
        capture_output=True,
        timeout=60,
    )
    assert (second.returncode, second.stdout, second.stderr) == (0, b"", b"")
    assert "holds this deck since" in log_of(daemon.workspace).read_text().removeprefix(before)
    assert log_of(daemon.workspace).stat().st_mode & 0o777 == 0o600
