"""The key with which the deck asks its own endpoints, made on first use, 0600, outside the registry."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from store.secret_files import kept


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
