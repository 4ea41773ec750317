"""The deck's log key: personal columns are logged as tokens under it. Made on first use, 0600, outside the registry."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from store.storage import writing_to


def log_key(folder: Path) -> Path:
    """Return the key file `log` in the deck's key folder, made whole if absent.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    place = folder / "log"
    if place.is_file():
        return place
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f".log-{os.getpid()}"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as target:
            json.dump({"id": secrets.token_hex(4), "key": secrets.token_hex(32)}, target)
            target.flush()
            os.fsync(target.fileno())
        try:
            os.link(fresh, place)  # never over a key that another process made meanwhile
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return place
