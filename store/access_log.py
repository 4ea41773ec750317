"""The access log: one line for each read of personal columns, one file per UTC day, on disk before the answer leaves.

It stands beside the chained record, which holds changes: reads are many, and go when their retention is over.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from store.errors import StorageUnwritable
from store.rows import EPOCH, PersonalRead, to_json
from store.rows.frozen import dataclass
from store.storage import writing_to

SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Span:
    """From when (inclusive) to when (exclusive), microseconds UTC; None is open."""

    from_us: int | None = None
    to_us: int | None = None

    def holds(self, at_us: int) -> bool:
        """Say whether a time lies in it."""
        return (self.from_us is None or at_us >= self.from_us) and (self.to_us is None or at_us < self.to_us)


def append(folder: Path, row: PersonalRead) -> None:
    """Add one line, durably. A line that a killed writer left half is ended first, and told by no reader.

    Raises:
        StorageUnwritable: the disk is full or read-only; no half line of this one stays.
    """
    try:
        _append(folder, row)
    except OSError as error:
        raise StorageUnwritable(
            f"the access log in {folder} cannot be written, and nothing was told: {error.strerror}", "mend the folder"
        ) from error


def _append(folder: Path, row: PersonalRead) -> None:
    line = json.dumps(to_json(row) | {"at": row.at}, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
    place = folder / f"{day_of(row.at)}{SUFFIX}"
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not place.exists()
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            _write(handle, (b"\n" if torn else b"") + line, size)
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            _sync(folder)


def rows(folder: Path, span: Span) -> Iterator[PersonalRead]:
    """Yield lines, newest first; a line that is none of ours is left out."""
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        if not _may_hold(path.stem, span):
            continue
        for line in reversed(path.read_bytes().splitlines()):
            row = _parsed(line)
            if row is not None and span.holds(row.at):
                yield row


def days(folder: Path) -> list[Path]:
    """Return the files, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def day_of(at_us: int) -> str:
    """Return the UTC day of a time in microseconds."""
    return (EPOCH + timedelta(microseconds=at_us)).date().isoformat()


def _may_hold(day: str, span: Span) -> bool:
    first = day_of(span.from_us) if span.from_us is not None else ""
    last = day_of(span.to_us) if span.to_us is not None else "9999"
    return first <= day <= last


def _parsed(line: bytes) -> PersonalRead | None:
    try:
        said = json.loads(line)
        return PersonalRead(**{**said, "columns": tuple(said["columns"])})
    except (ValueError, TypeError, KeyError):
        return None


def _write(handle: int, content: bytes, size: int) -> None:
    try:
        written = os.write(handle, content)
    except OSError:
        os.ftruncate(handle, size)
        raise
    if written != len(content):
        os.ftruncate(handle, size)
        raise OSError(28, "No space left on device")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
