"""Writes a file whole or not at all, where the caller stands."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from store.errors import WorkFailed


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
