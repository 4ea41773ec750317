"""JSONL segments as servers write them: which there are, their whole lines, and whether a writer still holds one.

A segment is `segments/<folder>/<stem>.open` while it grows and `<stem>.jsonl` once closed. A line counts when its
newline is there; what follows the last newline is a line still being written, or one a killed server never finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.serving import log
from engine.serving.record import unpacked

SETTLED_AFTER_S = 5.0


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
    """The rows of a segment's whole lines from an offset on; `end` is the offset after the last whole one."""

    rows: list[dict[str, Any]]
    start: int
    end: int
    broken: int  # whole lines that are no log lines
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
        found = parsed(line)
        rows += found
        if not found and line.strip():
            broken += 1
    return Lines(rows, offset, offset + end, broken, len(content) - end)


def parsed(line: bytes) -> list[dict[str, Any]]:
    """Return the rows of one line, none where it is no log line."""
    try:
        told = orjson.loads(line)
        return unpacked(told) if isinstance(told, dict) else []
    except ValueError:
        return []


def close_abandoned(folder: Path, now_s: float) -> None:
    """Close the open segments below `folder` whose server is dead: its folder's lock is free.

    A folder written to a moment ago is left alone, so that a server just starting there finds its lock free.
    """
    for place in {path.parent for path in folder.rglob("*.open") if _age(path, now_s) > SETTLED_AFTER_S}:
        if not (place / log.MIRRORED).exists():
            log.close_abandoned(place)


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


def _age(path: Path, now_s: float) -> float:
    try:
        return now_s - path.stat().st_mtime
    except OSError:
        return 0.0
