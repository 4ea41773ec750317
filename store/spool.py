"""Metric points on their way into the registry: a run appends to its own file, one ingester takes them in.

A run that cannot reach the registry goes on writing, and a point is taken in exactly once, because how far a file has
been read is committed with the points themselves.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from store import runs
from store.database import Database
from store.errors import StorageUnwritable
from store.storage import writing_to

_SUFFIX = ".jsonl"
_BATCH_BYTES = 1 << 20
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class PointWriter:
    """Appends a run's points to its spool file. Close it before the run is finished.

    What a full disk does not take is kept and written first when it does, so that a run goes on without it.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self.path = folder / f"{run_id}{_SUFFIX}"
        with writing_to(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            size = os.fstat(self._handle).st_size
            torn = size > 0 and os.pread(self._handle, 1, size - 1) != b"\n"
        self._pending = b"\n" if torn else b""  # a line that an earlier writer could not end spoils no other

    def write(self, points: list[runs.Point]) -> None:
        """Append points (key, step, microseconds UTC, value) as whole lines in one write, or keep them for later."""
        self._pending += _lines(points).encode()
        with suppress(StorageUnwritable):
            self._write_pending()

    def close(self) -> None:
        """Bring the file to the disk and close it.

        Raises:
            StorageUnwritable: the disk is full or read-only; nothing is lost, it can be closed again.
        """
        if self._handle >= 0:
            self._write_pending()
            with writing_to(self.path):
                os.fsync(self._handle)
            os.close(self._handle)
            self._handle = -1

    def _write_pending(self) -> None:
        with writing_to(self.path):
            while self._pending:
                self._pending = self._pending[os.write(self._handle, self._pending) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ingest(database: Database, folder: Path) -> int:
    """Take in every whole line that is not yet in the registry, and remove the files of ended runs; how many points."""
    taken = 0
    files = sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
    for path in files:
        run_id = path.name.removesuffix(_SUFFIX)
        row = database.row("SELECT state FROM run WHERE id = :id", {"id": run_id})
        if row is None:
            continue  # the run's own transaction has not committed yet
        while batch := _take_batch(database, path, run_id):
            taken += batch
        if row["state"] != "running":
            # looked up before the last read: nothing is written to the file of a run that had ended by then
            path.unlink(missing_ok=True)
    _forget_removed(database, folder)
    return taken


def _take_batch(database: Database, path: Path, run_id: str) -> int:
    done = _offset(database, path.name)
    with path.open("rb") as file:
        file.seek(done)
        chunk = file.read(_BATCH_BYTES)
    whole = chunk[: chunk.rfind(b"\n") + 1]
    if not whole:
        return 0
    lines = whole.split(b"\n")[:-1]
    points = _points(lines)
    with database.write() as tx:
        moved = tx.execute(
            "INSERT INTO spool_offset (name, offset_bytes, taken_at) VALUES (:name, :next, :at)"
            " ON CONFLICT (name) DO UPDATE SET offset_bytes = excluded.offset_bytes, taken_at = excluded.taken_at"
            " WHERE spool_offset.offset_bytes = :done",
            {"name": path.name, "next": done + len(whole), "done": done, "at": tx.at},
        )
        if moved:  # else another ingester has taken these lines in between
            runs.log_points(tx, run_id, points)
    return len(lines)


def _lines(points: list[runs.Point]) -> str:
    """Write each point as a line; all at once where no key could be taken for the end of one."""
    if any("]" in key for key in {point[0] for point in points}):
        return "".join([_ENCODER.encode(point) + "\n" for point in points])
    return _ENCODER.encode(points)[1:-1].replace("],[", "]\n[") + "\n" if points else ""


def _points(lines: list[bytes]) -> list[runs.Point]:
    """Read all lines as one text, which is three times as fast; where one is no point, line by line."""
    try:
        told = json.loads(b"[%b]" % b",".join(lines))
        if len(told) == len(lines):
            return [_checked(*fields) for fields in told]
    except (ValueError, TypeError):
        pass
    return [point for line in lines if (point := _point(line)) is not None]


def _point(line: bytes) -> runs.Point | None:
    """Read one line; one that a killed writer tore and a later one completed is no point."""
    try:
        return _checked(*json.loads(line))
    except (ValueError, TypeError):
        return None


def _checked(key: str, step: int, at: int, value: float | None) -> runs.Point:
    return str(key), int(step), int(at), None if value is None else float(value)


def _offset(database: Database, name: str) -> int:
    row = database.row("SELECT offset_bytes FROM spool_offset WHERE name = :name", {"name": name})
    return row["offset_bytes"] if row else 0


def _forget_removed(database: Database, folder: Path) -> None:
    gone = [
        row["name"] for row in database.rows("SELECT name FROM spool_offset") if not (folder / row["name"]).exists()
    ]
    if gone:
        with database.write() as tx:
            tx.execute_many("DELETE FROM spool_offset WHERE name = :name", [{"name": name} for name in gone])
