"""The registry file as a whole: a copy of it at one moment, and whether it is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from store.database import connect
from store.reading import raise_failure
from store.storage import FAILURES

# of a table that places events: its columns beside the event's number, and which events it leaves out
_PLACES = {"event_subject": ("subject_kind, subject_id", ""), "event_model": ("model", " AND model IS NOT NULL")}


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
            told = [f"a row of {row['table']} refers to a {row['parent']} that is not there" for row in lost]
            return told or _misplaced(connection, most)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return [str(error)]


def _misplaced(connection: sqlite3.Connection, most: int) -> list[str]:
    """Return the events that are not where their places say: SQLite compares its own indexes with rows, not these."""
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = []
    for place, (columns, condition) in _PLACES.items():
        if place not in there:  # a registry of before they were
            continue
        told = f"SELECT {columns}, seq FROM {place}"
        meant = f"SELECT {columns}, seq FROM event WHERE seq <= (SELECT max(seq) / 100 * 100 FROM event){condition}"
        differ = f"SELECT seq FROM ({told} EXCEPT {meant}) UNION SELECT seq FROM ({meant} EXCEPT {told})"
        seqs = [row[0] for row in connection.execute(f"{differ} ORDER BY seq LIMIT {most}")]
        found += [f"{place} does not say where event {seq} is" for seq in seqs]
    return found[:most]
