"""Work in a forked process: what it returns, how it is ended, and that it ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.training.apart import Child, Lost, Overdue, Raised, apart, free_bytes


def test_answer_comes_back_from_another_process():
    pid, table = apart(lambda: (os.getpid(), np.arange(3)), time.monotonic() + 20)
    assert pid != os.getpid()
    assert table.tolist() == [0, 1, 2]


def test_what_is_overdue_is_ended():
    child = Child(lambda _connection: time.sleep(60))
    pid, begun = child.pid, time.monotonic()
    with pytest.raises(Overdue):
        child.receive(begun + 0.2)
    assert time.monotonic() - begun < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_errors_and_deaths_are_told():
    with pytest.raises(Raised, match="ZeroDivisionError: division by zero"):
        apart(lambda: 1 / 0, time.monotonic() + 20)
    with pytest.raises(Lost, match="its process was killed by SIGKILL"):
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL), time.monotonic() + 20)
    with pytest.raises(Lost, match="its process ended without an answer"):
        apart(lambda: os._exit(3), time.monotonic() + 20)
    with pytest.raises(Raised, match=r"[Pp]ickle"):
        apart(lambda: lambda: None, time.monotonic() + 20)


def test_memory_beyond_the_limit_fails_the_work_alone():
    assert apart(lambda: len(bytearray(20 * 1024 * 1024)), time.monotonic() + 20, memory_mb=100) > 0
    with pytest.raises(Raised, match=r"out of memory: it took more than train.memory_mb = 100"):
        apart(lambda: len(bytearray(300 * 1024 * 1024)), time.monotonic() + 20, memory_mb=100)


def test_without_a_limit_no_more_is_taken_than_is_free():
    free = free_bytes()
    assert free
    with pytest.raises(Raised, match="out of memory: it took more than this machine has free"):
        apart(lambda: len(bytearray(2 * free)), time.monotonic() + 20)


ORPHAN = """
import os, signal, time
from engine.training.apart import Child
def serve(connection):
    connection.send(("done", os.getpid()))
    time.sleep(120)
child = Child(serve)
print(child.take(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_process_ends_with_a_parent_that_is_killed(until):
    done = subprocess.run([sys.executable, "-P", "-c", ORPHAN], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr

    def is_gone():
        try:
            state = Path(f"/proc/{int(done.stdout)}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        return state == "Z"

    until(is_gone)
