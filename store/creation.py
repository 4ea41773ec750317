"""Making a new registry from its schema script: no Alembic, no SQLAlchemy, so that a new deck is there at once."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from store.storage import writing_to

SCRIPT = Path(__file__).parent / "schema.sql"
# a change touches ten to fifty pages, one for each index, a few bytes in each: half the page is half of what a commit
# brings to the disk, and lists are read as fast
PAGE_BYTES = 2048


def create(path: Path) -> None:
    """Make a registry beside `path` and move it there whole; one that another process made first is kept.

    Raises:
        StorageUnwritable: the disk is full or read-only; nothing was made.
        sqlite3.Error: the registry could not be written.
    """
    made = path.with_name(f"{path.name}.{os.urandom(6).hex()}.new")
    try:
        with writing_to(path.parent):
            os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _fill(made)
        with writing_to(path.parent):
            _sync(made)
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
            if _move_unless_there(made, path):
                _sync(path.parent)
    finally:
        for left in (made, *(Path(f"{made}{suffix}") for suffix in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    _sync(folder)


def _fill(made: Path) -> None:
    """Run the script in a file that nobody else sees: it needs no journal, and one sync at the end."""
    connection = sqlite3.connect(made, isolation_level=None)
    try:
        connection.executescript(
            f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            f" BEGIN; {SCRIPT.read_text('utf-8')} COMMIT;"
        )
        connection.execute("PRAGMA journal_mode = WAL")  # kept in the file
    finally:
        connection.close()


def _move_unless_there(made: Path, path: Path) -> bool:
    try:
        os.link(made, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP) or path.exists():
            raise
        made.replace(path)  # a file system without hard links
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
