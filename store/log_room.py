"""Room at the end of the registry's log, made before commits need it. Standard library only.

A commit waits until the disk has what it wrote. Where that makes the file longer, the file system has to keep its new
length, too, which takes as long again: so it is in a log that is new, until it begins from its start again. Zeros are
no frames: whoever reads the log, also after a kill, stops at the last frame that fits what the log's head says.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

LOOK_EVERY = 4  # transactions; a command that changes one thing makes no room
ROOM_BYTES = 256 << 10  # in one piece: file systems take longer to write into pieces of megabytes
MOST_BYTES = 8 << 20  # about where the log begins from its start again


class LogRoom:
    """Makes a log longer when it has grown since the last look. To be asked only by who holds the write lock."""

    def __init__(self, registry: Path) -> None:
        self._log = f"{registry}-wal"
        self._known = 0
        self._asked = 0

    def keep(self) -> None:
        """Look now and then whether commits have made the log longer, and be ahead of the next ones."""
        self._asked += 1
        if self._asked % LOOK_EVERY == 0:
            with contextlib.suppress(OSError):  # a full disk is told by the commit that needs it
                self._look()

    def _look(self) -> None:
        size = os.stat(self._log).st_size
        if 0 < self._known < size < MOST_BYTES:
            log = os.open(self._log, os.O_WRONLY)
            try:
                size += os.pwrite(log, bytes(ROOM_BYTES), size)
            finally:
                os.close(log)
        self._known = size
