"""Failures of disk and registry, each as one clear line."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import ModeldeckError, RegistryHeld, StorageUnwritable, WorkFailed

_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EIO: "the disk reports an input/output error",
}
_HINT = "free space or make it writable for the owner, then repeat; nothing was changed"

_CAUSES_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "the disk reports an input/output error",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "no permission",
}


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write below `path` into StorageUnwritable."""
    try:
        yield
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0)
        if cause is None:
            raise
        raise StorageUnwritable(f"cannot write {path}: {cause}", _HINT) from error


# SQLite quotes a damaged schema in its message, and the driver cannot always read what it quotes
FAILURES = (sqlite3.Error, UnicodeDecodeError)


def registry_failure(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> ModeldeckError | None:
    """Return the error a person should see for a failure of the registry file, None for a mistake of ours."""
    said = getattr(error, "sqlite_errorcode", 0)
    # the memory that connections share is a file too, and making it larger fails in this way on a full disk
    code = sqlite3.SQLITE_FULL if said == sqlite3.SQLITE_IOERR_SHMSIZE else said & 0xFF
    if code in _CAUSES_BY_SQLITE_CODE:
        return StorageUnwritable(f"cannot use the registry {path}: {_CAUSES_BY_SQLITE_CODE[code]}", _HINT)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RegistryHeld(f"the registry {path} is held by another process", "repeat in a moment")
    undecodable = isinstance(error, UnicodeDecodeError) or (
        isinstance(error, sqlite3.OperationalError) and "decode to UTF-8" in str(error)  # carries no code
    )
    if undecodable or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return WorkFailed(
            f"the registry {path} is damaged", "restore a backup of the deck: modeldeck backup restore FILE DIR"
        )
    return None
