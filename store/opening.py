"""Opening a registry that may have to be made, or brought to this schema, first."""

from __future__ import annotations

from pathlib import Path

from store.clock import Clock
from store.creation import create
from store.database import SCHEMA, Database, refuse_newer, schema_of
from store.filesystem import refuse_network_file_system
from store.reading import raise_failure
from store.storage import FAILURES, writing_to


def create_or_upgrade(path: Path, clock: Clock) -> Database:
    """Make the registry, or bring it to this schema after a backup beside it, and open it.

    Raises:
        Refused: the folder is on a network file system.
        Unavailable: the registry is newer than this modeldeck.
        StorageUnwritable: the disk is full or read-only; the registry is as it was.
    """
    refuse_network_file_system(path.parent)
    with writing_to(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    schema = schema_of(path)
    if schema is not None:
        refuse_newer(path, schema)
    if schema is None or schema < SCHEMA:
        try:
            if schema is None:
                create(path)
            else:
                from store.upgrade import upgrade  # loads SQLAlchemy

                upgrade(path, schema, clock)
        except FAILURES as error:
            raise_failure(error, path)
    return Database(path, clock)
