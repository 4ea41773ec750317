"""A real daemon in a tiny workspace, one for each module, with its sockets in a short folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.client import Client
from engine.daemon.start import stop
from engine.deck import open_deck
from engine.service.launch import wait_answering
from engine.service.lock import holder
from engine.workspace import Workspace
from store.errors import ModeldeckError


class Daemon:
    """A workspace whose daemon is a child of this process."""

    def __init__(self, source: Any, until: Callable[..., Any]) -> None:
        self.source = source
        self.workspace: Workspace = source.workspace
        self.until = until
        self.client = Client(self.workspace)
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def pid(self) -> int:
        """The pid of the newest daemon."""
        return self._children[-1].pid

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start a daemon process and do not wait for it."""
        self._children.append(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "engine.daemon", "-w", str(self.workspace.root)],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        return self._children[-1]

    def start(self) -> None:
        """Start a daemon and wait until it answers."""
        wait_answering(self.workspace, self.spawn())

    def kill(self) -> None:
        """Kill the newest daemon as nothing else would."""
        os.kill(self.pid, signal.SIGKILL)
        self._children[-1].wait()

    def job(self, job: Any) -> Any:
        """Return the job as it stands."""
        return self.client.call("jobs.detail", {"id": job.id})

    def ended(self, job: Any) -> Any:
        """Wait for the job's end and return it."""

        def found() -> Any:
            now = self.job(job)
            return now if now.ended_at is not None else None

        return self.until(found, 60.0)

    def start_waiting(self, operation: str) -> Any:
        """Ask for a job of the model `waiting` and return it once it is in the middle of its work."""
        self.source.hold()
        asked = self.client.call(operation, {"model": "waiting"})
        self.until(self.source.is_reached)
        return self.job(asked)

    def close(self, kill_jobs: Callable[..., None]) -> None:
        """Stop the daemon, and whatever a failed test left."""
        self.client.close()
        try:
            if holder(self.workspace) is not None:
                stop(self.workspace, all=True)
        except ModeldeckError:
            self.kill()
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
        if self.workspace.registry.exists():
            deck = open_deck(self.workspace)
            kill_jobs(deck.database)
            deck.database.close()


@pytest.fixture(scope="module", autouse=True)
def short_home() -> Iterator[Path]:
    """A home whose path leaves room for a socket's, so that no test touches the person's own."""
    folder = Path(tempfile.mkdtemp(prefix="md"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def daemon(
    short_home: Path,
    make_waiting: Callable[[Path], Any],
    until: Callable[..., Any],
    kill_jobs: Callable[..., None],
) -> Iterator[Daemon]:
    """A running daemon with settings applied."""
    made = Daemon(make_waiting(short_home / "deck"), until)
    try:
        made.start()
        made.client.call("deck.apply", {"reason": "a test"})
        yield made
    finally:
        made.close(kill_jobs)
