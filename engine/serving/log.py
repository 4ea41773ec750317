"""The prediction log of one server: JSONL segments, written before the answer, closed by rename.

A segment is `<µs>-<pid>-<n>.open` while it grows and `.jsonl` once closed (64 MB, 30 s, or exit). Whoever holds the
folder's lock may write there; a segment left open by a killed server is closed by the next holder, a torn last line
being cut off. One write is one system call: after a failed one the segment is cut back, so no half line stays; a
segment that cannot be cut back or closed is left as a killed server would leave it, and the next line opens another.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_AGE_S = 30.0
TROUBLE_S = 10.0  # how long a failed write is told of, where none has worked since
LOCK = "lock"
MIRRORED = "mirrored"  # in a folder that follows the segments of another host: only who mirrors closes them


class LogFull(Exception):
    """The log took nothing; the message names the cause."""


class FolderTaken(Exception):
    """Another live process writes this folder's segments."""


def hold(folder: Path) -> int:
    """Take a segment folder for the life of the process (or of the returned descriptor), making it if absent.

    Raises:
        FolderTaken: another process holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise FolderTaken(f"another process writes {folder}") from error
    return handle


def close_leftovers(folder: Path) -> list[Path]:
    """Close the segments a dead writer left open; the caller holds the folder. Returns the closed ones."""
    closed = []
    for left in sorted(folder.glob("*.open")):
        with left.open("r+b") as segment:
            content = segment.read()
            whole = content.rfind(b"\n") + 1
            segment.truncate(whole)
            os.fsync(segment.fileno())
        if not whole:
            left.unlink()
            continue
        done = left.with_suffix(".jsonl")
        os.replace(left, done)
        closed.append(done)
    return closed


def close_abandoned(folder: Path) -> list[Path]:
    """Close what a dead server left in its folder; nothing where a live one still writes, or nothing is there."""
    if not folder.is_dir():
        return []
    try:
        handle = hold(folder)
    except FolderTaken:
        return []
    try:
        return close_leftovers(folder)
    finally:
        os.close(handle)


class SegmentLog:
    """Appends whole lines. Used from one thread; `sync` may run in another."""

    def __init__(self, folder: Path, *, max_bytes: int = SEGMENT_BYTES, max_age_s: float = SEGMENT_AGE_S) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._handle = -1
        self._path: Path | None = None
        self._size = 0
        self._opened = 0.0
        self._number = 0
        self._dirty = False
        self._trouble = ""
        self._trouble_at = 0.0

    @property
    def trouble(self) -> str:
        """Why the last write failed, if that was within ten seconds; empty where all is well."""
        return self._trouble if time.monotonic() - self._trouble_at < TROUBLE_S else ""

    def write(self, lines: bytes) -> None:
        """Append lines, each ending in a newline; complete when this returns.

        Raises:
            LogFull: the system took none or not all of it; nothing of it stays.
        """
        try:
            if self._handle < 0:
                self._open()
            written = os.write(self._handle, lines)
        except OSError as error:
            self._cut_back()
            raise self._full(error.strerror or str(error)) from error
        if written != len(lines):
            self._cut_back()
            raise self._full("the disk is full")
        self._trouble = ""
        self._size += written
        self._dirty = True
        if self._size >= self._max_bytes:
            with contextlib.suppress(OSError):  # these lines are written; the next one meets the same disk and refuses
                self.roll()

    def is_due(self) -> bool:
        """Say whether the open segment is old enough to be closed."""
        return self._handle >= 0 and time.monotonic() - self._opened >= self._max_age_s

    def take_sync(self) -> int | None:
        """Return a descriptor to fsync and close, or None where nothing was written since the last time."""
        if self._handle < 0 or not self._dirty:
            return None
        self._dirty = False
        return os.dup(self._handle)

    def roll(self) -> None:
        """Close the open segment, if any, under its final name.

        Raises:
            OSError: the disk refuses; the segment stays open in name, for the next holder to close.
        """
        if self._handle < 0 or self._path is None:
            return
        handle, path, size = self._handle, self._path, self._size
        self._handle, self._path = -1, None
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if size:
            os.replace(path, path.with_suffix(".jsonl"))
        else:
            path.unlink()

    def _open(self) -> None:
        self._number += 1
        path = self.folder / f"{time.time_ns() // 1000:016d}-{os.getpid()}-{self._number}.open"
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._path = path
        self._size = 0
        self._opened = time.monotonic()

    def _full(self, cause: str) -> LogFull:
        self._trouble = f"the prediction log in {self.folder} cannot be written: {cause}"
        self._trouble_at = time.monotonic()
        return LogFull(self._trouble)

    def _cut_back(self) -> None:
        if self._handle < 0:
            return
        try:
            os.ftruncate(self._handle, self._size)
        except OSError:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle, self._path = -1, None


def fsync_and_close(handle: int) -> None:
    """Force written lines to disk; meant for a thread."""
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
