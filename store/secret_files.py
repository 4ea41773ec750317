"""Files that hold a secret: made once, whole, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from store.storage import writing_to


def kept(folder: Path, name: str, content: str) -> Path:
    """Return the file of that name, made with this content where it is absent; one that is there stays.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
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
            os.link(fresh, place)  # never over one that another process made meanwhile
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return place
