"""What rows can be read from, and what was read kept until something is committed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sized
from typing import Any, Protocol, TypeVar

Row = sqlite3.Row
Params = Mapping[str, Any]
T = TypeVar("T")

_MOST_KEPT = 200_000  # things in all that is kept together: some ten megabytes


class Reader(Protocol):
    """Whatever rows can be read from: a Database, or a Write that also sees its own changes."""

    def rows(self, sql: str, params: Params = ...) -> list[Row]:
        """Return every row."""
        ...

    def row(self, sql: str, params: Params = ...) -> Row | None:
        """Return the first row, None without one."""
        ...

    def tuples(self, sql: str, params: Params = ...) -> list[tuple[Any, ...]]:
        """Return each row as a plain tuple."""
        ...

    def words(self, sql: str, params: Params = ...) -> list[str]:
        """Return the one column `word` of every row: texts without spaces, thousands at a time."""
        ...

    def remembered(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` read when it was last asked for under this key, where nothing was committed since."""
        ...


class Memory:
    """What was read of one state of the registry; the first thing read of a later one clears it."""

    def __init__(self) -> None:
        self._state = -1
        self._kept: dict[Any, Any] = {}
        self._size = 0
        self._lock = threading.Lock()

    def get(self, state: int, key: Any) -> Any:
        """Return what is kept of this state, None where nothing is."""
        with self._lock:
            return self._kept.get(key) if self._state == state else None

    def keep(self, state: int, key: Any, value: Any) -> None:
        """Keep something; where it is too much, what was kept before goes."""
        size = len(value) if isinstance(value, Sized) else 1
        if size > _MOST_KEPT:
            return
        with self._lock:
            if self._state != state or self._size + size > _MOST_KEPT:
                self._state, self._kept, self._size = state, {}, 0
            self._kept[key] = value
            self._size += size
