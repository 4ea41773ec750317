"""Settings files as a process that stays knows them: read by another one, and only where they have changed.

`python -P -m engine.settings.apart -w DIR` is that other one: what the files say on stdout, or what is wrong with them.
What checks them (pydantic, and the tables written in it) would be a quarter of what a daemon weighs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from engine.workspace import Workspace
from store.errors import ModeldeckError, WorkFailed, from_wire

READ_WITHIN_S = 120  # ten thousand models take ten


class SettingsFiles:
    """The settings files of one workspace, for many threads of a process that stays."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._known: tuple[str, str] | None = None  # of the files as they were read, and of what they said

    def say(self, revision_hash: str) -> bool:
        """Say whether the files are, byte for byte, those that were found to say what this revision holds."""
        with self._lock:
            known = self._known
        return known is not None and known[1] == revision_hash and known[0] == _digest(self._workspace)

    def read(self) -> tuple[dict[str, Any], str | None]:
        """Return the body they say now, and what names these bytes; None where they were written while they were read.

        Raises:
            BrokenSettings: as `engine.settings.files.load`.
            WorkFailed: the process that reads them failed.
        """
        before = _digest(self._workspace)
        body = body_of(self._workspace)
        return body, before if before == _digest(self._workspace) else None

    def keep(self, bytes_hash: str | None, revision_hash: str) -> None:
        """Keep that files of these bytes say what this revision holds."""
        with self._lock:
            self._known = (bytes_hash, revision_hash) if bytes_hash is not None else None


def body_of(workspace: Workspace) -> dict[str, Any]:
    """Return the body of what `engine.settings.files.load` returns, without loading what that needs.

    Raises:
        BrokenSettings: as `load`.
        WorkFailed: the process that reads them failed, or took longer than two minutes.
    """
    within = READ_WITHIN_S
    command = [sys.executable, "-P", "-m", "engine.settings.apart", "-w", str(workspace.root), "--within", str(within)]
    # it ends itself in time: a wait with a limit looks every twentieth of a second whether it has ended
    ran = subprocess.run(command, capture_output=True, check=False, start_new_session=True)
    if ran.returncode == -signal.SIGALRM:
        raise WorkFailed(
            f"reading the settings took longer than {within} s", "see that deck.toml and models/*.toml are plain files"
        )
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ran.returncode}"]
        raise WorkFailed(f"reading the settings failed: {said[-1]}", "try again")
    answer: dict[str, Any] = json.loads(ran.stdout)
    if error := answer.get("error"):
        raise from_wire(error["code"], error["message"], error["hint"])
    body: dict[str, Any] = answer["body"]
    return body


def _digest(workspace: Workspace) -> str | None:
    """Return what names the bytes of the settings files; None where they cannot be read."""
    made = hashlib.sha256()
    try:
        for path in (workspace.root / "deck.toml", *sorted((workspace.root / "models").glob("*.toml"))):
            if not path.is_file():  # to read a pipe would be to wait for its writer
                return None
            text = path.read_bytes()
            made.update(f"{path.name}\n{len(text)}\n".encode(errors="surrogateescape") + text)
    except OSError:
        return None
    return made.hexdigest()


def main() -> int:
    """Read the files of one workspace and write what they say."""
    parser = argparse.ArgumentParser(prog="engine.settings.apart")
    parser.add_argument("-w", "--workspace", required=True, type=Path)
    parser.add_argument("--within", required=True, type=int, metavar="SECONDS")
    asked = parser.parse_args()
    signal.alarm(asked.within)
    from engine.settings.files import load

    try:
        answer: dict[str, Any] = {"body": load(Workspace(asked.workspace)).to_body()}
    except ModeldeckError as error:
        answer = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
