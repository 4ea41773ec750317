"""JSONL segments as servers write them: which there are, their whole lines, and whether a writer still holds one.

A segment is `segments/<folder>/<stem>.open` while it grows and `<stem>.jsonl` once closed. A line counts when its
newline is there; what follows the last newline is a line still being written, or one a killed server never finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ABANDONED_AFTER_S = 120  # a live writer closes a segment after 30 s


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment file; `key` names it for good, whether open or closed."""

    path: Path
    key: str

    @property
    def is_open(self) -> bool:
        """Whether the file still bears the name of a growing segment."""
        return self.path.suffix == ".open"


@dataclass(frozen=True, slots=True)
class Lines:
    """Parsed whole lines of a segment from an offset on; `end` is the offset after the last whole one."""

    rows: list[dict[str, Any]]
    start: int
    end: int
    broken: int  # whole lines that are no JSON object
    torn: int  # bytes after the last newline


def list_segments(folder: Path) -> list[Segment]:
    """Return the segments below `folder`, in a steady order; a segment that holds no whole line yet is left out."""
    found = []
    for path in _files(folder):
        first = _first_line(path)
        if first:
            stem = path.relative_to(folder).with_suffix("").as_posix()
            found.append(Segment(path, f"{stem}#{hashlib.sha256(first).hexdigest()[:16]}"))
    return found


def empty_closed(folder: Path) -> list[Path]:
    """Return closed segments without one whole line: nothing acknowledged is in them."""
    return [path for path in _files(folder) if path.suffix == ".jsonl" and not _first_line(path)]


def read_lines(segment: Segment, offset: int = 0) -> Lines:
    """Return the whole lines of a segment from `offset` on. A file renamed meanwhile is found by its closed name.

    Raises:
        FileNotFoundError: it has been collected and removed meanwhile.
    """
    content = _content(segment.path, offset)
    end = content.rfind(b"\n") + 1
    rows: list[dict[str, Any]] = []
    broken = 0
    for line in content[:end].splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif line.strip():
            broken += 1
    return Lines(rows, offset, offset + end, broken, len(content) - end)


def is_abandoned(segment: Segment, now_s: float) -> bool:
    """Say whether an open segment has no writer: nobody holds its lock, and it is older than any live one would be.

    Asked of the kernel, which frees a dead process's lock; the age alone decides only for a writer that takes none.
    """
    try:
        with segment.path.open("rb") as file:
            if now_s - os.fstat(file.fileno()).st_mtime <= ABANDONED_AFTER_S:
                return False
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    for pattern in ("*.open", "*.jsonl"):
        yield from sorted(folder.rglob(pattern))


def _content(path: Path, offset: int) -> bytes:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        file = path.with_suffix(".jsonl").open("rb")
    with file:
        file.seek(offset)
        return file.read()


def _first_line(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            line = file.readline()
    except OSError:
        return b""
    return line if line.endswith(b"\n") else b""
