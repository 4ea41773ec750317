"""Starting, recognising and ending processes that outlive whoever started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.serving.process_id import is_alive
from engine.threads import ONE_THREAD
from engine.workspace import Workspace
from store.storage import writing_to

_TAIL_BYTES = 2000
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ServerSaid:
    """What a server's ready file says; the process was alive when it was read."""

    pid: int
    pid_started: str
    port: int
    deployment: str
    state: str  # starting, ready, unready, failed
    detail: str


class Outliving(subprocess.Popen[bytes]):
    """A child that may outlive us; letting go of it is no mistake, so nothing is warned of."""

    def __del__(self) -> None:
        """Do nothing."""


def run_folder(workspace: Workspace) -> Path:
    """Return where ready files and the router's state lie."""
    return workspace.state / "run"


def ready_file(workspace: Workspace, replica_id: str) -> Path:
    """Return a replica's ready file."""
    return run_folder(workspace) / f"{replica_id}.json"


def spawn(arguments: Sequence[str], log: Path, folder: Path, environment: Mapping[str, str] = _NOTHING) -> Outliving:
    """Start `python -P -m …` in a session of its own, its words appended to `log`, with more in its environment.

    Raises:
        StorageUnwritable: the log cannot be written.
    """
    with writing_to(log):
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("ab") as said:
            return Outliving(
                [sys.executable, "-P", "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=folder,
                env={**os.environ, **ONE_THREAD, **environment},
                start_new_session=True,
                close_fds=True,
            )


def read_ready(path: Path) -> ServerSaid | None:
    """Return what a live server says of itself, None where there is none or its process is gone."""
    try:
        body = json.loads(path.read_bytes())
        said = ServerSaid(
            int(body["pid"]), body["pid_started"], int(body["port"]), body["deployment"], body["state"], body["detail"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return said if is_alive(said.pid, said.pid_started) else None


def serving(workspace: Workspace) -> int:
    """Return how many servers of a deck live, whoever started them."""
    return sum(read_ready(path) is not None for path in run_folder(workspace).glob("*.json"))


def end(pid: int | None, started: str | None, number: int = signal.SIGTERM) -> None:
    """Signal a process, if it is still the one meant."""
    if pid is not None and is_alive(pid, started):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def last_line(log: Path) -> str:
    """Return the last line of a log, empty where there is none."""
    try:
        with log.open("rb") as said:
            said.seek(0, os.SEEK_END)
            said.seek(max(0, said.tell() - _TAIL_BYTES))
            lines = said.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
