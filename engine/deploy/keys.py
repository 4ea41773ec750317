"""The deck's own secrets, made on first use, 0600, outside the registry: the log's key, one that opens endpoints."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path

from store.secret_files import kept


def log_key(folder: Path) -> Path:
    """Return the key file `log` in the deck's key folder, made whole if absent: personal columns are logged under it.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    return kept(folder, "log", json.dumps({"id": secrets.token_hex(4), "key": secrets.token_hex(32)}))


def endpoint_key(folder: Path) -> str:
    """Return the key with which the deck itself asks its endpoints, made if absent.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    return kept(folder, "endpoints", new_endpoint_key()).read_text("ascii")


def new_endpoint_key() -> str:
    """Return a key nobody has; how it begins tells one that leaked for what it is."""
    return f"mdk_{secrets.token_urlsafe(32)}"


def digest(key: str) -> str:
    """Return what is kept of an endpoint's key, and what routers compare."""
    return hashlib.sha256(key.encode()).hexdigest()
