"""The console under tmux: detached and attached again, from a terminal of another size, it is where it was."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from wire import DEADLINE_S, Link
from wire_console import PROGRAM

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def tmux() -> Iterator[Callable[..., str]]:
    """A tmux server of our own with the console in it; returns what runs a command of tmux."""
    if shutil.which("tmux") is None:
        if os.environ.get("MODELDECK_TEST_TMUX") == "required":
            pytest.fail("tmux is required here and not installed")
        pytest.skip("tmux is not installed: apt-get install tmux")
    name = f"modeldeck-{secrets.token_hex(4)}"
    environment = {key: value for key, value in os.environ.items() if key != "TMUX"}

    def run(*words: str) -> str:
        command = ["tmux", "-L", name, "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    run("new-session", "-d", "-x", "80", "-y", "24", sys.executable, PROGRAM)
    yield run
    run("kill-server")


def shows(tmux: Callable[..., str], text: str) -> None:
    """Wait until the pane shows a text, whether or not anybody is attached."""
    deadline = time.monotonic() + DEADLINE_S
    while text not in (seen := tmux("capture-pane", "-p")):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def attached(tmux: Callable[..., str], columns: int, lines: int) -> Link:
    socket = tmux("display-message", "-p", "#{socket_path}").strip()
    return Link(["tmux", "-S", socket, "attach"], {}, columns=columns, lines=lines)


def test_detached_and_attached_at_another_size_it_is_where_it_was(tmux: Callable[..., str]) -> None:
    shows(tmux, "Way back")
    link = attached(tmux, 80, 25)  # a line is tmux's own
    try:
        link.until("Way back")
        link.press("4")
        link.until("PROGRESS")
        link.press("j")
        link.rest()
        link.press("\x02d")  # ctrl+b d
        link.ended()
    finally:
        link.close()
    shows(tmux, "PROGRESS")
    link = attached(tmux, 120, 41)
    try:
        link.until("PROGRESS")
        lines = link.rest().splitlines()
        assert lines[0].rstrip().endswith("alerts2")
        assert len(lines[0].rstrip()) > 80
        assert [line for line in lines if line.startswith("›")], "the cursor is where it was"
        link.press("9")
        link.until("lead_time drifts")
    finally:
        link.close()
