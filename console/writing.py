"""Writes a file whole or not at all, where the caller stands."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from store.errors import Refused, WorkFailed


def write_whole(target: Path, content: str | bytes) -> None:
    """Write a file by another name first.

    Raises:
        WorkFailed: the folder takes no file.
    """
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except OSError as error:
        raise WorkFailed(f"{target} cannot be written: {error.strerror}", "name another folder") from None


def refuse_taken(target: Path) -> None:
    """Refuse what `write_new` could not write, before any work is done for it.

    Raises:
        Refused: there is such a file already, or no such folder.
    """
    if target.exists():
        raise Refused(f"{target} is there already", "name another file")
    if not target.parent.is_dir():
        raise Refused(f"there is no folder {target.parent}", "make it first")


def write_new(target: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a private file that is not there yet, whole and synced; never over one that appeared meanwhile.

    Raises:
        Refused: there is such a file by now.
        WorkFailed: the folder takes no file.
    """
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
        fresh = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.link(fresh, target)
        finally:
            fresh.unlink(missing_ok=True)
    except FileExistsError:
        raise Refused(f"{target} is there already", "name another file") from None
    except OSError as error:
        raise WorkFailed(f"{target} cannot be written: {error.strerror}", "name another file") from None
