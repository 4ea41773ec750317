"""The deck's log key: personal columns are logged under it, and people are sought by it. Made on first use, 0600."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from store.secret_files import kept


def log_key(folder: Path) -> Path:
    """Return the key file `log` in the deck's key folder, made whole if absent.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    return kept(folder, "log", json.dumps({"id": secrets.token_hex(4), "key": secrets.token_hex(32)}))
