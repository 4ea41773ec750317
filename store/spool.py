"""Points and params on their way into the registry: a run appends to its own file, one ingester takes them in.

A run that cannot reach the registry goes on writing, and a line is taken in exactly once, because how far a file has
been read is committed with the points themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from store import point_lines, runs
from store.database import Database, Fence, Reader, Write
from store.errors import StorageUnwritable
from store.storage import writing_to

_SUFFIX = ".jsonl"
_BATCH_BYTES = 1 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class PointWriter:
    """Appends a run's points and params to its spool file. End the run by `ending`, or close it before the run ends.

    A killed process loses nothing that it appended; a power loss may take what the system had not yet written, until
    the run's end is committed or the file is closed, either of which brings it to the disk.

    What a full disk does not take is kept and written first when it does, so that a run goes on without it.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self.path = folder / f"{run_id}{_SUFFIX}"
        with writing_to(folder):
            try:
                self._handle = os.open(self.path, _FLAGS, 0o600)
            except FileNotFoundError:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._handle = os.open(self.path, _FLAGS, 0o600)
            size = os.fstat(self._handle).st_size
            torn = size > 0 and os.pread(self._handle, 1, size - 1) != b"\n"
        self._pending = b"\n" if torn else b""  # a line that an earlier writer could not end spoils no other

    def write(self, points: list[point_lines.Point]) -> None:
        """Append points (key, step, microseconds UTC, value) as whole lines in one write, or keep them for later."""
        self._append(point_lines.lines(points))

    def write_params(self, params: Mapping[str, Any]) -> None:
        """Append what the run was told, in the same way; a key told again is overwritten."""
        self._append(point_lines.param_line(params))

    def flush(self) -> Path:
        """Hand what a full disk did not take to the system, and return the file.

        Raises:
            StorageUnwritable: the disk is full or read-only; nothing is lost.
        """
        if self._handle >= 0:
            self._write_pending()
        return self.path

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Give the file to be read: the one that is written, where it is open."""
        if self._handle >= 0:
            yield self._handle
        else:
            with _opened(self.path) as file:
                yield file

    def discard(self) -> None:
        """Close the file and remove it: all that it holds is in the registry."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        with suppress(OSError):  # what cannot be removed now is removed by the ingester
            self.path.unlink()

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
        new = lines.encode()
        if not self._pending:
            try:  # a point at a time is written hundreds of thousands a second: straight to the system
                written = os.write(self._handle, new)
            except OSError:
                written = 0
            if written == len(new):
                return
            new = new[written:]
        self._pending += new
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


@contextmanager
def ending(database: Database, writer: PointWriter, fence: Fence | None = None) -> Iterator[Write]:
    """Open the transaction in which a run ends; it takes in what the run's file still holds.

    Its commit brings the points to the disk, so the file needs no sync of its own and goes once it is committed. A
    writer killed in between leaves it to the ingester, which takes the same lines in again and changes nothing by it.
    Where the transaction fails the file is as it was, and the run can be ended again.

    Raises:
        StorageUnwritable: the disk is full or read-only; nothing was changed.
        LeaseLost: a newer attempt of the fence's job exists, or the job has ended.
    """
    path = writer.flush()
    run_id = path.name.removesuffix(_SUFFIX)
    with writer.opened() as file:
        if _size(file) > _BATCH_BYTES:  # a long one by short transactions
            _take_in(database, file, run_id, _BATCH_BYTES)
        with database.write(fence) as tx:
            if whole := _whole_lines(file, _offset(tx, path.name)):
                runs.log(tx, run_id, point_lines.read(whole.split(b"\n")[:-1]))
            yield tx
    writer.discard()


def ingest(database: Database, folder: Path) -> int:
    """Take in every whole line that is not yet in the registry, and remove the files of ended runs; how many points."""
    taken = 0
    for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []:
        run_id = path.name.removesuffix(_SUFFIX)
        row = database.row("SELECT state FROM run WHERE id = :id", {"id": run_id})
        if row is None:
            continue  # the run's own transaction has not committed yet
        with _opened(path) as file:
            taken += _take_in(database, file, run_id)
        if row["state"] != "running":
            # looked up before the last read: nothing is written to the file of a run that had ended by then
            path.unlink(missing_ok=True)
    _forget_removed(database, folder)
    return taken


def _take_in(database: Database, file: int, run_id: str, left: int = 0) -> int:
    """Take in whole lines, a batch to a transaction, while more than so many bytes are left; how many points."""
    name, taken = f"{run_id}{_SUFFIX}", 0
    done = _offset(database, name)
    while _size(file) - done > left and (whole := _whole_lines(file, done)):
        logged = point_lines.read(whole.split(b"\n")[:-1])
        with database.write() as tx:
            moved = tx.execute(
                "INSERT INTO spool_offset (name, offset_bytes, taken_at) VALUES (:name, :next, :at)"
                " ON CONFLICT (name) DO UPDATE SET offset_bytes = excluded.offset_bytes, taken_at = excluded.taken_at"
                " WHERE spool_offset.offset_bytes = :done",
                {"name": name, "next": done + len(whole), "done": done, "at": tx.at},
            )
            if moved:
                runs.log(tx, run_id, logged)
        if moved:
            taken += len(logged.points.keys)
            done += len(whole)
        else:  # another ingester has taken these lines in between
            done = _offset(database, name)
    return taken


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file to be read; -1 of one that is gone: its run has ended meanwhile and taken in the rest."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield -1
        return
    try:
        yield file
    finally:
        os.close(file)


def _whole_lines(file: int, done: int) -> bytes:
    """Return whole lines from there on, of a batch or else the one line that is longer; none of a file that is gone."""
    most, size = _size(file) - done, _BATCH_BYTES
    while most > 0:
        chunk = os.pread(file, min(size, most), done)
        end = chunk.rfind(b"\n") + 1
        if end or size >= most:
            return chunk[:end]
        size *= 2
    return b""


def _size(file: int) -> int:
    """Return the bytes of an open file, 0 of one that was removed: whoever did so had taken them in."""
    told = os.fstat(file) if file >= 0 else None
    return told.st_size if told and told.st_nlink else 0


def _offset(reader: Reader, name: str) -> int:
    row = reader.row("SELECT offset_bytes FROM spool_offset WHERE name = :name", {"name": name})
    return row["offset_bytes"] if row else 0


def _forget_removed(database: Database, folder: Path) -> None:
    gone = [
        row["name"] for row in database.rows("SELECT name FROM spool_offset") if not (folder / row["name"]).exists()
    ]
    if gone:
        with database.write() as tx:
            tx.execute_many("DELETE FROM spool_offset WHERE name = :name", [{"name": name} for name in gone])
