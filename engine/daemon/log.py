"""The daemon's log: one JSON object a line on stderr, which is the log file, kept small by rotation."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

MOST_BYTES = 8 * 1024 * 1024
KEPT = 3  # older files: daemon.log.1 is the newest of them


class JsonLines(logging.Formatter):
    """`{"at", "level", "part", "message"}`, and `trace` where something was raised that nobody expected."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "part": "daemon" if record.threadName in (None, "MainThread") else record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


class RotatingStderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to stderr; where that is the log file at `path`, a full one makes room for a new one."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(sys.stderr)
        self._path = path
        self._most_bytes = most_bytes

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, then look whether the file is full."""
        super().emit(record)
        try:
            if os.fstat(2).st_size > self._most_bytes and os.path.samestat(os.fstat(2), self._path.stat()):
                self._rotate()
        except OSError:
            return  # a log that cannot be rotated is still a log

    def _rotate(self) -> None:
        for number in range(KEPT, 0, -1):
            older = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number}"))
        use_file(self._path)


def use_file(path: Path) -> None:
    """Make a file stdout and stderr of this process: what a library prints goes with the log."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(fresh, 1)
        os.dup2(fresh, 2)
    finally:
        os.close(fresh)


def log_to_stderr(path: Path) -> None:
    """Send what the daemon says to stderr, a line each; `path` is where its log file lies."""
    handler = RotatingStderr(path)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("modeldeck").setLevel(logging.INFO)
