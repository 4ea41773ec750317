"""Start the daemon as a process of its own, and wait until its socket answers."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.service.identity import owner_here
from engine.service.lock import holder, make_private, socket_of
from engine.service.socket import answers
from engine.workspace import Workspace
from store.errors import Unavailable

if TYPE_CHECKING:
    import subprocess

START_WITHIN_S = 30.0
ANSWER_WITHIN_S = 5.0  # one question: a daemon on a busy machine is slow, and asking it anew makes it slower
LAST_LINES = 5


def ensure_running(workspace: Workspace, *, within_s: float = START_WITHIN_S) -> bool:
    """Start the deck's daemon unless one runs; returns True when this call started it.

    Raises:
        Unavailable: it died or did not answer in time; the message carries its log's last lines.
        NotAllowed: the deck is someone else's.
    """
    owner_here(workspace)
    found = holder(workspace)
    if found is not None and found.role == "daemon":
        wait_answering(workspace, within_s=within_s)
        return False
    process = _spawn(workspace)
    wait_answering(workspace, process, within_s=within_s)
    return True


def wait_answering(
    workspace: Workspace, process: subprocess.Popen[bytes] | None = None, *, within_s: float = START_WITHIN_S
) -> None:
    """Wait until the socket answers.

    Raises:
        Unavailable: the process died, or the time is over.
    """
    deadline = time.monotonic() + within_s
    while not answers(socket_of(workspace), ANSWER_WITHIN_S):
        # Two starts may race: the loser exits 0 because the winner runs, and the winner's socket is as good.
        if process is not None and process.poll() not in (None, 0):
            raise Unavailable(f"the daemon did not start: {last_lines(workspace)}", f"see {log_of(workspace)}")
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"the daemon does not answer after {within_s:.0f} s: {last_lines(workspace)}",
                f"see {log_of(workspace)}",
            )
        time.sleep(0.02)


def log_of(workspace: Workspace) -> Path:
    """Return the daemon's log file."""
    return workspace.logs / "daemon.log"


def last_lines(workspace: Workspace) -> str:
    """Return the log's last lines as one."""
    try:
        lines = log_of(workspace).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return " | ".join(told for line in lines[-LAST_LINES:] if (told := _message(line))) or "it left no log"


def _message(line: str) -> str:
    """Return the message of a log line, or what a dying interpreter printed as it is."""
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line.strip()


def _spawn(workspace: Workspace) -> subprocess.Popen[bytes]:
    import subprocess

    make_private(workspace.state)
    workspace.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(log_of(workspace), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.daemon", "-w", str(workspace.root)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=workspace.state,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
