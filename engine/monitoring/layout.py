"""Where collected predictions lie: `parquet/<endpoint>/<version>/<day>/<part>.parquet`, the day named by the id."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.rows import EPOCH
from store.storage import writing_to

if TYPE_CHECKING:
    from engine.workspace import Workspace

DAY = timedelta(days=1)
_UUID_TIME = 12  # hex digits of milliseconds that a UUIDv7 starts with


def endpoint_folder(workspace: Workspace, endpoint: str) -> Path:
    """Return the folder of an endpoint's collected predictions."""
    return workspace.predictions / "parquet" / endpoint


def day_of(at_us: int) -> str:
    """Return the UTC day of a time in microseconds."""
    return (EPOCH + timedelta(microseconds=at_us)).date().isoformat()


def minted_at(prediction_id: str) -> int | None:
    """Return the time in microseconds that a prediction id carries, None where its request id is no UUIDv7."""
    digits = prediction_id.rpartition("-")[0].replace("-", "")
    if len(digits) != 32 or digits[12] != "7":
        return None
    try:
        return int(digits[:_UUID_TIME], 16) * 1000
    except ValueError:
        return None


def parts(workspace: Workspace, endpoint: str, from_us: int | None, to_us: int | None) -> dict[int, list[Path]]:
    """Return version -> Parquet files whose day may hold rows received in the span, oldest day first.

    A day is that of the id, which may lie a little before the day of receipt: one day of slack on either side.
    """
    first = day_with(from_us, -DAY) if from_us is not None else ""
    last = day_with(to_us, DAY) if to_us is not None else "9999"
    found: dict[int, list[Path]] = {}
    for folder in _folders(endpoint_folder(workspace, endpoint)):
        if folder.name.isdigit():
            days = [day for day in _folders(folder) if first <= day.name <= last]
            found[int(folder.name)] = [path for day in days for path in sorted(day.glob("*.parquet"))]
    return {version: paths for version, paths in found.items() if paths}


def days_of(ids: list[str]) -> tuple[int, int] | None:
    """Return the span of times (microseconds) prediction ids were minted in, None when one of them does not say."""
    times = [minted_at(one) for one in ids]
    known = [one for one in times if one is not None]
    return (min(known), max(known)) if known and len(known) == len(times) else None


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Hold a lock file in `folder`: one at a time, across processes; a dead holder's lock is free."""
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_parquet(table: Any, path: Path) -> None:
    """Write a table durably: temporary file, fsync, rename, fsync of the folder.

    Raises:
        StorageUnwritable: the disk is full or read-only; nothing of that name appeared.
    """
    import pyarrow.parquet as pq

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing_to(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            pq.write_table(table, temporary, compression="zstd")
            replace_durably(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_durably(content: bytes, path: Path) -> None:
    """Write bytes durably, as `write_parquet` does a table.

    Raises:
        StorageUnwritable: the disk is full or read-only; nothing of that name appeared.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing_to(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            replace_durably(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def replace_durably(temporary: Path, path: Path) -> None:
    """Give a finished temporary file its name, and make both survive a power loss."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def day_with(at_us: int, slack: timedelta) -> str:
    """Return the UTC day of a time in microseconds moved by some slack; the first or last there is, beyond them."""
    moment = datetime.fromtimestamp(min(max(at_us, 0), 253_000_000_000_000_000) / 1e6, UTC).date()
    try:
        return (moment + slack).isoformat()
    except OverflowError:
        return (date.min if slack < timedelta(0) else date.max).isoformat()


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
