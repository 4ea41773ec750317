"""Settings files as a process that stays knows them: read by another one, and only where they have changed.

`python -P -m engine.settings.apart -w DIR` is that other one: what the files say on stdout, or what is wrong with them.
With `--each` it says of every folder named what each model file says besides; with `--host JSON` whether a host can be.
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
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.workspace import Workspace
from store.errors import ModeldeckError, WorkFailed

if TYPE_CHECKING:
    from engine.settings.model import HostSettings
    from engine.settings.said import Said

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

    def say_each(self, *folders: Workspace) -> list[Said]:
        """Return what the files of folders say, each model file by itself too.

        Raises:
            WorkFailed: the process that reads them failed.
        """
        from engine.settings.said import Said

        return [Said(one["whole"], one["models"]) for one in _asked("--each", *_named(*folders))]

    def check_host(self, host: HostSettings) -> None:
        """Refuse a host that deck.toml could not declare.

        Raises:
            BrokenSettings: as `engine.settings.hosts.check_host`.
            WorkFailed: the process that checks it failed.
        """
        from engine.settings.said import refuse

        refuse(_asked("--host", json.dumps(asdict(host)), *_named(self._workspace)))

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
    from engine.settings.said import Said

    return Said(_asked(*_named(workspace)), {}).body()


def _named(*folders: Workspace) -> list[str]:
    return [word for one in folders for word in ("-w", str(one.root))]


def _asked(*words: str) -> Any:
    within = READ_WITHIN_S
    command = [sys.executable, "-P", "-m", "engine.settings.apart", *words, "--within", str(within)]
    # it ends itself in time: a wait with a limit looks every twentieth of a second whether it has ended
    ran = subprocess.run(command, capture_output=True, check=False, start_new_session=True)
    if ran.returncode == -signal.SIGALRM:
        raise WorkFailed(
            f"reading the settings took longer than {within} s", "see that deck.toml and models/*.toml are plain files"
        )
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ran.returncode}"]
        raise WorkFailed(f"reading the settings failed: {said[-1]}", "try again")
    return json.loads(ran.stdout)


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
    parser.add_argument("-w", "--workspace", required=True, action="append", type=Path)
    parser.add_argument("--within", required=True, type=int, metavar="SECONDS")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--host", metavar="JSON")
    asked = parser.parse_args()
    signal.alarm(asked.within)
    from engine.settings.files import load
    from engine.settings.model import HostSettings
    from engine.settings.said import answered, said_of

    folders = [Workspace(root) for root in asked.workspace]
    answer: Any
    if asked.each:
        answer = [asdict(said_of(one)) for one in folders]
    elif asked.host:
        answer = _host_answer(HostSettings(**json.loads(asked.host)))
    else:
        answer = answered(partial(load, folders[0]))
    json.dump(answer, sys.stdout)
    return 0


def _host_answer(host: HostSettings) -> Mapping[str, Any]:
    from engine.settings.hosts import check_host
    from engine.settings.said import wire

    try:
        check_host(host)
    except ModeldeckError as error:
        return wire(error)
    return {}


if __name__ == "__main__":
    raise SystemExit(main())
