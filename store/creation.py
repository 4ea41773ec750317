"""Making a new registry as a copy of an empty one: no Alembic, no SQLAlchemy, so that a new deck is there at once."""

from __future__ import annotations

import errno
import os
import zlib
from pathlib import Path

from store.storage import writing_to

SCRIPT = Path(__file__).parent / "schema.sql"  # to be read; its hundred statements would take six milliseconds to run
IMAGE = Path(__file__).parent / "schema.db.zlib"  # the file they make; a test holds it equal to the script
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def create(path: Path) -> None:
    """Make a registry beside `path` and move it there whole; one that another process made first is kept.

    Raises:
        StorageUnwritable: the disk is full or read-only; nothing was made.
    """
    made = path.with_name(f"{path.name}.{os.urandom(6).hex()}.new")
    try:
        with writing_to(path.parent):
            with os.fdopen(os.open(made, _FLAGS, 0o600), "wb") as file:
                file.write(zlib.decompress(IMAGE.read_bytes()))
                file.flush()
                os.fsync(file.fileno())
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
            if _move_unless_there(made, path):
                sync_folder(path.parent)
    finally:
        made.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
