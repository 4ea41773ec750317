"""Claims on content: what is put before its transaction commits, or copied meanwhile, is not to be removed.

A claim is a locked file that lists hashes; the lock goes with its process, so a killed writer's claim is void. Claims
are made and content is put behind a gate held shared; content is looked at and removed behind the same gate held alone,
so that nothing is found unclaimed and then claimed before it is gone.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

EVERYTHING = "*"
_SUFFIX = ".claim"


class Claim:
    """One claim, void once released or once its process has ended. Make it behind the gate."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handle, name = tempfile.mkstemp(dir=folder, suffix=_SUFFIX)
        self._path = Path(name)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def add(self, hash: str) -> None:
        """Claim content by its `sha256:…`; `EVERYTHING` claims all there is."""
        os.write(self._handle, f"{hash}\n".encode())

    def release(self) -> None:
        """Let go of everything claimed."""
        if self._handle >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextmanager
def gate(root: Path, *, alone: bool = False) -> Iterator[None]:
    """Pass the gate of an artifacts folder: together with other writers, or alone to remove content."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(root / "gate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def claimed(folder: Path) -> frozenset[str]:
    """Return every claimed hash, and clear away the claims of the dead. Only for who is alone behind the gate."""
    found: set[str] = set()
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.update(path.read_text("ascii").split())
            else:
                path.unlink(missing_ok=True)
            finally:
                os.close(handle)
    return frozenset(found)
