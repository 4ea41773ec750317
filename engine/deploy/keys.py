"""The deck's own secrets, made on first use, 0600, outside the registry: the log's key, one that opens endpoints."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path

from store.storage import writing_to


def log_key(folder: Path) -> Path:
    """Return the key file `log` in the deck's key folder, made whole if absent: personal columns are logged under it.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    return _kept(folder, "log", json.dumps({"id": secrets.token_hex(4), "key": secrets.token_hex(32)}))


def endpoint_key(folder: Path) -> str:
    """Return the key with which the deck itself asks its endpoints, made if absent.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    return _kept(folder, "endpoints", new_endpoint_key()).read_text("ascii")


def new_endpoint_key() -> str:
    """Return a key nobody has; how it begins tells one that leaked for what it is."""
    return f"mdk_{secrets.token_urlsafe(32)}"


def digest(key: str) -> str:
    """Return what is kept of an endpoint's key, and what routers compare."""
    return hashlib.sha256(key.encode()).hexdigest()


def _kept(folder: Path, name: str, content: str) -> Path:
    place = folder / name
    if place.is_file():
        return place
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".{name}-{os.getpid()}-{secrets.token_hex(4)}"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        try:
            os.link(fresh, place)  # never over a key that another process made meanwhile
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return place
