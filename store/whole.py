"""The registry file as a whole: a copy of it at one moment, and whether it is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from store.database import connect
from store.reading import raise_failure
from store.storage import FAILURES


def copy_registry(path: Path, target: Path) -> None:
    """Copy the registry as it is at one moment, with what its log holds; writers go on meanwhile.

    Raises:
        StorageUnwritable: the target's disk is full or read-only.
        WorkFailed: the registry is damaged.
    """
    try:
        source, copy = connect(path), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
    except FAILURES as error:
        raise_failure(error, path)


def damage(path: Path, most: int = 20) -> list[str]:
    """Look whether the registry file is whole, and return what is wrong with it: pages, rows, indexes, references."""
    try:
        connection = connect(path)
        try:
            found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({most})")]
            if found != ["ok"]:
                return found
            lost = connection.execute("PRAGMA foreign_key_check").fetchmany(most)
            return [f"a row of {row['table']} refers to a {row['parent']} that is not there" for row in lost]
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return [str(error)]
