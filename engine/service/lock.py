"""The deck's one lock: who holds it may change the deck. The daemon holds it for life, an owner briefly."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from engine.workspace import Workspace
from store.errors import Refused, StorageUnwritable
from store.rows.frozen import dataclass

WRITTEN_WITHIN_S = 0.5  # between taking the lock and having written who took it, on a busy machine


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock: `role` is `daemon` or `change`; a daemon says where it listens."""

    pid: int
    role: str
    product: str = ""
    started_at: int = 0
    socket: str = ""


class DeckLock:
    """An exclusive lock on the deck, released by `release` or by the death of this process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor >= 0:
            os.truncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> DeckLock:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()


def acquire(
    workspace: Workspace, role: str, *, product: str, started_at: int, socket: Path | None = None, wait_s: float = 2.0
) -> DeckLock:
    """Take the lock and write who holds it.

    A look by `holder` holds a shared lock for an instant, hence the wait.

    Raises:
        Refused: someone else holds it.
    """
    make_private(workspace.state)
    descriptor = _open(workspace.lock, os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + wait_s
    while not _try(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            found = holder(workspace)
            raise Refused(
                f"another process{f' (pid {found.pid})' if found else ''} is changing this deck",
                "wait for it, or look: modeldeck daemon status",
            )
        time.sleep(0.01)
    os.truncate(descriptor, 0)
    said = {"pid": os.getpid(), "role": role, "product": product, "started_at": started_at}
    if socket is not None:
        said["socket"] = str(socket)
    os.pwrite(descriptor, json.dumps(said).encode(), 0)
    return DeckLock(descriptor)


def holder(workspace: Workspace) -> Holder | None:
    """Return who holds the lock now, None when nobody does."""
    try:
        descriptor = _open(workspace.lock, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        deadline = time.monotonic() + WRITTEN_WITHIN_S
        while not _try(descriptor, fcntl.LOCK_SH):
            found = _read(descriptor)
            if found is not None or time.monotonic() >= deadline:
                return found or Holder(0, "change")
            time.sleep(0.001)
        return None
    finally:
        os.close(descriptor)


def socket_of(workspace: Workspace) -> Path:
    """Return where the running daemon listens, by its own word; where none runs, where one started here would.

    The two differ where the daemon was started with another HOME: by cron, sudo -E or a unit.
    """
    found = holder(workspace)
    return Path(found.socket) if found is not None and found.socket else workspace.socket


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter, or refuse one that is someone else's.

    Raises:
        Refused: it exists with another owner, or is not a folder.
        StorageUnwritable: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except FileExistsError:
        raise Refused(f"{folder} is not a folder", "move it away") from None
    except OSError as error:
        raise StorageUnwritable(f"{folder} cannot be made ({error.strerror})", "check the disk and its owner") from None
    if found.st_uid != os.geteuid():
        raise Refused(f"{folder} belongs to another user (uid {found.st_uid})", "run as that user, or name the deck")
    if found.st_mode & 0o077:
        folder.chmod(0o700)


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnwritable(
            f"{path} cannot be opened ({error.strerror})", "check the disk and the folder's owner"
        ) from None


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Holder | None:
    """Return what the holder wrote; None between its taking the lock and writing it."""
    try:
        said: dict[str, Any] = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return None
    return Holder(
        pid=int(said.get("pid", 0)),
        role=str(said.get("role", "change")),
        product=str(said.get("product", "")),
        started_at=int(said.get("started_at", 0)),
        socket=str(said.get("socket", "")),
    )
