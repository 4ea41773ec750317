"""Points and params on their way into the registry: a run appends to its own file, one ingester takes them in.

A run that cannot reach the registry goes on writing, and a line is taken in exactly once, because how far a file has
been read is committed with the points themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from store import point_lines, runs
from store.database import Database
from store.errors import StorageUnwritable
from store.storage import writing_to

_SUFFIX = ".jsonl"
_BATCH_BYTES = 1 << 20


class PointWriter:
    """Appends a run's points and params to its spool file. Close it before the run is finished.

    A killed process loses nothing that it appended; a power loss may take what the system had not yet written, until
    the file is closed, which brings it to the disk.

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

    def write(self, points: list[point_lines.Point]) -> None:
        """Append points (key, step, microseconds UTC, value) as whole lines in one write, or keep them for later."""
        self._append(point_lines.lines(points))

    def write_params(self, params: Mapping[str, Any]) -> None:
        """Append what the run was told, in the same way; a key told again is overwritten."""
        self._append(point_lines.param_line(params))

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

    def _append(self, lines: str) -> None:
        self._pending += lines.encode()
        with suppress(OSError):  # a point at a time is written hundreds of thousands a second: straight to the system
            self._pending = self._pending[os.write(self._handle, self._pending) :]
        if self._pending:
            with suppress(StorageUnwritable):
                self._write_pending()

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
        while (batch := _take_batch(database, path, run_id)) is not None:
            taken += batch
        if row["state"] != "running":
            # looked up before the last read: nothing is written to the file of a run that had ended by then
            path.unlink(missing_ok=True)
    _forget_removed(database, folder)
    return taken


def _take_batch(database: Database, path: Path, run_id: str) -> int | None:
    """Take in the next whole lines; how many points they hold, None where there is no whole line."""
    done = _offset(database, path.name)
    whole = _whole_lines(path, done)
    if not whole:
        return None
    logged = point_lines.read(whole.split(b"\n")[:-1])
    with database.write() as tx:
        moved = tx.execute(
            "INSERT INTO spool_offset (name, offset_bytes, taken_at) VALUES (:name, :next, :at)"
            " ON CONFLICT (name) DO UPDATE SET offset_bytes = excluded.offset_bytes, taken_at = excluded.taken_at"
            " WHERE spool_offset.offset_bytes = :done",
            {"name": path.name, "next": done + len(whole), "done": done, "at": tx.at},
        )
        if moved:  # else another ingester has taken these lines in between
            runs.log_params(tx, run_id, logged.params)
            runs.log_points(tx, run_id, logged.points)
    return len(logged.points)


def _whole_lines(path: Path, done: int) -> bytes:
    """Return whole lines from there on, of a batch or else the one line that is longer."""
    size = _BATCH_BYTES
    with path.open("rb") as file:
        while True:
            file.seek(done)
            chunk = file.read(size)
            end = chunk.rfind(b"\n") + 1
            if end or len(chunk) < size:
                return chunk[:end]
            size *= 2


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
