"""Upgrading a registry with Alembic. Loads SQLAlchemy: imported only when there is something to migrate."""

from __future__ import annotations

import sqlite3
import tempfile
import zlib
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, pool
from sqlalchemy.exc import DBAPIError

from store.clock import Clock
from store.creation import sync_folder
from store.database import SCHEMA, connect
from store.errors import WorkFailed
from store.rows import rfc3339
from store.storage import writing_to
from store.whole import copy_registry

MIGRATIONS = Path(__file__).parent / "migrations"
# a change touches ten to fifty pages, one for each index, a few bytes in each: half the page is half of what a commit
# brings to the disk, and lists are read as fast
PAGE_BYTES = 2048


def schema_script() -> str:
    """Return the statements that make in one go what the migrations make step by step; store.creation runs them."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "registry.db"
        made.touch()
        migrate(made)
        connection = connect(made)
        try:
            statements = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
            parts = [str(row[0]).strip() for row in statements]
        finally:
            connection.close()
    parts.append(f"INSERT INTO alembic_version (version_num) VALUES ('{SCHEMA:04d}')")
    return "-- Written by `python -m store.migrations`.\n\n" + "".join(f"{part};\n\n" for part in parts)


def schema_image(script: str) -> bytes:
    """Return the compressed file of a registry that a script made, without a row of its own; store.creation copies it.

    It is written without a journal, and its header says that it is kept with one.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "registry.db"
        connection = sqlite3.connect(made, isolation_level=None)
        try:
            connection.executescript(f"PRAGMA page_size = {PAGE_BYTES}; BEGIN; {script} COMMIT;")
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        return zlib.compress(made.read_bytes(), 9)


def upgrade(path: Path, schema: int, clock: Clock) -> Path:
    """Bring an older registry to this schema in one transaction, and return the backup made first.

    Raises:
        StorageUnwritable: the disk is full or read-only; the registry is as it was.
        sqlite3.Error: the registry could not be written; it is as it was.
    """
    backup = back_up(path, schema, clock)
    migrate(path)
    return backup


def back_up(path: Path, schema: int, clock: Clock) -> Path:
    """Copy the registry, with what its log holds, to a file beside it that names its schema and the time."""
    stamp = rfc3339(clock.now()).replace("-", "").replace(":", "").partition(".")[0].rstrip("Z")
    backup = path.with_name(f"{path.name}.schema{schema}.{stamp}Z.backup")
    with writing_to(path.parent):
        made = path.with_name(f"{backup.name}.new")
        made.unlink(missing_ok=True)
        made.touch(mode=0o600)
        copy_registry(path, made)
        made.replace(backup)
        sync_folder(path.parent)
    return backup


def migrate(path: Path) -> None:
    """Run every migration that the file at `path` lacks, in one transaction."""

    def opened() -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        # a table that others refer to can be made anew; what is referred to is looked at in the end
        connection.execute("PRAGMA foreign_keys = OFF")
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
        with engine.begin() as connection:  # a transaction that Alembic finds open it neither divides nor commits
            settings.attributes["connection"] = connection
            command.upgrade(settings, f"{SCHEMA:04d}")
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1)
            if lost:
                raise WorkFailed(
                    f"the registry {path} is damaged: a row of {lost[0][0]} refers to a {lost[0][2]} that is not there",
                    "it was not upgraded; restore a backup of the deck: modeldeck backup restore FILE DIR",
                )
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()
