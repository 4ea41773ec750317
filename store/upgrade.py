"""Making and upgrading a registry with Alembic. Loads SQLAlchemy: imported only when there is something to migrate."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, pool
from sqlalchemy.exc import DBAPIError

from store.clock import Clock
from store.database import SCHEMA, connect
from store.rows import rfc3339
from store.storage import writing_to

MIGRATIONS = Path(__file__).parent / "migrations"


def create(path: Path) -> None:
    """Make a registry beside `path` and move it there whole; one that another process made first is kept.

    Raises:
        StorageUnwritable: the disk is full or read-only; nothing was made.
        sqlite3.Error: the registry could not be written.
    """
    with writing_to(path.parent):
        handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
        os.close(handle)
    made = Path(name)
    try:
        _migrate(made)
        _fold_log(made)
        with writing_to(path.parent):
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
            if not _move_unless_there(made, path):
                return
            _sync_folder(path.parent)
    finally:
        for left in (made, *(Path(f"{made}{suffix}") for suffix in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)


def upgrade(path: Path, schema: int, clock: Clock) -> Path:
    """Bring an older registry to this schema in one transaction, and return the backup made first.

    Raises:
        StorageUnwritable: the disk is full or read-only; the registry is as it was.
        sqlite3.Error: the registry could not be written; it is as it was.
    """
    backup = back_up(path, schema, clock)
    _migrate(path)
    return backup


def back_up(path: Path, schema: int, clock: Clock) -> Path:
    """Copy the registry, with what its log holds, to a file beside it that names its schema and the time."""
    stamp = rfc3339(clock.now()).replace("-", "").replace(":", "").partition(".")[0].rstrip("Z")
    backup = path.with_name(f"{path.name}.schema{schema}.{stamp}Z.backup")
    with writing_to(path.parent):
        made = path.with_name(f"{backup.name}.new")
        made.unlink(missing_ok=True)
        made.touch(mode=0o600)
        source, target = connect(path), sqlite3.connect(made)
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
        made.replace(backup)
        _sync_folder(path.parent)
    return backup


def _migrate(path: Path) -> None:
    def opened() -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    engine = create_engine("sqlite://", creator=opened, poolclass=pool.NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # the driver would otherwise commit around every CREATE; so a migration is whole or absent
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.set_main_option("path_separator", "os")
    try:
        with engine.connect() as connection:
            settings.attributes["connection"] = connection
            command.upgrade(settings, f"{SCHEMA:04d}")
            connection.commit()
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()


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


def _fold_log(path: Path) -> None:
    connection = connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
